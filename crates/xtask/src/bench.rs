//! `cargo xtask bench`: the measurements, with everything they need.

mod beside;

use std::path::{Path, PathBuf};

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
    /// Measure another revision in turns with this one, in the quick form; without REV, the one before the registry of kinds.
    /// `--only` names some of `append`, `http`, `views-rebuild` then
    #[arg(long, value_name = "REV", num_args = 0..=1, default_missing_value = beside::BEFORE, conflicts_with = "docs")]
    beside: Option<String>,
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

/// Whether the benchmarks go with the crates that they measure. In the folder of the product, where most of what they need was checked.
pub(crate) async fn lint() -> anyhow::Result<()> {
    tools::openssl_headers().await?;
    let mut clippy = cargo(["clippy", "--all-targets", "--locked", "--manifest-path", MANIFEST]);
    clippy.arg("--target-dir").arg(workspace_dir().join("target")).args(["--", "-D", "warnings"]);
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
    if let Some(revision) = &options.beside {
        return beside::run(revision, options.only.as_deref(), options.json.as_deref(), &nats_server).await;
    }
    build(&workspace_dir()).await?;
    let mut bench = Command::new(target_dir().join("release/dualgrid-bench"));
    bench.args(arguments).current_dir(workspace_dir()).env(tools::NATS_SERVER_VARIABLE, nats_server);
    run_command(bench).await
}

/// Builds the benchmarks of the checkout in a folder, and the program that they measure.
async fn build(checkout: &Path) -> anyhow::Result<()> {
    let mut build = cargo(["build", "--release", "--locked", "--manifest-path", MANIFEST]);
    build.arg("--target-dir").arg(target_dir()).current_dir(checkout);
    run_command(build).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_passed_on_and_the_file_is_found_from_everywhere() {
        let (json, only) = (Some("a.json".into()), Some("append".into()));
        let options = Options { quick: true, json, only, docs: false, beside: None };
        let arguments = options.arguments().unwrap();
        assert_eq!(arguments[..2], ["--quick", "--json"]);
        assert!(arguments[2].starts_with('/') && arguments[2].ends_with("/a.json"), "{}", arguments[2]);
        assert_eq!(arguments[3..], ["--only", "append"]);
    }
}
