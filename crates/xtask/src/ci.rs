//! What CI runs, in the order in which a fault shows soonest; the tests come last.

use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use comfy_table::{Table, presets};
use testkit::sample::workspace_dir;
use testkit::tools;
use tokio::process::Command;
use tokio::time::Instant;

use crate::cargo::{build_all, cargo, run as run_command};
use crate::{bench, contract, deploy, gauntlet, generate, test, tidy};

/// What the gauntlet needs to find that its programs are built, before cargo builds the tests.
const HEAD_START: Duration = Duration::from_secs(10);

/// How long each step took.
#[derive(Default)]
struct Steps {
    taken: Vec<(&'static str, Duration)>,
}

impl Steps {
    async fn step(&mut self, name: &'static str, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
        let started = Instant::now();
        eprintln!("== {name}");
        work.await.with_context(|| format!("CI stopped at {name}"))?;
        self.taken.push((name, started.elapsed()));
        Ok(())
    }

    fn table(&self) -> String {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED).set_header(["step", "seconds"]);
        for (name, taken) in &self.taken {
            table.add_row([(*name).to_owned(), format!("{:.1}", taken.as_secs_f64())]);
        }
        table.to_string()
    }
}

/// Runs every step; the output ends with the summary of `cargo test`.
pub(crate) async fn run() -> anyhow::Result<()> {
    let mut steps = Steps::default();
    let format = cargo(["fmt", "--all", "--check"]);
    let features = "dualgrid/otel,dualgrid/s3,dualgrid/faults";
    let clippy =
        cargo(["clippy", "--workspace", "--all-targets", "--locked", "--features", features, "--", "-D", "warnings"]);
    steps.step("format", run_command(format)).await?;
    steps.step("format of the benchmarks", bench::format()).await?;
    steps.step("tidy", tidy::run()).await?;
    steps.step("clippy", run_command(clippy)).await?;
    steps.step("clippy of the benchmarks", bench::lint()).await?;
    steps.step("licenses and sources", deny()).await?;
    steps.step("generated files", generate::run(generate::Options { check: true })).await?;
    steps.step("deploy", async { deploy::run() }).await?;
    steps.step("contract", Box::pin(contract::run(contract::Options::for_ci()))).await?;
    steps.step("programs of the gauntlet", async { gauntlet::build().await.map(drop) }).await?;
    steps.step("gauntlet, and the build of the tests", Box::pin(gauntlet_beside_build())).await?;
    eprintln!("{}\n== tests", steps.table());
    test::run(test::Options::default()).await
}

/// What may be in Cargo.lock (deny.toml), but for advisories: those need the internet, and are asked for by hand.
async fn deny() -> anyhow::Result<()> {
    let mut command = Command::new(tools::cargo_deny().await?);
    command.current_dir(workspace_dir());
    command.args([
        "--all-features",
        "--locked",
        "--offline",
        "--log-level",
        "error",
        "check",
        "--hide-inclusion-graph",
    ]);
    command.args(["bans", "licenses", "sources"]);
    run_command(command).await.context("cargo-deny")
}

/// The gauntlet waits more than it works: the tests are built meanwhile.
async fn gauntlet_beside_build() -> anyhow::Result<()> {
    let build = async {
        tokio::time::sleep(HEAD_START).await;
        build_all().await
    };
    let (played, tests) = tokio::join!(gauntlet::run(gauntlet::Options::for_ci()), build);
    played.and(tests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_step_with_its_time() {
        let steps = Steps { taken: vec![("tidy", Duration::from_millis(1500))] };
        let table = steps.table();
        assert!(table.contains("tidy") && table.contains("1.5"), "{table}");
    }
}
