//! What an integrator may receive.

use kernel::{DepartmentCode, GridCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::stored;

/// A text that is no audience that can be granted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an audience that can be granted is order.<CODE>, order.*, street.<CODE>, street.* or district")]
pub struct InvalidAudience;

/// An audience whose events an integrator receives: `order.<CODE>`, `order.*`, `street.<CODE>`, `street.*` or `district`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = r"^((order|street)\.(\*|[A-Z0-9][A-Z0-9-]{0,31})|district)$"))]
pub struct GrantedAudience(String);

impl GrantedAudience {
    /// Checks the form. What is internal cannot be granted.
    pub fn try_new(text: &str) -> Result<Self, InvalidAudience> {
        let is_allowed = match text.split_once('.') {
            Some(("order" | "street", "*")) => true,
            Some(("order", code)) => DepartmentCode::try_new(code).is_ok(),
            Some(("street", code)) => GridCode::try_new(code).is_ok(),
            Some(_) => false,
            None => text == "district",
        };
        if is_allowed { Ok(Self(text.to_owned())) } else { Err(InvalidAudience) }
    }

    /// Whether an event of this audience is received: `order.*` is every order, and no more than that.
    pub fn covers(&self, audience: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(kind) => audience.strip_prefix(kind).is_some_and(|name| !name.is_empty()),
            None => self.0 == audience,
        }
    }
}

stored! { GrantedAudience or InvalidAudience; }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_is_received_and_nothing_else() {
        let covered = |granted: &str| {
            let granted = GrantedAudience::try_new(granted).unwrap();
            let all = ["order.CGZF", "order.CGZF-1", "order.", "street.JAS", "district", "internal"];
            all.into_iter().filter(|audience| granted.covers(audience)).collect::<Vec<_>>()
        };
        assert_eq!(covered("order.CGZF"), ["order.CGZF"]);
        assert_eq!(covered("order.*"), ["order.CGZF", "order.CGZF-1"]);
        assert_eq!(covered("street.*"), ["street.JAS"]);
        assert_eq!(covered("district"), ["district"]);
    }

    #[test]
    fn what_is_internal_or_wider_than_its_name_is_not_granted() {
        for good in ["order.CGZF", "order.*", "street.BZ", "street.*", "district"] {
            assert_eq!(GrantedAudience::try_new(good).map(String::from), Ok(good.to_owned()));
        }
        let bad = [
            "",
            "internal",
            ">",
            "*",
            "order",
            "order.",
            "order.>",
            "order.*.x",
            "order.cgzf",
            "district.x",
            "street.A.B",
        ];
        for bad in bad {
            assert_eq!(GrantedAudience::try_new(bad), Err(InvalidAudience), "{bad}");
        }
    }
}
