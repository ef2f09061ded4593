//! Consent rules (征询规则): how many must agree, as fractions.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A share that must be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fraction {
    pub numerator: u32,
    pub denominator: u32,
    /// True for "more than" (过半数), false for "at least" (以上).
    #[serde(default)]
    pub exceeded: bool,
}

impl Fraction {
    /// Whether `part` of `whole` reaches the share. Exact: no rounding. Nothing is a share of nothing.
    pub fn reached(self, part: u64, whole: u64) -> bool {
        let part = u128::from(part) * u128::from(self.denominator);
        let needed = u128::from(whole) * u128::from(self.numerator);
        whole > 0 && if self.exceeded { part > needed } else { part >= needed }
    }

    /// Whether it requires more than nothing and not more than the whole.
    pub(crate) fn is_share(self) -> bool {
        let most = if self.exceeded { self.denominator.saturating_sub(1) } else { self.denominator };
        self.numerator <= most && (self.numerator > 0 || self.exceeded) && self.denominator > 0
    }
}

/// What must be reached, counted by one measure. An absent threshold is not required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Share of the electorate that must take part (参与表决).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participated_of_invited: Option<Fraction>,
    /// Share of the electorate that must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_of_invited: Option<Fraction>,
    /// Share of those who took part that must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_of_participated: Option<Fraction>,
}

impl Thresholds {
    /// Whether the count reaches every threshold. A count that contradicts itself reaches none.
    pub fn met(&self, count: &ConsentCount) -> bool {
        let reached =
            |threshold: Option<Fraction>, part, whole| threshold.is_none_or(|threshold| threshold.reached(part, whole));
        count.is_consistent()
            && reached(self.participated_of_invited, count.participated, count.invited)
            && reached(self.agreed_of_invited, count.agreed, count.invited)
            && reached(self.agreed_of_participated, count.agreed, count.participated)
    }

    /// Whether it states how many must agree, in shares that can be reached.
    pub(crate) fn is_sound(&self) -> bool {
        let all = [self.participated_of_invited, self.agreed_of_invited, self.agreed_of_participated];
        let asks = self.agreed_of_invited.is_some() || self.agreed_of_participated.is_some();
        asks && all.into_iter().flatten().all(Fraction::is_share)
    }
}

/// A consent rule. Decisions name it by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentRule {
    /// For example `CIVIL_CODE_278`.
    pub id: String,
    pub name: String,
    /// The norm that states it.
    pub source: String,
    /// True if it is an interpretation and not the wording of a norm.
    #[serde(default)]
    pub assumed: bool,
    /// Applies to decisions from this moment on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_from: Option<DateTime<Utc>>,
    /// Applies to decisions before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_until: Option<DateTime<Utc>>,
    /// Counted by heads or households (人数、户数).
    pub heads: Thresholds,
    /// Counted by exclusive area (专有部分面积), where the norm requires both counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Thresholds>,
}

impl ConsentRule {
    /// Whether it applies to decisions at that moment.
    pub fn applies(&self, decided: DateTime<Utc>) -> bool {
        self.decided_from.is_none_or(|from| from <= decided) && self.decided_until.is_none_or(|until| decided < until)
    }
}

/// The result of a poll, by heads or by area (then in a unit small enough for whole numbers, such as square centimetres).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentCount {
    /// The electorate: everybody who had to be asked.
    pub invited: u64,
    pub reached: u64,
    pub participated: u64,
    pub agreed: u64,
    pub opposed: u64,
}

impl ConsentCount {
    /// Whether no part exceeds its whole.
    pub fn is_consistent(&self) -> bool {
        let voted = self.agreed.checked_add(self.opposed);
        self.reached <= self.invited
            && self.participated <= self.reached
            && voted.is_some_and(|voted| voted <= self.participated)
    }
}

/// Whether consent is reached by heads. Where the rule also requires area, a second count must meet `rule.area`.
pub fn evaluate(rule: &ConsentRule, heads: &ConsentCount) -> bool {
    rule.heads.met(heads)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{day, half_of_participants, resident_two_thirds};

    fn count(invited: u64, participated: u64, agreed: u64) -> ConsentCount {
        ConsentCount { invited, reached: participated, participated, agreed, opposed: participated - agreed }
    }

    #[test]
    fn two_thirds_of_those_asked_is_exact() {
        let rule = resident_two_thirds();
        for (invited, agreed, consents) in
            [(3, 2, true), (3, 1, false), (100, 66, false), (100, 67, true), (99, 66, true), (0, 0, false)]
        {
            assert_eq!(evaluate(&rule, &count(invited, agreed, agreed)), consents, "{agreed} of {invited}");
        }
        assert!(evaluate(&rule, &count(u64::MAX, u64::MAX, u64::MAX)));
    }

    #[test]
    fn participation_and_consent_are_two_thresholds() {
        let rule = half_of_participants();
        for (participated, agreed, consents) in [(66, 40, true), (66, 33, false), (66, 34, true), (65, 65, false)] {
            assert_eq!(evaluate(&rule, &count(99, participated, agreed)), consents, "{agreed} of {participated}");
        }
    }

    #[test]
    fn a_count_that_contradicts_itself_never_consents() {
        let rule = resident_two_thirds();
        let fine = count(3, 3, 3);
        assert!(evaluate(&rule, &fine));
        for wrong in [
            ConsentCount { reached: 4, ..fine },
            ConsentCount { reached: 2, ..fine },
            ConsentCount { opposed: 1, ..fine },
            ConsentCount { opposed: u64::MAX, ..fine },
        ] {
            assert!(!evaluate(&rule, &wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_rule_applies_by_the_date_of_the_decision() {
        let rule = ConsentRule { decided_from: Some(day("2021-01-01")), ..resident_two_thirds() };
        assert!(!rule.applies(day("2020-12-31")) && rule.applies(day("2021-01-01")));
        let rule = ConsentRule { decided_until: Some(day("2021-01-01")), ..resident_two_thirds() };
        assert!(rule.applies(day("2020-12-31")) && !rule.applies(day("2021-01-01")));
    }
}
