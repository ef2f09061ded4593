//! The whole program.

use std::process::ExitCode;

use clap::Parser as _;

use crate::{cli, output, private};

/// Events are small and live shortly: they are allocated on one thread and dropped on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Reads the command line and does what it says.
pub fn main() -> ExitCode {
    // Before anything is written: whatever the one who starts it allows, its files are its owner's.
    private::only_ours();
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(format_args!("could not start its threads: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(cli::run(cli)) {
        Ok(code) => code,
        Err(error) => {
            output::complain(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    };
    match output::fault() {
        None => code,
        Some(error) => {
            output::complain(format_args!("it is done, but not all that was said about it could be written: {error}"));
            ExitCode::FAILURE
        }
    }
}
