//! The configuration file of a system under test.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::secret::write_secret;

/// Everything in `dualgrid.toml`.
#[derive(Debug, Serialize)]
pub(super) struct Config {
    pub(super) installation: String,
    pub(super) instance: String,
    pub(super) http: Http,
    pub(super) operations: Http,
    pub(super) limits: Limits,
    pub(super) store: Store,
    pub(super) vault: Vault,
    pub(super) evidence: Evidence,
    pub(super) auth: Auth,
    pub(super) nats: Nats,
}

#[derive(Debug, Serialize)]
pub(super) struct Http {
    pub(super) listen: String,
    pub(super) address_file: String,
}

/// A test asks as often as it can; what is limited is tested with limits of its own.
#[derive(Debug, Serialize)]
pub(super) struct Limits {
    pub(super) requests_per_second: u32,
    pub(super) requests_burst: u32,
    pub(super) upload_kib_per_second: u32,
    pub(super) upload_kib_burst: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct Store {
    pub(super) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner_url: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Evidence {
    pub(super) url: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Vault {
    pub(super) url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) owner_url: Option<String>,
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
    pub(super) nkey_file: String,
}

impl Config {
    /// Writes the file where only we can read it: it holds passwords.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        write_secret(path, &toml::to_string(self).context("the configuration is no TOML")?)
    }
}
