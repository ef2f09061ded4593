//! The files of `deploy/`, each read by the program that will read it. What is not installed is said and passed over.

mod hardening;

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use testkit::sample::workspace_dir;

/// Where units look for the program once it is installed.
const INSTALLED: &str = "/usr/bin/dualgrid";

/// Checks the systemd units and compose.yaml, and what both give up.
pub(crate) fn run() -> anyhow::Result<()> {
    let deploy = workspace_dir().join("deploy");
    hardened(&deploy)?;
    let scratch = tempfile::tempdir().context("could not make a folder")?;
    units(&deploy.join("systemd"), scratch.path())?;
    compose(&deploy.join("compose.yaml"), scratch.path())
}

/// Every service and every unit gives up what it does not need.
fn hardened(deploy: &Path) -> anyhow::Result<()> {
    let read =
        |name: &str| std::fs::read_to_string(deploy.join(name)).with_context(|| format!("could not read {name}"));
    let mut missing = hardening::of_compose(&read("compose.yaml")?);
    missing.extend(hardening::of_unit(&read("systemd/dualgrid@.service")?));
    ensure!(missing.is_empty(), "deploy/ gives up too little:\n{}", missing.join("\n"));
    eprintln!("hardening: in order");
    Ok(())
}

/// The units, with a program that is surely there in place of ours. An unknown key is only a warning to systemd, so any
/// output is an offence.
fn units(folder: &Path, scratch: &Path) -> anyhow::Result<()> {
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).env("SYSTEMD_UNIT_PATH", format!("{}:", scratch.display()));
    for name in ["dualgrid.target", "dualgrid@.service"] {
        let unit = std::fs::read_to_string(folder.join(name)).with_context(|| format!("could not read {name}"))?;
        let copy = scratch.join(name);
        std::fs::write(&copy, unit.replace(INSTALLED, "/bin/true"))?;
        command.arg(copy);
    }
    let Ok(output) = command.output() else {
        eprintln!("systemd-analyze is not installed: the units were not checked");
        return Ok(());
    };
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(said.trim().is_empty(), "systemd-analyze verify says:\n{said}");
    passed("systemd-analyze verify", &output)
}

/// Compose, with empty secrets. The client alone is not enough: its plugin has to be there.
fn compose(file: &Path, scratch: &Path) -> anyhow::Result<()> {
    let installed = Command::new("docker").args(["compose", "version"]).output();
    if !installed.is_ok_and(|output| output.status.success()) {
        eprintln!("docker compose is not installed: compose.yaml was not checked");
        return Ok(());
    }
    for name in ["postgres.env", "dualgrid.env", "vault.env", "owner.env"] {
        std::fs::write(scratch.join(name), "")?;
    }
    let mut command = Command::new("docker");
    command.args(["compose", "--file"]).arg(file).args(["config", "--quiet"]).env("DUALGRID_SECRETS", scratch);
    passed("docker compose config", &command.output().context("docker does not start")?)
}

fn passed(what: &str, output: &Output) -> anyhow::Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{what} ended with {}:\n{said}", output.status);
    eprintln!("{what}: in order");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_ends_badly_is_an_offence() {
        let output = Command::new("false").output().expect("false is there");
        let error = passed("false", &output).expect_err("it ends badly").to_string();
        assert!(error.starts_with("false ended with exit status: 1"), "{error}");
    }
}
