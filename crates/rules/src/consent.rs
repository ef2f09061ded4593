//! Consent rules (征询规则): how many must agree, as exact shares.

use chrono::{DateTime, Utc};
use kernel::consent::Thresholds;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{CODE_LEN_MAX, NAME_LEN_MAX, TEXT_LEN_MAX};

/// A consent rule. Decisions pin it by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRule {
    /// For example `CIVIL_CODE_278`.
    #[schemars(length(min = 1, max = CODE_LEN_MAX))]
    pub id: String,
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
    pub name: String,
    /// The norm that says so.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub source: String,
    /// True where it is dualgrid's reading and not the wording of a norm.
    #[serde(default)]
    pub assumed: bool,
    /// The first moment of decisions that it applies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_from: Option<DateTime<Utc>>,
    /// The end of the time of decisions that it applies to; that moment itself is excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_until: Option<DateTime<Utc>>,
    /// Counted by persons or households (人数、户数).
    pub heads: Thresholds,
    /// Counted by exclusive area (专有部分面积), where the norm requires both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Thresholds>,
}

impl ConsentRule {
    /// Whether it applies to a decision at that moment.
    pub fn applies(&self, decided: DateTime<Utc>) -> bool {
        self.decided_from.is_none_or(|from| from <= decided) && self.decided_until.is_none_or(|until| decided < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{day, resident_two_thirds};

    #[test]
    fn a_rule_applies_by_the_date_of_the_decision() {
        let rule = ConsentRule { decided_from: Some(day("2021-01-01")), ..resident_two_thirds() };
        assert!(!rule.applies(day("2020-12-31")) && rule.applies(day("2021-01-01")));
        let rule = ConsentRule { decided_until: Some(day("2021-01-01")), ..resident_two_thirds() };
        assert!(rule.applies(day("2020-12-31")) && !rule.applies(day("2021-01-01")));
    }
}
