//! `cargo xtask gauntlet`: exactness under load and faults, with everything it needs.

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use testkit::postgres::{Postgres, SHARED_VARIABLE};
use testkit::tools;
use tokio::process::Command;

use crate::cargo::{cargo, run as run_command};
use crate::contract;

/// The variable by which the gauntlet finds the program that it starts.
const BINARY_VARIABLE: &str = "DUALGRID_BIN";

/// What can be said.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// The small form that CI runs
    #[arg(long)]
    short: bool,
    /// Only scenarios with this in their name; can be given several times
    #[arg(long)]
    only: Vec<String>,
    /// Only on this backend: sqlite or postgres
    #[arg(long)]
    backend: Option<String>,
    /// The seed of an earlier run; a new one otherwise
    #[arg(long)]
    seed: Option<u64>,
    /// A new folder in which journals, logs and databases stay
    #[arg(long)]
    keep: Option<String>,
    /// Name the scenarios and do nothing
    #[arg(long)]
    list: bool,
}

impl Options {
    /// Whether everything is to be run, in full.
    fn is_whole(&self) -> bool {
        !self.short && !self.list && self.only.is_empty() && self.backend.is_none()
    }

    /// The small form of every scenario.
    pub(crate) fn for_ci() -> Self {
        Self { short: true, ..Self::default() }
    }

    fn passed_on(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut flag = |name: &str, is_set: bool| {
            if is_set {
                arguments.push(name.to_owned());
            }
        };
        flag("--short", self.short);
        flag("--list", self.list);
        for part in &self.only {
            arguments.extend(["--only".to_owned(), part.clone()]);
        }
        if let Some(backend) = &self.backend {
            arguments.extend(["--backend".to_owned(), backend.clone()]);
        }
        if let Some(folder) = &self.keep {
            arguments.extend(["--keep".to_owned(), folder.clone()]);
        }
        if let Some(seed) = self.seed {
            arguments.extend(["--seed".to_owned(), seed.to_string()]);
        }
        arguments
    }
}

/// Builds, starts PostgreSQL, and runs the scenarios; ends with their table.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let is_whole = options.is_whole();
    let nats_server = tools::nats_server().await?;
    tools::postgresql_bin().await?;
    tools::sqlite_shell().await?;
    let binary = build().await?;
    let postgres = Postgres::start().await?;
    let gauntlet = target()?.join("gauntlet");
    let status = Command::new(&gauntlet)
        .args(options.passed_on())
        .env(SHARED_VARIABLE, postgres.admin_url())
        .env(tools::NATS_SERVER_VARIABLE, nats_server)
        .env(BINARY_VARIABLE, binary)
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("could not run {}", gauntlet.display()))?;
    drop(postgres);
    ensure!(status.success(), "the gauntlet was not passed; each failure says above how to run it again alone");
    // What takes too long for CI comes with everything else that does.
    if is_whole { contract::run(contract::Options::default()).await } else { Ok(()) }
}

/// Builds the scenarios, and the program that they start; gives the path of that. Without `--package`, so that the dependencies are
/// those that were built for everything else.
pub(crate) async fn build() -> anyhow::Result<PathBuf> {
    let binary = build_with_faults().await?;
    run_command(cargo(["build", "--locked", "--bin", "gauntlet"])).await?;
    Ok(binary)
}

/// Builds dualgrid so that it can be ended at points and broken on purpose, and copies it: the next plain build takes
/// the name back.
async fn build_with_faults() -> anyhow::Result<PathBuf> {
    run_command(cargo(["build", "--locked", "--bin", "dualgrid", "--features", "dualgrid/faults"])).await?;
    let target = target()?;
    let (plain, own) = (target.join("dualgrid"), target.join("dualgrid-faults"));
    // Removed first: a program that runs cannot be written to.
    if own.exists() {
        std::fs::remove_file(&own).with_context(|| format!("could not remove {}", own.display()))?;
    }
    std::fs::copy(&plain, &own).with_context(|| format!("could not copy {}", plain.display()))?;
    Ok(own)
}

/// The folder in which cargo has put this program, and puts the others.
fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("this program does not know where it is")?;
    Ok(own.parent().context("a program without a folder")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_passed_on() {
        let options = Options { short: true, only: vec!["kills".into()], seed: Some(7), ..Options::default() };
        assert_eq!(options.passed_on(), ["--short", "--only", "kills", "--seed", "7"]);
        assert!(Options::default().passed_on().is_empty());
        assert!(Options::default().is_whole() && !Options::for_ci().is_whole() && !options.is_whole());
    }
}
