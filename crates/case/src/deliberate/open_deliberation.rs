use chrono::{DateTime, Utc};
use kernel::consent::ConsentRule;
use kernel::{Allowed, Context, Needs, Obligation, Step, Verb, check_count, check_line};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CONVENERS;
use crate::case::{Case, Decision};
use crate::{CaseFile, Refusal, Stage};

// Most characters of a text.
const TOPIC_MAX: usize = 200;
const RULE_MAX: usize = 100;
const NAME_MAX: usize = 100;
// Most entries of a list.
const FIXED_MAX: usize = 50;
const INVITED_MAX: usize = 200;

/// The secretary or grid leader opens a deliberation on the 1+5+X platform.
///
/// Not while another one is open, and not while the case is with the administrative network; what that network did not
/// file may be deliberated again. Works that need the residents' consent name the rule; it is pinned as it stands today, and
/// binds every later deliberation of the case. It may be recorded after it began: what is held in it is not before that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenDeliberation {
    /// What is deliberated, at most 200 characters.
    #[schemars(length(min = 1, max = TOPIC_MAX))]
    pub topic: String,
    /// Who sits on the platform.
    pub roster: Roster,
    /// The consent rule that a proposal must meet, for example `RESIDENT_2_3`. May be absent, and cannot be another one, where
    /// an earlier deliberation of the case pinned one.
    #[serde(default)]
    #[schemars(length(min = 1, max = RULE_MAX))]
    pub consent_rule: Option<String>,
    /// When it was opened, where that was before now; not before the issue was found, nor before an earlier deliberation of it.
    #[serde(default)]
    pub opened_at: Option<DateTime<Utc>>,
}

/// The 1+5+X platform (共治协商平台).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// 1: the convener's post.
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub convener: String,
    /// 5: the fixed seats.
    #[schemars(length(min = 1, max = FIXED_MAX))]
    pub fixed: Vec<Seat>,
    /// X: who is invited for this topic.
    #[serde(default)]
    #[schemars(length(max = INVITED_MAX))]
    pub invited: Vec<Seat>,
}

/// A seat: a class, and which body or post holds it. No names of persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Class, for example `owners_committee`.
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub class: String,
    /// The body or post, for example 复元坊业委会.
    #[schemars(length(min = 1, max = NAME_MAX))]
    pub holder: String,
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
    pub consent_rule: Option<ConsentRule>,
    /// When it was opened: no meeting of it was held before.
    pub opened_at: DateTime<Utc>,
    /// Who must advance it, and by when.
    pub next: Obligation,
}

impl Verb for OpenDeliberation {
    const NAME: &'static str = "open-deliberation";
    const BY: Allowed = CONVENERS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        let needs = case.posts(Needs::none().step(Step::DELIBERATE));
        match &self.consent_rule {
            Some(rule) => needs.consent_rule(rule),
            None => needs,
        }
    }
    fn example() -> Self {
        let seat = |class: &str, holder: &str| Seat { class: class.into(), holder: holder.into() };
        Self {
            topic: "复元坊车棚改建".into(),
            roster: Roster {
                convener: "jas-r03-secretary".into(),
                fixed: vec![seat("居委会", "staff-0103")],
                invited: vec![seat("居民代表", "seat-7")],
            },
            consent_rule: Some("RESIDENT_2_3".into()),
            opened_at: None,
        }
    }
}

