//! Packages of the system, where nothing else will do.

use std::process::Command;

use anyhow::{Context as _, bail};

use super::progress::Spinner;
use super::{Lock, cache_dir, find_in_path};
use crate::account::we_are_root;
use crate::process::run;

/// Installs a package with apt-get, with sudo when we are not root.
pub(super) async fn install(package: &str) -> anyhow::Result<()> {
    if find_in_path("apt-get").is_none() {
        bail!("`{package}` is missing and there is no apt-get: please install it with your system's package manager");
    }
    let _lock = Lock::acquire(&cache_dir()?, "apt").await?;
    let _spinner = Spinner::start(format!("installing {package} with apt-get"));
    run(apt_get(&["update"])?).await.context("apt-get could not refresh its lists")?;
    run(apt_get(&["install", "--yes", "--no-install-recommends", package])?)
        .await
        .with_context(|| format!("apt-get could not install {package}"))?;
    Ok(())
}

fn apt_get(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = if we_are_root()? {
        Command::new("env")
    } else if find_in_path("sudo").is_some() {
        let mut sudo = Command::new("sudo");
        sudo.arg("env");
        sudo
    } else {
        bail!("something must be installed, but we are not root and there is no sudo: run `apt-get {arguments:?}`");
    };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet"]).args(arguments);
    Ok(command)
}
