//! What stands in a token: the members of its header and of its claims.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The members of a JSON object, each of them once: of two, every reader may take another (RFC 8725, section 2.4).
pub(super) struct Members(pub(super) Map<String, Value>);

impl Members {
    /// Reads a part of a token. `None` means it is no object, or names something twice.
    pub(super) fn of_part(part: &str) -> Option<Self> {
        serde_json::from_slice(&BASE64URL.decode(part).ok()?).ok()
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Once).map(Self)
    }
}

/// Reads an object, and no list of its values.
struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Map<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut members = Map::new();
        while let Some((name, value)) = access.next_entry::<String, Value>()? {
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is given twice"));
            }
        }
        Ok(members)
    }
}