impl OpenDeliberation {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if case.stage() == Stage::Deliberating
            && let Some(open) = file.deliberation().filter(|deliberation| deliberation.concluded.is_none())
        {
            return if self.is_same(&open.opened, earlier_rule(file)) {
                Ok(vec![])
            } else {
                Err(Refusal::DeliberationAlreadyOpen)
            };
        }
        let stages = [Stage::Registered, Stage::GridHandling, Stage::Deliberating, Stage::NotFiled, Stage::Reopened];
        case.opened_in(&stages, "registered, in grid handling, deliberated, not filed or reopened")?;
        check_line("topic", &self.topic, TOPIC_MAX)?;
        self.consent_rule.iter().try_for_each(|rule| check_line("consent_rule", rule, RULE_MAX))?;
        check_line("roster.convener", &self.roster.convener, NAME_MAX)?;
        check_count("roster.fixed", self.roster.fixed.len(), 1, FIXED_MAX)?;
        check_count("roster.invited", self.roster.invited.len(), 0, INVITED_MAX)?;
        for seat in self.roster.fixed.iter().chain(&self.roster.invited) {
            check_line("roster.class", &seat.class, NAME_MAX)?;
            check_line("roster.holder", &seat.holder, NAME_MAX)?;
        }
        let consent_rule = match (&self.consent_rule, file.consent_rule()) {
            (Some(id), Some(bound)) if *id != bound.id => {
                return Err(Refusal::BoundByConsentRule { rule: bound.id.clone() });
            }
            (_, Some(bound)) => Some(bound.clone()),
            (None, None) => None,
            (Some(id), None) => Some(context.facts.consent_rules.get(id).cloned().ok_or(Refusal::UnknownConsentRule)?),
        };
        let next = context.oblige(Step::DELIBERATE, file.secretary(context))?;
        let (topic, roster) = (self.topic.clone(), self.roster.clone());
        Ok(vec![
            DeliberationOpened { topic, roster, consent_rule, opened_at: self.opened_at(file, context)?, next }.into(),
        ])
    }

    /// When it was opened: after the issue was found, and not before an earlier deliberation of it.
    fn opened_at(&self, file: &CaseFile, context: &Context) -> Result<DateTime<Utc>, Refusal> {
        let moment = self.opened_at.unwrap_or(context.at);
        let found = ("the discovery of the issue", file.discovered.found_at);
        let earlier = file.deliberation().map(|earlier| ("the deliberation before it", earlier.opened.opened_at));
        if let Some((what, since)) = earlier.into_iter().chain([found]).find(|(_, since)| moment < *since) {
            return Err(Refusal::TooEarly { moment, what, since });
        }
        context.has_happened(moment)?;
        Ok(moment)
    }

    fn is_same(&self, opened: &DeliberationOpened, earlier: Option<&ConsentRule>) -> bool {
        let pinned = opened.consent_rule.as_ref().map(|rule| &rule.id);
        let went_over = self.consent_rule.is_none() && earlier.map(|rule| &rule.id) == pinned;
        (&self.topic, &self.roster) == (&opened.topic, &opened.roster)
            && self.opened_at.is_none_or(|at| at == opened.opened_at)
            && (went_over || self.consent_rule.as_ref() == pinned)
    }
}

