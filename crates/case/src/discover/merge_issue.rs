use kernel::CaseId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::check_text;
use crate::case::{Case, Decision};
use crate::{Context, Refusal, Stage};

/// A grid leader or duty officer joins a case to another one about the same thing (并案). The older one goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeIssue {
    /// The case that goes on.
    pub into: CaseId,
    /// Why they are one.
    pub reason: String,
}

/// The case was joined to another one; its finder gets the answer of that one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueMerged {
    /// The case that goes on.
    pub into: CaseId,
    /// Why they are one.
    pub reason: String,
}

impl MergeIssue {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        if case.opened()?.merged_into == Some(self.into) {
            return Ok(vec![]);
        }
        case.opened_in(&[Stage::Discovered, Stage::Registered], "discovered or registered")?;
        check_text("reason", &self.reason, 500)?;
        let target = context.facts.merge_target.filter(|target| target.open && target.case == self.into);
        let target = target.filter(|_| self.into != context.id);
        let target = target.ok_or(Refusal::CannotMergeInto { into: self.into })?;
        // One order for all cases: two that are merged at the same time can never end in each other.
        if !target.older {
            return Err(Refusal::MergeIntoTheOlder { into: self.into });
        }
        Ok(vec![IssueMerged { into: self.into, reason: self.reason.clone() }.into()])
    }
}

impl IssueMerged {
    pub(crate) fn evolve(self, case: Case) -> Case {
        case.turned(Stage::Merged, |file| {
            file.next = None;
            file.merged_into = Some(self.into);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MergeTarget;
    use crate::given::{CASE, discovered, given};

    fn merge(into: CaseId) -> MergeIssue {
        MergeIssue { into, reason: "同一车棚".into() }
    }

    fn merged(into: CaseId) -> crate::CaseEvent {
        IssueMerged { into, reason: "同一车棚".into() }.into()
    }

    #[test]
    fn a_case_is_merged_into_an_open_one() {
        let (into, open) = (CaseId::named("target"), |open| {
            move |facts: &mut crate::Facts| {
                facts.merge_target = Some(MergeTarget { case: CaseId::named("target"), open, older: true });
            }
        });
        given([discovered()]).knowing(open(true)).when(merge(into)).then([merged(into)]);
        given([discovered(), merged(into)]).knowing(open(true)).when(merge(into)).then_nothing();
        given([discovered()]).knowing(open(false)).when(merge(into)).then_refused(Refusal::CannotMergeInto { into });
        given([discovered()]).when(merge(into)).then_refused(Refusal::CannotMergeInto { into });
        let itself =
            |facts: &mut crate::Facts| facts.merge_target = Some(MergeTarget { case: CASE, open: true, older: true });
        given([discovered()]).knowing(itself).when(merge(CASE)).then_refused(Refusal::CannotMergeInto { into: CASE });
    }

    #[test]
    fn the_older_one_goes_on() {
        let into = CaseId::named("target");
        given([discovered()])
            .knowing(|facts| facts.merge_target = Some(MergeTarget { case: into, open: true, older: false }))
            .when(merge(into))
            .then_refused(Refusal::MergeIntoTheOlder { into });
    }
}
