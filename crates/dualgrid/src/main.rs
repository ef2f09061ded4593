//! The one binary of dualgrid; everything is in the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    dualgrid::main()
}
