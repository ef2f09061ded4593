//! The product, built with the settings of the benchmarks.

use std::process::ExitCode;

fn main() -> ExitCode {
    dualgrid::main()
}
