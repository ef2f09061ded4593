//! Cargo, as we call it.

use std::ffi::OsStr;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// A cargo command at the root of the workspace.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(testkit::sample::workspace_dir());
    command
}

/// Runs a command to its end on our terminal.
pub(crate) async fn run(mut command: Command) -> anyhow::Result<()> {
    let said = said(&command);
    let status = command.status().await.with_context(|| format!("could not run `{said}`"))?;
    ensure!(status.success(), "`{said}` failed with {status}");
    Ok(())
}

/// Runs a command to its end and gives what it printed.
pub(crate) async fn output(mut command: Command) -> anyhow::Result<String> {
    let said = said(&command);
    let output = command.stderr(Stdio::inherit()).output().await.with_context(|| format!("could not run `{said}`"))?;
    ensure!(output.status.success(), "`{said}` failed with {}", output.status);
    String::from_utf8(output.stdout).with_context(|| format!("`{said}` did not print UTF-8"))
}

/// Builds all programs and tests in one go.
///
/// One command for both, because cargo gives shared dependencies other features, and builds them anew, when it is asked
/// for one package and then for another.
pub(crate) async fn build_all() -> anyhow::Result<()> {
    run(cargo(["build", "--workspace", "--bins", "--tests", "--locked"])).await
}

fn said(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
