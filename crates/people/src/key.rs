//! Public keys of programs.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text that is no public nkey of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; `dualgrid nats key FILE` makes a key and prints its public half")]
pub struct InvalidNkey(#[from] accounts::InvalidKey);

/// The public nkey of a program: `U` and 55 more of A-Z and 2-7, the last of which are a checksum.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^U[A-Z2-7]{55}$"))]
pub struct Nkey(accounts::PublicKey);

impl Nkey {
    /// Checks the form and the checksum.
    pub fn try_new(text: &str) -> Result<Self, InvalidNkey> {
        Ok(Self(accounts::PublicKey::try_new(text)?))
    }

    /// The key as the configuration of nats-server needs it.
    pub fn public(&self) -> &accounts::PublicKey {
        &self.0
    }
}

impl From<accounts::PublicKey> for Nkey {
    fn from(key: accounts::PublicKey) -> Self {
        Self(key)
    }
}

impl fmt::Display for Nkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for Nkey {
    type Error = InvalidNkey;
    fn try_from(text: String) -> Result<Self, InvalidNkey> {
        Self::try_new(&text)
    }
}

impl From<Nkey> for String {
    fn from(key: Nkey) -> String {
        key.0.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::testing::KEYS;

    #[test]
    fn a_key_is_read_in_one_form() {
        for key in KEYS {
            let read = Nkey::try_new(key).map(|key| serde_json::to_value(key).ok());
            assert_eq!(read, Ok(Some(serde_json::json!(key))));
        }
        let (good, seed) = (KEYS[0], accounts::Seed::of_random([9; 32]).secret());
        let bad = ["", "U", &good.to_lowercase(), &good[..55], &format!("{good}A"), &format!(" {good}"), &seed];
        for bad in bad {
            assert_eq!(Nkey::try_new(bad), Err(InvalidNkey(accounts::InvalidKey::Public)), "{bad}");
        }
    }
}
