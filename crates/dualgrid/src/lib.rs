//! Floor 4: the one binary: configuration, telemetry, wiring, roles, and the tools of whoever runs it.
//!
//! A library only so that another binary can be the same program: that of the benchmarks is built in a workspace of its
//! own.
//!
//! INVARIANT: nothing is decided here; every command ends in `app::App::submit`.
//! INVARIANT: only this crate reads configuration, key files and the command line.

mod cli;
mod config;
mod department;
mod docs;
mod doctor;
mod erase;
#[cfg(feature = "faults")]
mod faults;
mod import;
mod keys;
mod program;
mod rebuild;
mod serve;
mod system;
mod telemetry;
mod token;

pub use program::main;
