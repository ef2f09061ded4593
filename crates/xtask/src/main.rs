//! `cargo xtask`: set-up, tests, tidy and generated files.
//!
//! Stands beside the floors: it knows testkit and nothing of the product, which it builds and runs as a program.
//!
//! INVARIANT: whatever a person or CI has to do to this repository is one sub-command here, the same for both.
//! INVARIANT: nothing is installed that is there already, and nothing outside the cache folder is written but packages
//! of the system that are missing.

mod bench;
mod cargo;
mod ci;
mod contract;
mod deploy;
mod gauntlet;
mod generate;
mod sbom;
mod test;
mod tidy;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up, tests, tidy and generated files of dualgrid.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check what the compiler does not: floors, homes, circles, dependencies, sizes, comments, texts, named errors
    Tidy,
    /// Write the generated files: documents, schemas, OpenAPI
    Generate(generate::Options),
    /// Install what is missing, start PostgreSQL, and run all tests
    Test(test::Options),
    /// Measure the log, whole commands, views and the publisher beside what they are compared with
    Bench(bench::Options),
    /// Run the scenarios of faults under load; `--list` names them
    Gauntlet(gauntlet::Options),
    /// Start a whole system with the sample district and play the stories
    Up(up::Options),
    /// Ask thousands of requests made from the OpenAPI document, on both stores, and hold every answer against it
    Contract(contract::Options),
    /// Check the files of deploy/ with the programs that read them, and what containers and units give up
    Deploy,
    /// Write what is in the program, as a CycloneDX document
    Sbom(sbom::Options),
    /// Everything CI runs: format, tidy, clippy, generated files, deploy, contract, gauntlet, tests
    Ci,
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Tidy => tidy::run().await,
        Task::Generate(options) => generate::run(options).await,
        Task::Test(options) => test::run(options).await,
        Task::Bench(options) => bench::run(options).await,
        Task::Gauntlet(options) => gauntlet::run(options).await,
        Task::Up(options) => up::run(options).await,
        Task::Contract(options) => contract::run(options).await,
        Task::Deploy => deploy::run(),
        Task::Sbom(options) => sbom::run(options).await,
        Task::Ci => Box::pin(ci::run()).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
