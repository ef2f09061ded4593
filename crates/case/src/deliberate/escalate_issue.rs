use kernel::facts::Authority;
use kernel::{Allowed, Context, Needs, Obligation, Role, Step, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CONVENERS;
use crate::case::{Case, Decision};
use crate::{CaseFile, Conclusion, Deliberation, Refusal, Stage};

// Most characters of a text.
const REASON_MAX: usize = 1000;

/// The grid leader or the secretary hands the case from the party network to the street grid centre (吹哨).
///
/// A matter of the community is deliberated first (网格先议), in this round of work, unless a waiver is recorded with its reason: an
/// urgent one too.
/// After a refusal to file this asks for the one review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalateIssue {
    /// Why the grid cannot solve it, at most 1000 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
    /// Why it was not deliberated, where it had to be; for an urgent issue, why it cannot wait.
    #[serde(default)]
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub waiver: Option<String>,
}

/// Deliberation was waived, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliberationWaived {
    pub reason: String,
}

/// The case is with the street grid centre.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssueEscalated {
    /// Why the grid cannot solve it.
    pub reason: String,
    /// Whether this asks for the review of a refusal to file.
    pub review: bool,
    /// Who must file or refuse, and by when.
    pub next: Obligation,
}

impl Verb for EscalateIssue {
    const NAME: &'static str = "escalate-issue";
    const BY: Allowed = CONVENERS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        case.posts(Needs::none().step(Step::FILE))
    }
    fn example() -> Self {
        let waiver = Some("事项不属于社区自治范围".into());
        Self { reason: "健康证办理须由市场监督管理所处置".into(), waiver }
    }
}

impl EscalateIssue {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if case.stage() == Stage::Escalated {
            return if self.is_same(file) { Ok(vec![]) } else { Err(Refusal::AlreadyEscalated) };
        }
        let stages = [Stage::Registered, Stage::GridHandling, Stage::Deliberating, Stage::NotFiled, Stage::Reopened];
        case.opened_in(&stages, "registered, in grid handling, deliberated, not filed or reopened")?;
        check_text("reason", &self.reason, REASON_MAX)?;
        if file.is_review_used() {
            return Err(Refusal::ReviewUsed);
        }
        let next = context.oblige(Step::FILE, file.centre(Role::DutyOfficer, context))?;
        let review = case.stage() == Stage::NotFiled;
        let escalated = IssueEscalated { reason: self.reason.clone(), review, next }.into();
        match &self.waiver {
            None if review || !Self::has_to_deliberate(file) => Ok(vec![escalated]),
            None => Err(Refusal::DeliberationNeeded),
            // One that is given where none is needed is kept too: what somebody said is never lost.
            Some(reason) => {
                check_text("waiver", reason, REASON_MAX)?;
                Ok(vec![DeliberationWaived { reason: reason.clone() }.into(), escalated])
            }
        }
    }

    fn is_same(&self, file: &CaseFile) -> bool {
        let waiver = file.waived.as_ref().map(|waived| &waived.reason);
        file.escalated.as_ref().is_some_and(|last| last.reason == self.reason) && waiver == self.waiver.as_ref()
    }

    fn has_to_deliberate(file: &CaseFile) -> bool {
        let community = file.matter().is_none_or(|matter| matter.authority == Authority::Community);
        // What an earlier round of work came to is not about this one.
        let newest = file.deliberation().filter(|newest| newest.cycle == file.cycle.number);
        let conclusion = newest.and_then(Deliberation::conclusion);
        community && !matches!(conclusion, Some(Conclusion::Escalate | Conclusion::Agreed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        closed, community, conclude, concluded, consent, discovered, escalate, escalated, escalation, given, hearing,
        held, opened, proposal, refused_filing, registered, registered_as, reopened,
    };
    use crate::{CaseEvent, ConcludeDeliberation, Urgency};
    use kernel::facts::Authority;

    #[test]
    fn a_matter_of_the_community_is_deliberated_first() {
        let community = || registered_as(Authority::Community, Urgency::Ordinary);
        given([discovered(), community()]).when(escalate()).then_refused(Refusal::DeliberationNeeded);
        let unheard = EscalateIssue { waiver: Some("居民已三次拒绝到会".into()), ..escalate() };
        let waiver = DeliberationWaived { reason: "居民已三次拒绝到会".into() }.into();
        given([discovered(), community()]).when(unheard).then([waiver, escalated()]);
    }

    #[test]
    fn what_an_earlier_round_of_work_concluded_is_no_deliberation_of_this_one() {
        let open = || vec![opened(), held(hearing()), proposal(1), consent()];
        let begun = || [vec![discovered(), community()], open()].concat();
        let upward = ConcludeDeliberation { conclusion: Conclusion::Escalate, ..conclude() };
        let upward = given(begun()).when(upward).events();
        for conclusion in [upward, vec![concluded()]] {
            let first = [begun(), conclusion.clone()].concat();
            given(first.clone()).when(escalate()).then([escalated()]);
            let again: Vec<CaseEvent> = [first, vec![closed(), reopened()]].concat();
            given(again.clone()).when(escalate()).then_refused(Refusal::DeliberationNeeded);
            given([again, open(), conclusion].concat()).when(escalate()).then([escalated()]);
        }
    }

    #[test]
    fn what_is_urgent_skips_the_deliberation_with_a_reason() {
        let urgent = || [discovered(), registered_as(Authority::Community, Urgency::Urgent)];
        given(urgent()).when(escalate()).then_refused(Refusal::DeliberationNeeded);
        let silent = EscalateIssue { waiver: Some(" ".into()), ..escalate() };
        given(urgent()).when(silent).then_refused(kernel::Unfit::TextLength { field: "waiver", max: 1000 });
        let reasoned = EscalateIssue { waiver: Some("积水已漫入配电间".into()), ..escalate() };
        let waiver = DeliberationWaived { reason: "积水已漫入配电间".into() }.into();
        given(urgent()).when(reasoned).then([waiver, escalated()]);
    }

    #[test]
    fn a_matter_of_a_department_goes_up_at_once_and_once() {
        given([discovered(), registered()]).when(escalate()).then([escalated()]);
        given([discovered(), registered(), escalated()]).when(escalate()).then_nothing();
        let reason = EscalateIssue { reason: "换个说法".into(), ..escalate() };
        let waiver = EscalateIssue { waiver: Some("无需共议".into()), ..escalate() };
        for other in [reason, waiver] {
            given([discovered(), registered(), escalated()]).when(other).then_refused(Refusal::AlreadyEscalated);
        }
        given([discovered()]).when(escalate()).then_refused(Refusal::WrongStage {
            stage: Stage::Discovered,
            taken: "registered, in grid handling, deliberated, not filed or reopened",
        });
    }

    #[test]
    fn a_refusal_to_file_is_reviewed_once() {
        let review = escalation(true);
        let once = || vec![discovered(), registered(), escalated(), refused_filing()];
        given(once()).when(escalate()).then([review.clone()]);
        let twice = [once(), vec![review.into(), refused_filing()]].concat();
        given(twice).when(escalate()).then_refused(Refusal::ReviewUsed);
    }
}
