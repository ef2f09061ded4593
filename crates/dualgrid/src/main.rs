//! Floor 4: the one binary: configuration, telemetry, wiring, roles, and the tools of whoever runs it.
//!
//! INVARIANT: nothing is decided here; every command ends in `app::App::submit`.
//! INVARIANT: only this crate reads configuration, key files and the command line.

mod cli;
mod config;
mod department;
mod docs;
mod doctor;
mod erase;
mod import;
mod keys;
mod rebuild;
mod serve;
mod system;
mod telemetry;
mod token;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("dualgrid: could not start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(cli::run(cli)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dualgrid: {error:#}");
            ExitCode::FAILURE
        }
    }
}
