//! The configuration file of a system under test.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

/// Everything in `dualgrid.toml`.
#[derive(Debug, Serialize)]
pub(super) struct Config {
    pub(super) installation: String,
    pub(super) instance: String,
    pub(super) http: Http,
    pub(super) store: Database,
    pub(super) vault: Vault,
    pub(super) evidence: Database,
    pub(super) auth: Auth,
    pub(super) nats: Nats,
}

#[derive(Debug, Serialize)]
pub(super) struct Http {
    pub(super) listen: String,
    pub(super) address_file: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Database {
    pub(super) url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Vault {
    pub(super) url: String,
    pub(super) key_file: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Auth {
    pub(super) public_key_file: String,
    pub(super) private_key_file: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Nats {
    pub(super) url: String,
    pub(super) user: String,
    pub(super) password: String,
}

impl Config {
    /// Writes the file where only we can read it: it holds passwords.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        write_secret(path, &toml::to_string(self).context("the configuration is no TOML")?)
    }
}

/// Writes a file only its owner can read.
pub(super) fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("could not write {}", path.display()))
}
