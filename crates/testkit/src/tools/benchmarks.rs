//! What only the benchmarks need: npm, and the headers of OpenSSL, with which one of their baselines is built.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context as _;

use super::{apt, find_in_path};

/// npm; installed if it is missing.
pub async fn npm() -> anyhow::Result<PathBuf> {
    if let Some(npm) = find_in_path("npm") {
        return Ok(npm);
    }
    apt::install("npm").await.context("npm is needed for a baseline of the benchmarks")?;
    find_in_path("npm").context("npm was installed, but is not in PATH")
}

/// Makes sure that programs can be built with OpenSSL.
pub async fn openssl_headers() -> anyhow::Result<()> {
    if find_in_path("pkg-config").is_none() {
        apt::install("pkg-config").await.context("pkg-config is needed to build the benchmarks")?;
    }
    let known = Command::new("pkg-config").args(["--exists", "openssl"]).stderr(Stdio::null()).status();
    if known.is_ok_and(|status| status.success()) || Path::new("/usr/include/openssl/ssl.h").is_file() {
        return Ok(());
    }
    apt::install("libssl-dev").await.context("the headers of OpenSSL are needed to build the benchmarks")
}
