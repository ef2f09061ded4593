use kernel::consent::{ConsentRule, RULE_ID_LEN_MAX};
use kernel::{Allowed, CaseId, Context, Verb, check_line, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::merge_issue::REASON_MAX;
use crate::access::REGISTRARS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{CaseFile, Conclusion, Deliberation, Refusal, Stage, Urgency};

/// The part of a merger (并案) that happens on the case that continues. Only `merge-issue` gives it.
///
/// Refused where the case is closed, merged or voided, or is the case that is merged. The consent rule that the other case is bound
/// to goes over with the electorate that was counted for it, and so does its urgency where that is the higher one. So it is refused
/// too where this case is bound to another rule, or where its works go on without the consent that would be needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeInIssue {
    /// The case that ends.
    pub from: CaseId,
    /// Why both are the same issue, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
    /// How urgent the case that ends is.
    #[serde(default)]
    pub urgency: Urgency,
    /// The consent rule that the case that ends is bound to.
    #[serde(default)]
    pub consent_rule: Option<ConsentRule>,
    /// The electorate that was counted last for the case that ends.
    #[serde(default)]
    pub electorate: Option<u32>,
}

/// Another case about the same issue ended in this one; its finder gets this one's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueTakenIn {
    /// The case that ended.
    pub from: CaseId,
    /// Why both are the same issue.
    pub reason: String,
    /// How urgent the case that ended was: the case that continues is at least as urgent.
    pub urgency: Urgency,
    /// The consent rule that the case that ended was bound to: it binds the case that continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent_rule: Option<ConsentRule>,
    /// The electorate that was counted for it last: it holds for the case that continues until that one counts its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub electorate: Option<u32>,
}

impl Verb for TakeInIssue {
    const NAME: &'static str = "take-in-issue";
    const BY: Allowed = REGISTRARS;
    const IS_PART: bool = true;
    type Of = Case;

    fn example() -> Self {
        let reason = "同一家店已有一件在办".into();
        Self { from: examples::case(), reason, urgency: Urgency::Ordinary, consent_rule: None, electorate: None }
    }
}

