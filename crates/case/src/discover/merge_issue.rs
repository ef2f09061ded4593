use kernel::{Allowed, CaseId, Context, Needs, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::TakeInIssue;
use crate::access::REGISTRARS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{Refusal, Stage};

/// A grid leader, secretary or duty officer joins a case to another one about the same thing (并案).
///
/// The other case must be open and takes this one in under the same command ([`TakeInIssue`](crate::TakeInIssue)): both
/// happen, or neither. So two cases can never be merged into each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeIssue {
    /// The case that continues.
    pub into: CaseId,
    /// Why both are the same issue, at most 500 characters.
    pub reason: String,
}

/// The case was joined to another one; its finder gets the answer of that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueMerged {
    /// The case that continues.
    pub into: CaseId,
    /// Why both are the same issue.
    pub reason: String,
}

impl Verb for MergeIssue {
    const NAME: &'static str = "merge-issue";
    const BY: Allowed = REGISTRARS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        match &case.file {
            Some(file) if file.merged.is_none() && file.discovered.case != self.into => {
                let taken_in = TakeInIssue { from: file.discovered.case, reason: self.reason.clone() };
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
    pub(crate) fn decide(&self, case: &Case, _context: &Context) -> Decision {
        let file = case.opened()?;
        if file.merged.as_ref().is_some_and(|merged| merged.into == self.into) {
            return Ok(vec![]);
        }
        case.opened_in(&[Stage::Discovered, Stage::Registered], "discovered or registered")?;
        check_text("reason", &self.reason, 500)?;
        if file.discovered.case == self.into {
            return Err(Refusal::CannotMergeInto { into: self.into });
        }
        Ok(vec![IssueMerged { into: self.into, reason: self.reason.clone() }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CASE, discovered, escalated, given, merge, merged, registered};
    use kernel::Aggregate;

    #[test]
    fn a_case_is_merged_once() {
        let into = CaseId::named("target");
        given([discovered()]).when(merge(into)).then([merged(into)]);
        given([discovered(), merged(into)]).when(merge(into)).then_nothing();
        let other = CaseId::named("other");
        let refusal = Refusal::WrongStage { stage: Stage::Merged, taken: "discovered or registered" };
        given([discovered(), merged(into)]).when(merge(other)).then_refused(refusal);
        let refusal = Refusal::WrongStage { stage: Stage::Escalated, taken: "discovered or registered" };
        given([discovered(), registered(), escalated()]).when(merge(into)).then_refused(refusal);
        given([discovered()]).when(merge(CASE)).then_refused(Refusal::CannotMergeInto { into: CASE });
    }

    #[test]
    fn the_other_case_takes_it_in_under_the_same_command() {
        let into = CaseId::named("target");
        let also = |events: &[crate::CaseEvent], into| {
            merge(into).needs(&events.iter().cloned().fold(Case::default(), Case::evolve)).also
        };
        let taken_in = TakeInIssue { from: CASE, reason: merge(into).reason };
        assert_eq!(also(&[discovered()], into), Needs::none().also(into.uuid(), &taken_in).also);
        for (events, into) in [(vec![], into), (vec![discovered(), merged(into)], into), (vec![discovered()], CASE)] {
            assert_eq!(also(&events, into), []);
        }
    }
}
