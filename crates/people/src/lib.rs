//! Floor 1: who may connect: the register of programs, one stream for the whole installation.
//!
//! One stream, and not one for each program, because no two programs may ever have the same key.
//!
//! INVARIANT: pure. No clock, no randomness, no I/O.
//! INVARIANT: a key is one program's for good. One that was taken out is never let in again, for that program or another.
//! INVARIANT: what is internal is granted to nobody: no audience says it.
//! INVARIANT: a program that is closed has no key.
//!
//! Absent on purpose: secrets. The register holds public keys only.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod audience;
mod key;
mod name;
pub mod programs;

pub use audience::{GrantedAudience, InvalidAudience};
pub use key::{InvalidNkey, Nkey};
pub use name::{IntegratorName, InvalidIntegratorName, ProgramId};
pub use programs::{Program, Programs, programs_id};
