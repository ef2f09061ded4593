use chrono::{DateTime, Utc};
use kernel::separation::Later;
use kernel::{Allowed, Context, Needs, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::REGISTRARS;
use crate::case::{Case, Decision};
use crate::{Refusal, Stage};

// Most characters of a text.
const REASON_MAX: usize = 500;

/// A grid leader or duty officer voids what is not an issue (作废): a test, a false alarm. Its history stays.
///
/// Refused where other cases were merged into it: their finders wait for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VoidIssue {
    /// Why this is not an issue, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// The case was voided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueVoided {
    /// Why this is not an issue.
    pub reason: String,
    pub voided_at: DateTime<Utc>,
}

impl Verb for VoidIssue {
    const NAME: &'static str = "void-issue";
    const BY: Allowed = REGISTRARS;
    type Of = Case;

    fn needs(&self, _case: &Case) -> Needs {
        Needs::none().incompatible()
    }
    fn example() -> Self {
        Self { reason: "误登记".into() }
    }
}

impl VoidIssue {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if let Some(voided) = &file.voided {
            return if voided.reason == self.reason { Ok(vec![]) } else { Err(Refusal::AlreadyVoided) };
        }
        case.opened_in(&[Stage::Discovered, Stage::Registered], "discovered or registered")?;
        file.check_apart(Later::Void, None, context)?;
        check_text("reason", &self.reason, REASON_MAX)?;
        if let Some(taken_in) = file.taken_in.first() {
            return Err(Refusal::OthersMergedIntoIt { case: taken_in.from });
        }
        Ok(vec![IssueVoided { reason: self.reason.clone(), voided_at: context.at }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{discovered, escalated, given, registered, taken_in};
    use kernel::{CaseId, Unfit};

    #[test]
    fn what_is_no_issue_is_voided() {
        let void = || VoidIssue { reason: "误报".into() };
        let voided = || crate::CaseEvent::from(IssueVoided { reason: "误报".into(), voided_at: crate::testing::NOW });
        given([discovered()]).when(void()).then([voided()]);
        given([discovered(), voided()]).when(void()).then_nothing();
        let other = VoidIssue { reason: "重复测试".into() };
        given([discovered(), voided()]).when(other).then_refused(Refusal::AlreadyVoided);
        given([discovered(), registered(), escalated()])
            .when(void())
            .then_refused(Refusal::WrongStage { stage: Stage::Escalated, taken: "discovered or registered" });
        let empty = VoidIssue { reason: " ".into() };
        given([discovered()]).when(empty).then_refused(Unfit::TextLength { field: "reason", max: 500 });
    }

    #[test]
    fn a_case_into_which_others_were_merged_is_not_voided() {
        let case = CaseId::named("from");
        let void = || VoidIssue { reason: "误报".into() };
        for before in [vec![discovered(), taken_in(case)], vec![discovered(), registered(), taken_in(case)]] {
            given(before).when(void()).then_refused(Refusal::OthersMergedIntoIt { case });
        }
    }
}
