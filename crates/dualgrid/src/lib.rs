//! Floor 5: the one binary: configuration, telemetry, wiring, roles, and the tools of its operators.
//!
//! It is a library only so that another binary can be the same program: the binary of the benchmarks is built in a workspace
//! of its own.
//!
//! INVARIANT: nothing is decided here; every command ends in `app::App::submit`.
//! INVARIANT: kinds and views are known from `app::registry` only. The one exception are the two commands of `import`.
//! INVARIANT: only this crate reads configuration, key files and the command line.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod cli;
mod config;
mod department;
mod docs;
mod doctor;
mod erase;
#[cfg(feature = "faults")]
mod faults;
mod follow;
mod import;
mod keys;
mod losses;
mod program;
mod rebuild;
mod serve;
mod system;
mod telemetry;
mod token;
mod withdraw;

pub use program::main;
