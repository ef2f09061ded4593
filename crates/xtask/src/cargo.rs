//! Cargo, as we call it.

use std::ffi::OsStr;
use std::process::Stdio;

use anyhow::{Context as _, ensure};
use tokio::process::Command;

/// What `cargo run` tells the program that it runs. Handed on to another cargo, build scripts that watch these (ring's
/// does) would run again, and everything above them would be compiled again, at each change between the two.
const OF_CARGO_RUN: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];

/// A cargo command at the root of the workspace.
pub(crate) fn cargo<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(testkit::sample::workspace_dir());
    for (name, _) in std::env::vars_os() {
        if is_of_cargo_run(&name) {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_cargo_run(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| OF_CARGO_RUN.iter().any(|prefix| name.starts_with(prefix)))
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
/// One command for both, because cargo gives shared dependencies other features, and builds them again, when it is asked
/// for one package and then for another.
pub(crate) async fn build_all() -> anyhow::Result<()> {
    run(cargo(["build", "--workspace", "--bins", "--tests", "--locked"])).await
}

fn said(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_run_tells_us_is_not_handed_on() {
        assert!(is_of_cargo_run("CARGO_PKG_NAME".as_ref()) && is_of_cargo_run("CARGO_MANIFEST_DIR".as_ref()));
        for kept in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_TERM_COLOR", "PATH"] {
            assert!(!is_of_cargo_run(kept.as_ref()), "{kept}");
        }
    }
}
