//! `cargo xtask test`: all tests, with everything they need.

use testkit::postgres::{Postgres, SHARED_VARIABLE};
use testkit::tools;

use crate::cargo::{build_all, cargo};

/// What can be said.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Passed on to `cargo test`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// Runs them; ends with the exit code of `cargo test`.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let nats_server = tools::nats_server().await?;
    tools::postgresql_bin().await?;
    build_all().await?;
    let postgres = Postgres::start().await?;
    let status = cargo(["test", "--workspace", "--locked"])
        .args(options.arguments)
        .env(SHARED_VARIABLE, postgres.admin_url())
        .env(tools::NATS_SERVER_VARIABLE, nats_server)
        .status()
        .await?;
    drop(postgres);
    if status.success() {
        return Ok(());
    }
    // No error of our own after the summary of cargo test: it says everything.
    std::process::exit(status.code().unwrap_or(1))
}
