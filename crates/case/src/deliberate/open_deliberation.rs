use kernel::{Obligation, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ConsentCount;
use crate::case::{Case, Decision};
use crate::discover::{check_count, check_text};
use crate::{Context, Deliberation, Refusal, Stage};

/// The secretary or grid leader opens a deliberation on the 1+5+X platform.
///
/// Not while another one is open, and not once the case is with the administrative network. Works that need the
/// residents' consent name the rule; it is pinned as it stands today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenDeliberation {
    /// What is deliberated, at most 200 characters.
    pub topic: String,
    /// Who sits on the platform.
    pub roster: Roster,
    /// The consent rule that a proposal has to meet, for example `RESIDENT_2_3`.
    #[serde(default)]
    pub consent_rule: Option<String>,
}

/// The 1+5+X platform (共治协商平台).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// 1: the convener's post.
    pub convener: String,
    /// 5: the fixed seats.
    pub fixed: Vec<Seat>,
    /// X: who is invited for this topic.
    #[serde(default)]
    pub invited: Vec<Seat>,
}

/// A seat: a class, and which body or post holds it. No names of persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Class, for example `owners_committee`.
    pub class: String,
    /// The body or post, for example 复元坊业委会.
    pub holder: String,
}

/// A share that has to be reached, exactly: no rounding.
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
    pub(crate) fn is_reached(self, part: u32, whole: u32) -> bool {
        let part = u64::from(part) * u64::from(self.denominator);
        let needed = u64::from(whole) * u64::from(self.numerator);
        whole > 0 && if self.exceeded { part > needed } else { part >= needed }
    }
}

/// A consent rule as of the day it was pinned, counted by heads. What is absent is not asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRuleFacts {
    /// Its name, for example `RESIDENT_2_3`.
    pub id: String,
    /// Share of those invited that has to take part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participated_of_invited: Option<Share>,
    /// Share of those invited that has to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_of_invited: Option<Share>,
    /// Share of those who took part that has to agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed_of_participated: Option<Share>,
    /// Version of the rules it stands in.
    pub rules_version: u32,
}

impl ConsentRuleFacts {
    /// Whether the count reaches every share that the rule asks for. A rule that asks for nothing is never met.
    pub(crate) fn is_met(&self, count: ConsentCount) -> bool {
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

/// A deliberation was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliberationOpened {
    /// What is deliberated.
    pub topic: String,
    /// Who sits on the platform.
    pub roster: Roster,
    /// The consent rule as of today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_rule: Option<ConsentRuleFacts>,
    /// Who has to bring it on until when.
    pub next: Obligation,
}

impl OpenDeliberation {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if case.stage == Stage::Deliberating
            && let Some(open) = file.deliberation().filter(|deliberation| deliberation.conclusion.is_none())
        {
            return if self.is_same(&open.opened) { Ok(vec![]) } else { Err(Refusal::DeliberationAlreadyOpen) };
        }
        let stages = [Stage::Registered, Stage::GridHandling, Stage::Deliberating, Stage::Reopened];
        case.opened_in(&stages, "registered, in grid handling, deliberated or reopened")?;
        check_text("topic", &self.topic, 200)?;
        check_text("roster.convener", &self.roster.convener, 100)?;
        check_count("roster.fixed", self.roster.fixed.len(), 1, 50)?;
        check_count("roster.invited", self.roster.invited.len(), 0, 200)?;
        for seat in self.roster.fixed.iter().chain(&self.roster.invited) {
            check_text("roster.class", &seat.class, 100)?;
            check_text("roster.holder", &seat.holder, 100)?;
        }
        let consent_rule = match &self.consent_rule {
            None => None,
            Some(id) => {
                let found = context.facts.consent_rule.clone().filter(|rule| rule.id == *id);
                Some(found.ok_or(Refusal::UnknownConsentRule)?)
            }
        };
        let next = context.oblige(Step::Deliberate, file.secretary())?;
        let opened = DeliberationOpened { topic: self.topic.clone(), roster: self.roster.clone(), consent_rule, next };
        Ok(vec![opened.into()])
    }

    fn is_same(&self, opened: &DeliberationOpened) -> bool {
        (&self.topic, &self.roster) == (&opened.topic, &opened.roster)
            && self.consent_rule.as_ref() == opened.consent_rule.as_ref().map(|rule| &rule.id)
    }
}

impl DeliberationOpened {
    pub(crate) fn evolve(self, case: Case) -> Case {
        case.turned(Stage::Deliberating, |file| {
            file.next = Some(self.next.clone());
            file.deliberations.push(Deliberation {
                opened: self,
                meetings: Vec::new(),
                proposals: Vec::new(),
                conclusion: None,
                consented: None,
            });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::{discovered, given, open_deliberation, opened, registered};

    #[test]
    fn one_deliberation_is_open_at_a_time() {
        given([discovered(), registered()]).when(open_deliberation()).then([opened()]);
        given([discovered(), registered(), opened()]).when(open_deliberation()).then_nothing();
        let other = OpenDeliberation { topic: "另一个议题".into(), ..open_deliberation() };
        given([discovered(), registered(), opened()]).when(other).then_refused(Refusal::DeliberationAlreadyOpen);
    }

    #[test]
    fn its_consent_rule_is_one_of_the_rules() {
        let rule = OpenDeliberation { consent_rule: Some("UNANIMITY".into()), ..open_deliberation() };
        given([discovered(), registered()]).when(rule).then_refused(Refusal::UnknownConsentRule);
    }

    #[test]
    fn every_share_of_a_rule_is_reached_exactly() {
        let share = |numerator, denominator, exceeded| Some(Share { numerator, denominator, exceeded });
        let rule = |participated_of_invited, agreed_of_participated| ConsentRuleFacts {
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

    #[test]
    fn somebody_sits_on_the_platform() {
        let mut empty = open_deliberation();
        empty.roster.fixed.clear();
        let refusal = Refusal::EntryCount { field: "roster.fixed", min: 1, max: 50 };
        given([discovered(), registered()]).when(empty).then_refused(refusal);
    }
}
