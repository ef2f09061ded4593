//! Floor 1: who may act and who may connect: the register of persons and the register of programs, each one stream for the whole
//! installation.
//!
//! One stream, and not one for each program or person, because no two programs may ever have the same key, and no two persons the
//! same post of a grid.
//!
//! INVARIANT: pure. No clock, no randomness, no I/O.
//! INVARIANT: a key is one program's for good. One that was taken out is never let in again, for that program or another.
//! INVARIANT: what is internal is granted to nobody: no audience says it.
//! INVARIANT: a program that is closed has no key.
//! INVARIANT: once the first administrators are named, there is a security administrator who can act, from then on and without a gap.
//! INVARIANT: an administrator has no other post at the same time, so no two of the three are one person (三员分立).
//! INVARIANT: nobody changes what the register says of themselves.
//! INVARIANT: an erasure is never taken back.
//!
//! Absent on purpose: secrets. The register holds public keys only. Names in clear: the name of a person is sealed, and no document
//! shows it.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod audience;
pub mod erasures;
mod key;
mod name;
pub mod persons;
pub mod programs;
mod text;

pub use audience::{GrantedAudience, InvalidAudience};
pub use erasures::{Erasures, erasures_id};
pub use key::{InvalidNkey, Nkey};
pub use name::{
    ConnectorName, IntegratorName, InvalidConnectorName, InvalidIntegratorName, InvalidProgramSubject,
    InvalidSourceName, ProgramId, SourceName,
};
pub use persons::{InvalidPersonCode, PersonCode, Persons, PostCode, persons_id};
pub use programs::{Program, Programs, programs_id};