impl TakeInIssue {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let into = CaseId::from(context.id);
        let known = case.file.as_deref();
        if let Some(taken) = known.and_then(|file| file.taken_in.iter().find(|taken| taken.from == self.from)) {
            let is_same = (&self.reason, self.urgency, &self.consent_rule, self.electorate)
                == (&taken.reason, taken.urgency, &taken.consent_rule, taken.electorate);
            return if is_same { Ok(vec![]) } else { Err(Refusal::AlreadyMerged) };
        }
        let file = known.filter(|_| !case.stage().is_final() && self.from != into);
        let file = file.ok_or(Refusal::CannotMergeInto { into })?;
        check_text("reason", &self.reason, REASON_MAX)?;
        self.consent_rule.as_ref().map_or(Ok(()), |rule| check_line("consent_rule.id", &rule.id, RULE_ID_LEN_MAX))?;
        self.check_consent(case, file)?;
        let (from, reason, consent_rule) = (self.from, self.reason.clone(), self.consent_rule.clone());
        let (urgency, electorate) = (self.urgency, self.electorate);
        Ok(vec![IssueTakenIn { from, reason, urgency, consent_rule, electorate }.into()])
    }

    /// A rule that goes over must be able to bind: one at a time, and before works.
    fn check_consent(&self, case: &Case, file: &CaseFile) -> Result<(), Refusal> {
        let Some(theirs) = &self.consent_rule else { return Ok(()) };
        let agreed = || file.deliberation().and_then(Deliberation::conclusion) == Some(Conclusion::Agreed);
        let goes_on = match case.stage() {
            Stage::Deliberating => agreed(),
            Stage::GridHandling | Stage::Disposed | Stage::Rework => file.cycle.grid_work.is_some(),
            _ => false,
        };
        match file.consent_rule() {
            Some(ours) if ours.id != theirs.id => {
                Err(Refusal::AnotherConsentRule { rule: ours.id.clone(), other: theirs.id.clone() })
            }
            None if goes_on => Err(Refusal::WorksWithoutConsent { from: self.from, rule: theirs.id.clone() }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        CASE, closed_case, community, conclude, concluded, consent, discovered, filed_case, given, grid_done,
        grid_started, grid_work, hearing, held, hold_hearing, merge, merged, open_deliberation, opened, proposal,
        taken_in, voided,
    };
    use crate::{CaseEvent, HoldMeeting, OpenDeliberation};
    use kernel::consent::ConsentCount;
    use kernel::{Actor, Role, Scope};

    fn rule() -> ConsentRule {
        ::given::facts().consent_rules["RESIDENT_2_3"].clone()
    }

    fn take_in(from: CaseId) -> TakeInIssue {
        TakeInIssue {
            from,
            reason: "同一车棚".into(),
            urgency: Urgency::Ordinary,
            consent_rule: None,
            electorate: None,
        }
    }

    #[test]
    fn an_open_case_takes_another_in_once() {
        let from = CaseId::named("from");
        given([discovered()]).when(take_in(from)).then([taken_in(from)]);
        given([discovered(), taken_in(from)]).when(take_in(from)).then_nothing();
        let other = TakeInIssue { reason: "同一人报的".into(), ..take_in(from) };
        given([discovered(), taken_in(from)]).when(other).then_refused(Refusal::AlreadyMerged);
    }

    #[test]
    fn a_consent_rule_goes_over_to_the_case_that_continues() {
        let bound = |from| TakeInIssue { consent_rule: Some(rule()), ..take_in(from) };
        let (from, next) = (CaseId::named("from"), CaseId::named("next"));
        let unruled = OpenDeliberation { consent_rule: None, ..open_deliberation() };
        let unruled = given([discovered(), community()]).when(unruled).events();
        let open = [vec![discovered(), community()], unruled, vec![held(hearing()), proposal(1)]].concat();
        let refusal = || Refusal::BoundByConsentRule { rule: rule().id };
        // Before a deliberation, and while one is open that was opened without a rule.
        let fresh = given([discovered(), community()]).when(bound(from)).events();
        let fresh = [vec![discovered(), community()], fresh].concat();
        given(fresh.clone()).when(bound(from)).then_nothing();
        given(fresh.clone()).when(grid_work()).then_refused(refusal());
        let silent = OpenDeliberation { consent_rule: None, ..open_deliberation() };
        given(fresh.clone()).when(silent.clone()).then([opened()]);
        given([fresh.clone(), vec![opened()]].concat()).when(silent).then_nothing();
        let taken = given(open.clone()).when(bound(from)).events();
        let taken = [open.clone(), taken].concat();
        given(taken.clone()).when(conclude()).then_refused(Refusal::ConsentMissing { version: 1 });
        let agreed = [taken, vec![consent(), concluded()]].concat();
        assert_eq!(given(agreed).when(grid_work()).events().len(), 1);
        // Along a chain of mergers, and into a case that is bound to the same one.
        let also = crate::MergeIssue { into: next, ..merge(next) }.needs(&given(fresh.clone()).state()).also;
        assert_eq!(also[0].body["consent_rule"]["id"], "RESIDENT_2_3");
        assert_eq!(given(fresh).when(bound(next)).events().len(), 1);
    }

    #[test]
    fn the_counted_electorate_goes_over_to_the_case_that_continues() {
        let (from, next) = (CaseId::named("from"), CaseId::named("next"));
        let open = vec![discovered(), community(), opened(), held(hearing()), proposal(1)];
        let counted = [open.clone(), vec![consent()]].concat();
        let sent = |events: Vec<CaseEvent>| {
            let also = merge(next).needs(&given(events).state()).also;
            serde_json::from_value::<TakeInIssue>(also[0].body.clone()).unwrap()
        };
        let bound = TakeInIssue { from, ..sent(counted) };
        assert_eq!(bound.electorate, Some(300));
        let taken = [open.clone(), given(open).when(bound.clone()).events()].concat();
        given(taken.clone()).when(bound).then_nothing();
        let few = ConsentCount { electorate: 3, invited: 3, reached: 3, participated: 3, agreed: 3, opposed: 0 };
        let asked = |count| HoldMeeting { round: 2, consent: Some(count), ..hold_hearing() };
        given(taken.clone()).when(asked(few)).then_refused(Refusal::AnotherElectorate { electorate: 300 });
        // Along a chain of mergers; the own count of the case that continues stands before it.
        assert_eq!(sent(taken.clone()).electorate, Some(300));
        let own = HoldMeeting { electorate_reason: Some("两户已搬离".into()), ..asked(few) };
        let secretary = Actor {
            id: "staff-1".into(),
            role: Role::ResidentialSecretary,
            scope: Scope::Everywhere,
            seconded_by: None,
        };
        let own = given(taken.clone()).by_actor(secretary).when(own).events();
        assert_eq!(sent([taken, own].concat()).electorate, Some(3));
    }

    #[test]
    fn a_consent_rule_goes_over_before_works_and_alone() {
        let from = CaseId::named("from");
        let bound = || TakeInIssue { consent_rule: Some(rule()), ..take_in(from) };
        let works = || vec![discovered(), community(), grid_started()];
        let unruled = OpenDeliberation { consent_rule: None, ..open_deliberation() };
        let unruled = given([discovered(), community()]).when(unruled).events();
        let open = [vec![discovered(), community()], unruled, vec![held(hearing())]].concat();
        let agreed = [open.clone(), given(open).when(conclude()).events()].concat();
        for gone_on in [works(), [works(), vec![grid_done()]].concat(), agreed] {
            let refusal = Refusal::WorksWithoutConsent { from, rule: rule().id };
            given(gone_on.clone()).when(bound()).then_refused(refusal);
            assert_eq!(given(gone_on).when(take_in(from)).events().len(), 1);
        }
        let other = TakeInIssue { consent_rule: Some(ConsentRule { id: "LAX".into(), ..rule() }), ..take_in(from) };
        let refusal = Refusal::AnotherConsentRule { rule: rule().id, other: "LAX".into() };
        given([discovered(), community(), opened()]).when(other).then_refused(refusal);
    }

    #[test]
    fn the_case_that_continues_is_as_urgent_as_the_one_that_ended() {
        let from = CaseId::named("from");
        let urgent = TakeInIssue { urgency: Urgency::Urgent, ..take_in(from) };
        for (taken, urgency) in [(urgent, Urgency::Urgent), (take_in(from), Urgency::Ordinary)] {
            let taken = given(filed_case()).when(taken).events();
            let before = [filed_case(), taken].concat();
            let events = given(before.clone()).when(crate::testing::dispatch()).events();
            assert!(matches!(&events[1], CaseEvent::OrderDispatched(order) if order.urgency == urgency));
            let also = merge(CaseId::named("next")).needs(&given(before).state()).also;
            assert_eq!(also[0].body["urgency"], serde_json::to_value(urgency).unwrap());
        }
    }

    #[test]
    fn a_case_that_is_over_or_the_same_takes_nothing_in() {
        let from = CaseId::named("from");
        let refusal = || Refusal::CannotMergeInto { into: CASE };
        let over =
            [vec![], vec![discovered(), merged(CaseId::named("other"))], vec![discovered(), voided()], closed_case()];
        for events in over {
            given(events).when(take_in(from)).then_refused(refusal());
        }
        given([discovered()]).when(take_in(CASE)).then_refused(refusal());
    }
}
