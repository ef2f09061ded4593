//! Python environments of their own for programs that come as wheels, every package pinned by hash.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use super::progress::Spinner;
use super::{Lock, apt, cache_dir, find_in_path};
use crate::process::run;
use crate::random::to_hex;

/// The oldest Python that the packages take, and how it is asked whether it can make an environment.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// The folder with the programs of an environment of these packages, installed if it is missing. Other packages than before get an
/// environment of their own.
pub(super) async fn programs(name: &str, requirements: &str) -> anyhow::Result<PathBuf> {
    let cache = cache_dir()?;
    let digits = to_hex(&Sha256::digest(requirements));
    let folder = cache.join(format!("{name}-{}", digits.get(..12).unwrap_or(&digits)));
    let (programs, whole) = (folder.join("bin"), folder.join("installed"));
    if whole.is_file() {
        return Ok(programs);
    }
    let _lock = Lock::acquire(&cache, name).await?;
    if !whole.is_file() {
        install(name, requirements, &folder).await.with_context(|| format!("could not install {name}"))?;
        std::fs::write(&whole, &digits).with_context(|| format!("could not note that {name} is installed"))?;
    }
    Ok(programs)
}

/// An environment cannot be moved, so it is made in its place; what broke off before is removed first.
async fn install(name: &str, requirements: &str, folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("could not remove {}", folder.display()))?;
    }
    let python = python_with_venv(name).await?;
    let _spinner = Spinner::start(format!("installing {name}"));
    let mut make = Command::new(python);
    make.args(["-m", "venv"]).arg(folder);
    run(make).await.context("could not make a Python environment")?;
    let file = folder.join("requirements.txt");
    std::fs::write(&file, requirements).context("could not write the requirements for pip")?;
    let mut install = Command::new(folder.join("bin/python"));
    install
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"])
        .args(["--require-hashes", "--requirement"])
        .arg(&file);
    run(install).await.context("pip could not install the packages with these hashes")?;
    Ok(())
}

/// A Python that can make environments; installs what is missing.
async fn python_with_venv(name: &str) -> anyhow::Result<&'static str> {
    let works = || async {
        let mut probe = Command::new("python3");
        probe.args(["-c", PROBE]);
        find_in_path("python3").is_some() && run(probe).await.is_ok()
    };
    if !works().await {
        apt::install("python3-venv").await.with_context(|| format!("python3 with venv is needed for {name}"))?;
        ensure!(works().await, "python3-venv was installed, but python3 is older than 3.11 or has no venv");
    }
    Ok("python3")
}
