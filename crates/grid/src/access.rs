//! Shared by the commands of the district: who may give them, and how their examples are read.

use kernel::{Allowed, Reach, Role};
use serde::de::DeserializeOwned;

/// Administrators of the installation.
pub(crate) const ADMINISTRATORS: Allowed = &[(Role::Administrator, Reach::Everywhere)];

/// Reads an example from its file.
pub(crate) fn example<V: DeserializeOwned>(json: &str) -> V {
    serde_json::from_str(json).expect("a coverage test reads every example")
}
