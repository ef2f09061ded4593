//! `cargo xtask test`: all tests, with everything they need.

use std::process::Stdio;

use anyhow::Context as _;
use testkit::postgres::{Postgres, SHARED_VARIABLE};
use testkit::tools;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::cargo::{build_all, cargo};

/// What can be said.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// Passed on to `cargo test`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// How many tests ended how, over all test programs.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// Adds a summary line of a test program; other lines count nothing.
    fn add(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else { return };
        let counted = |what: &str| {
            let count = counts.split([';', '.']).find_map(|part| part.trim().strip_suffix(what))?;
            count.trim().parse::<u64>().ok()
        };
        self.passed += counted("passed").unwrap_or(0);
        self.failed += counted("failed").unwrap_or(0);
        self.ignored += counted("ignored").unwrap_or(0);
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.ignored)
    }
}

/// Runs them; ends with the sum over all test programs and the exit code of `cargo test`.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let nats_server = tools::nats_server().await?;
    tools::postgresql_bin().await?;
    build_all().await?;
    let postgres = Postgres::start().await?;
    // Not the examples in the documentation: there is none that runs, and rustdoc would take a minute to say so.
    let mut tests = cargo(["test", "--workspace", "--tests", "--locked"])
        .args(options.arguments)
        .env(SHARED_VARIABLE, postgres.admin_url())
        .env(tools::NATS_SERVER_VARIABLE, nats_server)
        .stdout(Stdio::piped())
        .spawn()
        .context("could not run `cargo test`")?;
    let mut totals = Totals::default();
    let mut lines = BufReader::new(tests.stdout.take().context("`cargo test` has no output")?).lines();
    while let Some(line) = lines.next_line().await? {
        totals.add(&line);
        println!("{line}");
    }
    let status = tests.wait().await?;
    drop(postgres);
    println!("{totals}");
    if status.success() {
        return Ok(());
    }
    // No error of our own after the summary: it says everything.
    std::process::exit(status.code().unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summaries_of_all_test_programs_are_added_up() {
        let mut totals = Totals::default();
        for line in [
            "test result: ok. 37 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 19.99s",
            "test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.85s",
            "test something::else ... ok",
        ] {
            totals.add(line);
        }
        assert_eq!(totals, Totals { passed: 38, failed: 2, ignored: 1 });
        assert_eq!(totals.to_string(), "38 passed, 2 failed, 1 skipped");
    }
}
