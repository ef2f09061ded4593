use kernel::{Allowed, CaseId, Context, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::REGISTRARS;
use crate::case::{Case, Decision};
use crate::examples;
use crate::{Refusal, Stage};

/// The part of a merger (并案) that happens on the case that continues. Only `merge-issue` gives it.
///
/// Refused where the case is closed, merged or voided, or is the case that is merged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeInIssue {
    /// The case that ends.
    pub from: CaseId,
    /// Why both are the same issue, at most 500 characters.
    pub reason: String,
}

/// Another case about the same issue ended in this one; its finder gets this one's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueTakenIn {
    /// The case that ended.
    pub from: CaseId,
    /// Why both are the same issue.
    pub reason: String,
}

impl Verb for TakeInIssue {
    const NAME: &'static str = "take-in-issue";
    const BY: Allowed = REGISTRARS;
    const IS_PART: bool = true;
    type Of = Case;

    fn example() -> Self {
        Self { from: examples::case(), reason: "同一家店已有一件在办".into() }
    }
}

impl TakeInIssue {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let into = CaseId::from(context.id);
        let known = case.file.as_deref();
        if let Some(taken) = known.and_then(|file| file.taken_in.iter().find(|taken| taken.from == self.from)) {
            return if taken.reason == self.reason { Ok(vec![]) } else { Err(Refusal::AlreadyMerged) };
        }
        if case.stage() == Stage::Absent || case.stage().is_final() || self.from == into {
            return Err(Refusal::CannotMergeInto { into });
        }
        check_text("reason", &self.reason, 500)?;
        Ok(vec![IssueTakenIn { from: self.from, reason: self.reason.clone() }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CASE, closed_case, discovered, given, merged, taken_in, voided};

    fn take_in(from: CaseId) -> TakeInIssue {
        TakeInIssue { from, reason: "同一车棚".into() }
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
