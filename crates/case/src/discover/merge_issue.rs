use chrono::{DateTime, Utc};
use kernel::{Allowed, CaseId, Context, Needs, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TakeInIssue;
use crate::access::REGISTRARS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{Refusal, Stage};

// Most characters of a text.
pub(super) const REASON_MAX: usize = 500;

/// A grid leader, secretary or duty officer joins a case to another one about the same thing (并案).
///
/// Before and after filing, as long as no department holds an order of it. The other case must be open and takes this one in
/// under the same command ([`TakeInIssue`](crate::TakeInIssue)): both happen, or neither. So two cases can never be merged into
/// each other. The urgency of this case goes over, and the consent rule that it is bound to with the electorate that was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeIssue {
    /// The case that continues.
    pub into: CaseId,
    /// Why both are the same issue, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// The case was joined to another one; its finder gets the answer of that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueMerged {
    /// The case that continues.
    pub into: CaseId,
    /// Why both are the same issue.
    pub reason: String,
    pub merged_at: DateTime<Utc>,
}

/// The stages in which a case can be joined to another one.
const MERGED_FROM: &[Stage] = &[
    Stage::Discovered,
    Stage::Registered,
    Stage::GridHandling,
    Stage::Deliberating,
    Stage::Escalated,
    Stage::NotFiled,
    Stage::Filed,
    Stage::Reopened,
];

impl Verb for MergeIssue {
    const NAME: &'static str = "merge-issue";
    const BY: Allowed = REGISTRARS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        match &case.file {
            Some(file) if file.merged.is_none() && file.discovered.case != self.into => {
                let taken_in = TakeInIssue {
                    from: file.discovered.case,
                    reason: self.reason.clone(),
                    urgency: file.urgency(),
                    consent_rule: file.consent_rule().cloned(),
                    electorate: file.electorate(),
                };
                Needs::none().also(self.into.uuid(), &taken_in)
            }
            _ => Needs::none(),
        }
    }
    fn example() -> Self {
        Self { into: examples::case(), reason: "同一家店已有一件在办".into() }
    }
}

impl MergeIssue {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if let Some(merged) = &file.merged {
            let is_same = (merged.into, &merged.reason) == (self.into, &self.reason);
            return if is_same { Ok(vec![]) } else { Err(Refusal::AlreadyMerged) };
        }
        case.opened_in(MERGED_FROM, "not at a department, not disposed, and not over")?;
        if let Some(order) = case.standing.live_orders().next() {
            return Err(Refusal::OrderNotReady { order: order.order, status: order.status.as_str() });
        }
        check_text("reason", &self.reason, REASON_MAX)?;
        if file.discovered.case == self.into {
            return Err(Refusal::CannotMergeInto { into: self.into });
        }
        Ok(vec![IssueMerged { into: self.into, reason: self.reason.clone(), merged_at: context.at }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        CASE, community, discovered, dispatched_case, disposed_case, filed_case, given, grid_started, merge, merged,
        opened,
    };
    use kernel::Aggregate;

    #[test]
    fn a_case_is_merged_once() {
        let into = CaseId::named("target");
        given([discovered()]).when(merge(into)).then([merged(into)]);
        given([discovered(), merged(into)]).when(merge(into)).then_nothing();
        let other = CaseId::named("other");
        given([discovered(), merged(into)]).when(merge(other)).then_refused(Refusal::AlreadyMerged);
        let otherwise = MergeIssue { reason: "同一人报的".into(), ..merge(into) };
        given([discovered(), merged(into)]).when(otherwise).then_refused(Refusal::AlreadyMerged);
        given([discovered()]).when(merge(CASE)).then_refused(Refusal::CannotMergeInto { into: CASE });
    }

    #[test]
    fn a_duplicate_is_merged_before_and_after_filing_but_not_away_from_a_department() {
        let into = CaseId::named("target");
        for before in
            [vec![discovered(), community(), grid_started()], vec![discovered(), community(), opened()], filed_case()]
        {
            let case = given(before).when(merge(into)).state();
            assert_eq!((case.stage(), case.standing.next()), (Stage::Merged, None));
        }
        let taken = "not at a department, not disposed, and not over";
        for (before, stage) in [(dispatched_case(), Stage::Dispatched), (disposed_case(), Stage::Disposed)] {
            given(before).when(merge(into)).then_refused(Refusal::WrongStage { stage, taken });
        }
    }

    #[test]
    fn the_other_case_takes_it_in_under_the_same_command() {
        let into = CaseId::named("target");
        let also = |events: &[crate::CaseEvent], into| {
            merge(into).needs(&events.iter().cloned().fold(Case::default(), Case::evolve)).also
        };
        let (reason, urgency) = (merge(into).reason, crate::Urgency::Ordinary);
        let taken_in = TakeInIssue { from: CASE, reason, urgency, consent_rule: None, electorate: None };
        assert_eq!(also(&[discovered()], into), Needs::none().also(into.uuid(), &taken_in).also);
        for (events, into) in [(vec![], into), (vec![discovered(), merged(into)], into), (vec![discovered()], CASE)] {
            assert_eq!(also(&events, into), []);
        }
    }
}