/// The rule to which the case was bound before the newest deliberation.
fn earlier_rule(file: &CaseFile) -> Option<&ConsentRule> {
    let pinned = file.deliberations.iter().rev().nth(1).and_then(|earlier| earlier.opened.consent_rule.as_ref());
    pinned.or_else(|| file.consent_rule_taken_in())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        NOW, community, conclude, consent, discovered, escalated, feedback_recorded, given, grid_work, hearing, held,
        hold_hearing, open_deliberation, opened, proposal, refused_filing, registered, reopened,
    };
    use crate::{ConcludeDeliberation, Conclusion, HoldMeeting};
    use chrono::TimeDelta;
    use kernel::Unfit;

    #[test]
    fn one_deliberation_is_open_at_a_time() {
        given([discovered(), registered()]).when(open_deliberation()).then([opened()]);
        given([discovered(), registered(), opened()]).when(open_deliberation()).then_nothing();
        let other = OpenDeliberation { topic: "另一个议题".into(), ..open_deliberation() };
        given([discovered(), registered(), opened()]).when(other).then_refused(Refusal::DeliberationAlreadyOpen);
        let before = OpenDeliberation { opened_at: Some(NOW - TimeDelta::hours(1)), ..open_deliberation() };
        given([discovered(), registered(), opened()]).when(before).then_refused(Refusal::DeliberationAlreadyOpen);
    }

    #[test]
    fn it_was_opened_after_the_issue_was_found_and_before_what_is_held_in_it() {
        let (hour, found) = (TimeDelta::hours(1), crate::testing::file_of([discovered()]).discovered.found_at);
        let open = |opened_at| OpenDeliberation { opened_at: Some(opened_at), ..open_deliberation() };
        let told = || given([discovered(), registered()]);
        let second = TimeDelta::seconds(1);
        let early = |moment, what, since| Refusal::TooEarly { moment, what, since };
        let refusal = early(found - second, "the discovery of the issue", found);
        told().when(open(found - second)).then_refused(refusal);
        told().when(open(NOW + second)).then_refused(Unfit::InTheFuture { moment: NOW + second });
        let events = told().when(open(NOW - hour)).events();
        let before = [vec![discovered(), registered()], events].concat();
        given(before.clone()).when(open(NOW - hour)).then_nothing();
        // Whoever says nothing of the moment says the same.
        given(before.clone()).when(open_deliberation()).then_nothing();
        let held = |held_at| HoldMeeting { held_at, ..hold_hearing() };
        let refusal = early(NOW - hour - second, "the opening of the deliberation", NOW - hour);
        given(before.clone()).when(held(NOW - hour - second)).then_refused(refusal);
        let events = given(before.clone()).when(held(NOW - hour)).events();
        // One that is opened after it was not opened before it.
        let met = [before, events].concat();
        let ended =
            given(met.clone()).when(ConcludeDeliberation { conclusion: Conclusion::Escalate, ..conclude() }).events();
        let refusal = early(NOW - hour - second, "the deliberation before it", NOW - hour);
        given([met, ended].concat()).when(open(NOW - hour - second)).then_refused(refusal);
    }

    #[test]
    fn its_consent_rule_is_one_of_the_rules() {
        let rule = OpenDeliberation { consent_rule: Some("UNANIMITY".into()), ..open_deliberation() };
        given([discovered(), registered()]).when(rule).then_refused(Refusal::UnknownConsentRule);
    }

    #[test]
    fn a_rule_that_was_pinned_binds_every_later_deliberation() {
        let concluded = |conclusion| {
            let before = [discovered(), community(), opened(), held(hearing())];
            let ended = given(before.clone()).when(ConcludeDeliberation { conclusion, ..conclude() }).events();
            [before.to_vec(), ended].concat()
        };
        let closed = || {
            let reopened = [feedback_recorded(false), reopened()];
            concluded(Conclusion::Explain).into_iter().chain(reopened).collect::<Vec<_>>()
        };
        let refused = || [concluded(Conclusion::Escalate), vec![escalated(), refused_filing()]].concat();
        let ways = [concluded(Conclusion::Escalate), refused(), closed()];
        for before in ways {
            let bound = Refusal::BoundByConsentRule { rule: "RESIDENT_2_3".into() };
            let is_open = given(before.clone()).state().stage() == Stage::Deliberating;
            let unmet = if is_open { Refusal::DeliberationStillOpen } else { bound.clone() };
            given(before.clone()).when(grid_work()).then_refused(unmet);
            let other = OpenDeliberation { consent_rule: Some("LAX".into()), ..open_deliberation() };
            given(before.clone()).when(other).then_refused(bound);
            // It goes over where none is named, also once it is no longer in force, and the retry is none.
            let silent = || OpenDeliberation { consent_rule: None, ..open_deliberation() };
            let again = given(before.clone()).knowing(|facts| facts.consent_rules.clear()).when(silent()).events();
            assert_eq!(again, [opened()]);
            let again = || [before.clone(), again.clone(), vec![held(hearing())]].concat();
            given(again()).when(silent()).then_nothing();
            given(again()).when(open_deliberation()).then_nothing();
            given(again()).when(conclude()).then_refused(Refusal::ConsentMissing { version: 0 });
            given(again()).when(grid_work()).then_refused(Refusal::DeliberationStillOpen);
            let agreed = [again(), vec![proposal(1), consent()]].concat();
            let ended = given(agreed.clone()).when(conclude()).events();
            assert_eq!(given([agreed, ended].concat()).when(grid_work()).events().len(), 1);
        }
    }

    #[test]
    fn naming_none_is_not_the_same_as_naming_one_first() {
        let silent = OpenDeliberation { consent_rule: None, ..open_deliberation() };
        let open = [discovered(), community(), opened()];
        given(open).when(silent).then_refused(Refusal::DeliberationAlreadyOpen);
    }

    #[test]
    fn somebody_sits_on_the_platform() {
        let mut empty = open_deliberation();
        empty.roster.fixed.clear();
        let refusal = Unfit::EntryCount { field: "roster.fixed", min: 1, max: 50 };
        given([discovered(), registered()]).when(empty).then_refused(refusal);
    }
}
