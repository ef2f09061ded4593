//! Floor 5: the one binary: configuration, telemetry, wiring, roles, and the tools of its operators.
//!
//! It is a library only so that another binary can be the same program: the binary of the benchmarks is built in a workspace
//! of its own.
//!
//! INVARIANT: nothing is decided here; every command ends in `app::App::submit`.
//! INVARIANT: kinds and views are known from `app::registry` only. The one exception are the two commands of `import`.
//! INVARIANT: every line for whoever runs a command goes through one writer, which a closed pipe does not disturb (`output`).
//! INVARIANT: only this crate reads configuration, key files and the command line.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]
// What is said goes through `output`: these would panic in a pipe whose reader has gone away.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod clerks;
mod cli;
mod config;
mod department;
mod descriptors;
mod docs;
mod doctor;
mod erase;
#[cfg(feature = "faults")]
mod faults;
mod follow;
mod import;
mod keys;
mod losses;
mod migrate;
mod nats;
mod needs;
mod output;
mod persons;
mod private;
mod program;
mod programs;
mod rebuild;
mod rewrap;
mod roles;
mod serve;
mod standby;
mod system;
mod telemetry;
mod token;
mod withdraw;

pub use program::main;
