//! `cargo xtask bench`: the measurements, with everything they need.

use std::path::PathBuf;

use anyhow::Context as _;
use testkit::sample::workspace_dir;
use testkit::tools;
use tokio::process::Command;

use crate::cargo::{cargo, run as run_command};

/// Where the workspace of the benchmarks is.
pub(crate) const MANIFEST: &str = "crates/bench/Cargo.toml";

/// What can be said.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Smaller data and shorter windows: minutes instead of most of an hour
    #[arg(long)]
    quick: bool,
    /// Write one flat JSON object of numbers there
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run only these benchmarks, separated by commas
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Write the tables and charts of docs/performance
    #[arg(long)]
    docs: bool,
}

impl Options {
    /// As the benchmarks take them. They run at the root of the workspace, so paths are made absolute here.
    fn arguments(&self) -> anyhow::Result<Vec<String>> {
        let mut arguments = Vec::new();
        if self.quick {
            arguments.push("--quick".to_owned());
        }
        if let Some(file) = &self.json {
            let file = std::path::absolute(file).context("there is no current folder")?;
            let file = file.to_str().context("the path of the JSON is not UTF-8")?;
            arguments.extend(["--json".to_owned(), file.to_owned()]);
        }
        if let Some(names) = &self.only {
            arguments.extend(["--only".to_owned(), names.clone()]);
        }
        if self.docs {
            arguments.push("--docs".to_owned());
        }
        Ok(arguments)
    }
}

/// Whether the benchmarks are formatted.
pub(crate) async fn format() -> anyhow::Result<()> {
    run_command(cargo(["fmt", "--manifest-path", MANIFEST, "--check"])).await
}

/// Whether the benchmarks go with the crates that they measure.
pub(crate) async fn lint() -> anyhow::Result<()> {
    tools::openssl_headers().await?;
    let mut clippy = cargo(["clippy", "--all-targets", "--locked", "--manifest-path", MANIFEST]);
    clippy.arg("--target-dir").arg(target_dir()).args(["--", "-D", "warnings"]);
    run_command(clippy).await
}

/// The folder in which the benchmarks are built.
fn target_dir() -> PathBuf {
    workspace_dir().join("target/bench")
}

/// Installs what is missing, builds the benchmarks in a workspace of their own, and runs them.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    let arguments = options.arguments()?;
    let nats_server = tools::nats_server().await?;
    tools::postgresql_bin().await?;
    tools::openssl_headers().await?;
    tools::npm().await?;
    let target = target_dir();
    let mut build = cargo(["build", "--release", "--locked", "--manifest-path", MANIFEST]);
    build.arg("--target-dir").arg(&target);
    run_command(build).await?;
    let mut bench = Command::new(target.join("release/dualgrid-bench"));
    bench.args(arguments).current_dir(workspace_dir()).env(tools::NATS_SERVER_VARIABLE, nats_server);
    run_command(bench).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_passed_on_and_the_file_is_found_from_everywhere() {
        let options = Options { quick: true, json: Some("a.json".into()), only: Some("append".into()), docs: false };
        let arguments = options.arguments().unwrap();
        assert_eq!(arguments[..2], ["--quick", "--json"]);
        assert!(arguments[2].starts_with('/') && arguments[2].ends_with("/a.json"), "{}", arguments[2]);
        assert_eq!(arguments[3..], ["--only", "append"]);
    }
}
