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

    /// Whether it requires something, and not more than all.
    fn can_be_reached(self) -> bool {
        let Self { numerator, denominator, exceeded } = self;
        let most = if exceeded { denominator.saturating_sub(1) } else { denominator };
        numerator <= most && (numerator > 0 || exceeded) && denominator > 0
    }
}

/// A consent as counted. The electorate, those invited, reached and voting are kept apart, because every share is of the
/// **electorate**: whoever is not invited blocks, and nobody passes a proposal by asking few.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConsentCount {
    /// Households (or owners) that have a vote.
    pub electorate: u32,
    /// Those of the electorate that were asked.
    pub invited: u32,
    /// Those invited that were reached.
    pub reached: u32,
    /// Those reached that took part; abstaining is taking part.
    pub participated: u32,
    /// Those taking part that agreed.
    pub agreed: u32,
    /// Those taking part that opposed.
    pub opposed: u32,
}

impl ConsentCount {
    /// Whether each number is a part of the one before it, of an electorate that is not empty.
    pub fn adds_up(self) -> bool {
        self.electorate > 0
            && self.invited <= self.electorate
            && self.reached <= self.invited
            && self.participated <= self.reached
            && u64::from(self.agreed) + u64::from(self.opposed) <= u64::from(self.participated)
    }
}

/// The shares that must be reached, counted by one measure. An absent share is not required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Those who took part, of the electorate (参与表决).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participated_of_electorate: Option<Share>,
    /// Those who agreed, of the electorate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_of_electorate: Option<Share>,
    /// Those who agreed, of those who took part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_of_participated: Option<Share>,
}

impl Thresholds {
    /// Whether they say how many must agree, in shares that can be reached.
    pub fn is_sound(&self) -> bool {
        let all = [self.participated_of_electorate, self.agreed_of_electorate, self.agreed_of_participated];
        let asks = self.agreed_of_electorate.is_some() || self.agreed_of_participated.is_some();
        asks && all.into_iter().flatten().all(Share::can_be_reached)
    }

    /// Whether the count reaches every share. A count that does not add up reaches none, and so does any count where no share
    /// is asked for.
    pub fn are_met(&self, count: ConsentCount) -> bool {
        let shares = [
            (self.participated_of_electorate, count.participated, count.electorate),
            (self.agreed_of_electorate, count.agreed, count.electorate),
            (self.agreed_of_participated, count.agreed, count.participated),
        ];
        let reached =
            |(share, part, whole): (Option<Share>, _, _)| share.is_none_or(|share| share.is_reached(part, whole));
        count.adds_up() && shares.iter().any(|(share, ..)| share.is_some()) && shares.into_iter().all(reached)
    }
}

/// Most characters of the id of a consent rule.
pub const RULE_ID_LEN_MAX: usize = 64;

/// A consent rule as of the day it was pinned, counted by heads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRule {
    /// Its name, for example `RESIDENT_2_3`.
    #[schemars(length(min = 1, max = RULE_ID_LEN_MAX))]
    pub id: String,
    /// Counted by persons or households (人数、户数).
    pub heads: Thresholds,
    /// Version of the rules that it is part of.
    pub rules_version: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(numerator: u32, denominator: u32, exceeded: bool) -> Share {
        Share { numerator, denominator, exceeded }
    }

    fn civil_code() -> Thresholds {
        Thresholds {
            participated_of_electorate: Some(share(2, 3, false)),
            agreed_of_electorate: None,
            agreed_of_participated: Some(share(1, 2, true)),
        }
    }

    /// Every count with numbers up to four.
    fn small_counts() -> impl Iterator<Item = ConsentCount> {
        (0..5_u32.pow(6)).map(|number| {
            let digit = |place| number / 5_u32.pow(place) % 5;
            ConsentCount {
                electorate: digit(0),
                invited: digit(1),
                reached: digit(2),
                participated: digit(3),
                agreed: digit(4),
                opposed: digit(5),
            }
        })
    }

    #[test]
    fn every_share_of_a_rule_is_reached_exactly() {
        let count = |participated, agreed| ConsentCount {
            electorate: 300,
            invited: 300,
            reached: 300,
            participated,
            agreed,
            opposed: 0,
        };
        for (participated, agreed, met) in [(199, 199, false), (200, 100, false), (200, 101, true), (300, 150, false)] {
            assert_eq!(civil_code().are_met(count(participated, agreed)), met, "{agreed} of {participated}");
        }
        assert!(!Thresholds::default().are_met(count(300, 300)), "what asks for nothing is never met");
    }

    #[test]
    fn nothing_passes_that_does_not_add_up() {
        let two_thirds = Thresholds { agreed_of_electorate: Some(share(2, 3, false)), ..Thresholds::default() };
        let passed = small_counts().filter(|count| two_thirds.are_met(*count) || civil_code().are_met(*count));
        let mut seen = 0;
        for it in passed {
            let parts = [it.electorate, it.invited, it.reached, it.participated, it.agreed + it.opposed];
            assert!(parts.is_sorted_by(|whole, part| whole >= part) && it.electorate > 0, "{it:?}");
            seen += 1;
        }
        assert!(seen > 10, "{seen}");
        let absurd =
            ConsentCount { electorate: 300, invited: 300, reached: 10, participated: 290, agreed: 290, opposed: 0 };
        assert!(!absurd.adds_up() && !two_thirds.are_met(absurd));
        let huge = ConsentCount {
            electorate: u32::MAX,
            invited: u32::MAX,
            reached: u32::MAX,
            participated: u32::MAX,
            agreed: u32::MAX,
            opposed: 1,
        };
        assert!(!huge.adds_up());
    }

    #[test]
    fn inviting_few_lets_nothing_pass() {
        let two_thirds = Thresholds { agreed_of_electorate: Some(share(2, 3, false)), ..Thresholds::default() };
        for rule in [two_thirds, civil_code()] {
            for count in small_counts().filter(|count| rule.are_met(*count)) {
                let everybody = ConsentCount { invited: count.electorate, reached: count.electorate, ..count };
                assert!(rule.are_met(everybody), "{count:?}");
                assert!(count.participated * 3 >= count.electorate * 2, "a third could block: {count:?}");
            }
        }
        let few = ConsentCount { electorate: 300, invited: 30, reached: 30, participated: 30, agreed: 30, opposed: 0 };
        assert!(few.adds_up() && !two_thirds.are_met(few) && !civil_code().are_met(few));
    }

    #[test]
    fn what_can_be_reached_is_sound() {
        let with = |share| Thresholds { agreed_of_electorate: Some(share), ..Thresholds::default() };
        for (numerator, denominator, exceeded, sound) in
            [(2, 3, false, true), (1, 1, false, true), (0, 2, true, true), (2, 2, true, false), (0, 2, false, false)]
        {
            assert_eq!(with(share(numerator, denominator, exceeded)).is_sound(), sound, "{numerator}/{denominator}");
        }
        let quorum = Thresholds { participated_of_electorate: Some(share(2, 3, false)), ..Thresholds::default() };
        assert!(!quorum.is_sound(), "taking part is not agreeing");
    }
}
