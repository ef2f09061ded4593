//! Schemathesis, which makes requests from an OpenAPI document: in a Python environment of its own, every package pinned by hash.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha256};

use super::progress::Spinner;
use super::{Lock, apt, cache_dir, find_in_path};
use crate::process::run;
use crate::random::to_hex;

/// Every package with its hashes.
const REQUIREMENTS: &str = include_str!("schemathesis.txt");

/// The oldest Python that the packages take, and how it is asked whether it can make an environment.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";

/// The program `st`, installed if it is missing. Other packages than before get an environment of their own.
pub async fn schemathesis() -> anyhow::Result<PathBuf> {
    let cache = cache_dir()?;
    let digits = to_hex(&Sha256::digest(REQUIREMENTS));
    let folder = cache.join(format!("schemathesis-{}", digits.get(..12).unwrap_or(&digits)));
    let (program, whole) = (folder.join("bin/st"), folder.join("installed"));
    if whole.is_file() {
        return Ok(program);
    }
    let _lock = Lock::acquire(&cache, "schemathesis").await?;
    if !whole.is_file() {
        install(&folder).await.context("could not install schemathesis")?;
        std::fs::write(&whole, &digits).context("could not note that schemathesis is installed")?;
    }
    Ok(program)
}

/// An environment cannot be moved, so it is made in its place; what broke off before is removed first.
async fn install(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("could not remove {}", folder.display()))?;
    }
    let python = python_with_venv().await?;
    let _spinner = Spinner::start("installing schemathesis".to_owned());
    let mut make = Command::new(python);
    make.args(["-m", "venv"]).arg(folder);
    run(make).await.context("could not make a Python environment")?;
    let requirements = folder.join("requirements.txt");
    std::fs::write(&requirements, REQUIREMENTS).context("could not write the requirements for pip")?;
    let mut install = Command::new(folder.join("bin/python"));
    install
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:"])
        .args(["--require-hashes", "--requirement"])
        .arg(&requirements);
    run(install).await.context("pip could not install the packages with these hashes")?;
    Ok(())
}

/// A Python that can make environments; installs what is missing.
async fn python_with_venv() -> anyhow::Result<&'static str> {
    let works = || async {
        let mut probe = Command::new("python3");
        probe.args(["-c", PROBE]);
        find_in_path("python3").is_some() && run(probe).await.is_ok()
    };
    if !works().await {
        apt::install("python3-venv").await.context("python3 with venv is needed for schemathesis")?;
        ensure!(works().await, "python3-venv was installed, but python3 is older than 3.11 or has no venv");
    }
    Ok("python3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_its_version_and_its_hashes() {
        let packages = REQUIREMENTS.split("\n\n").flat_map(|text| text.lines()).filter(|line| line.contains("=="));
        let (mut count, mut before) = (0, "");
        for line in packages.filter(|line| !line.starts_with('#')) {
            assert!(line.trim_end().ends_with('\\'), "{line} has no hash");
            let name = line.split("==").next().unwrap_or_default();
            assert!(before < name, "{line} comes twice or out of order");
            (count, before) = (count + 1, name);
        }
        assert!(count > 20, "{count}");
    }
}
