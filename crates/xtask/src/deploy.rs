//! The files of `deploy/`, each read by the program that will read it. What is not installed is said and passed over.

use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, ensure};
use testkit::sample::workspace_dir;
use testkit::tools;

/// Where units look for the program once it is installed.
const INSTALLED: &str = "/usr/bin/dualgrid";

/// Checks nats.conf, the systemd units and compose.yaml.
pub(crate) async fn run() -> anyhow::Result<()> {
    let deploy = workspace_dir().join("deploy");
    nats(&deploy.join("nats.conf")).await?;
    let scratch = tempfile::tempdir().context("could not make a folder")?;
    units(&deploy.join("systemd"), scratch.path())?;
    compose(&deploy.join("compose.yaml"), scratch.path())
}

/// nats-server itself reads the configuration, with a password for every variable that it names.
async fn nats(file: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    let mut command = Command::new(tools::nats_server().await?);
    command.arg("-t").arg("-c").arg(file);
    for variable in variables(&text) {
        command.env(variable, "s-a-password");
    }
    passed("nats-server -t", &command.output().context("nats-server does not start")?)
}

/// The environment variables that a configuration of nats-server names.
fn variables(text: &str) -> impl Iterator<Item = &str> {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    text.split('$').skip(1).filter_map(move |rest| {
        let end = rest.find(|letter| !is_name(letter)).unwrap_or(rest.len());
        rest[..end].starts_with("DUALGRID").then_some(&rest[..end])
    })
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
    for name in ["postgres.env", "nats.env", "dualgrid.env"] {
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
    fn the_variables_of_a_configuration_are_found() {
        let text = "password: $DUALGRID_NATS_PASSWORD_CORE }\n# $HOME\n password: $DUALGRID_NATS_PASSWORD_DEPT_CGZF\n";
        let found: Vec<_> = variables(text).collect();
        assert_eq!(found, ["DUALGRID_NATS_PASSWORD_CORE", "DUALGRID_NATS_PASSWORD_DEPT_CGZF"]);
    }

    #[test]
    fn a_program_that_ends_badly_is_an_offence() {
        let output = Command::new("false").output().expect("false is there");
        let error = passed("false", &output).expect_err("it ends badly").to_string();
        assert!(error.starts_with("false ended with exit status: 1"), "{error}");
    }
}
