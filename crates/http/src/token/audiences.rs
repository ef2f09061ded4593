//! For which doors a token is meant.

use serde::{Deserialize, Serialize};

/// One audience, or a list (RFC 7519, section 4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audiences {
    /// One.
    One(String),
    /// A list.
    Several(Vec<String>),
}

impl Audiences {
    /// Whether `audience` is among them.
    pub(super) fn names(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(all) => all.iter().any(|one| one == audience),
        }
    }
}
