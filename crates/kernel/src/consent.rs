//! The arithmetic of consent: shares that must be reached exactly, without rounding.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A share that must be reached exactly: no rounding. "以上" includes the number (民法典 1259), "过半数" does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Upper part.
    pub numerator: u32,
    /// Lower part.
    pub denominator: u32,
    /// True for "more than" (过半数), false for "at least" (以上).
    pub exceeded: bool,
}

impl Share {
    /// Whether `part` of `whole` reaches it. Nothing is a share of nothing.
    pub fn is_reached(self, part: u32, whole: u32) -> bool {
        let part = u64::from(part) * u64::from(self.denominator);
        let needed = u64::from(whole) * u64::from(self.numerator);
        whole > 0 && if self.exceeded { part > needed } else { part >= needed }
    }
}

/// A consent as counted: invited, reached and voted are kept apart, because a quorum lets absent ones block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentCount {
    /// Households (or owners) that were asked.
    pub invited: u32,
    /// Those that were reached.
    pub reached: u32,
    /// Those that answered.
    pub participated: u32,
    /// Those that agreed.
    pub agreed: u32,
    /// Those that opposed.
    pub opposed: u32,
}

/// A consent rule as of the day it was pinned, counted by heads. What is absent is not asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRule {
    /// Its name, for example `RESIDENT_2_3`.
    pub id: String,
    /// Share of those invited that must take part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participated_of_invited: Option<Share>,
    /// Share of those invited that must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_of_invited: Option<Share>,
    /// Share of those who took part that must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_of_participated: Option<Share>,
    /// Version of the rules that it is part of.
    pub rules_version: u32,
}

impl ConsentRule {
    /// Whether the count reaches every share that the rule asks for. A rule that asks for nothing is never met.
    pub fn is_met(&self, count: ConsentCount) -> bool {
        let shares = [
            (self.participated_of_invited, count.participated, count.invited),
            (self.agreed_of_invited, count.agreed, count.invited),
            (self.agreed_of_participated, count.agreed, count.participated),
        ];
        let reached =
            |(share, part, whole): (Option<Share>, _, _)| share.is_none_or(|share| share.is_reached(part, whole));
        shares.iter().any(|(share, ..)| share.is_some()) && shares.into_iter().all(reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_share_of_a_rule_is_reached_exactly() {
        let share = |numerator, denominator, exceeded| Some(Share { numerator, denominator, exceeded });
        let rule = |participated_of_invited, agreed_of_participated| ConsentRule {
            id: "CIVIL_CODE_278".into(),
            participated_of_invited,
            agreed_of_invited: None,
            agreed_of_participated,
            rules_version: 1,
        };
        let count =
            |participated, agreed| ConsentCount { invited: 300, reached: 300, participated, agreed, opposed: 0 };
        let civil_code = rule(share(2, 3, false), share(1, 2, true));
        for (participated, agreed, met) in [(199, 199, false), (200, 100, false), (200, 101, true), (300, 150, false)] {
            assert_eq!(civil_code.is_met(count(participated, agreed)), met, "{agreed} of {participated}");
        }
        assert!(!rule(None, None).is_met(count(300, 300)), "a rule that asks for nothing is never met");
        assert!(!civil_code.is_met(ConsentCount { invited: 0, ..count(0, 0) }), "nothing is a share of nothing");
    }
}
