use kernel::{Allowed, Context, Needs, Obligation, Role, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CONVENERS;
use crate::case::{Case, Decision};
use crate::{Conclusion, Refusal, Stage};

/// The convener concludes the deliberation.
///
/// Not before a hearing or a coordination meeting. Where a consent rule was pinned, agreement needs the consent to
/// the current version of the proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcludeDeliberation {
    /// What it came to.
    pub conclusion: Conclusion,
    /// The reasons, and whoever dissented (without names), at most 2000 characters.
    pub summary: String,
}

/// The deliberation was concluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliberationConcluded {
    /// What it came to.
    pub conclusion: Conclusion,
    pub summary: String,
    /// The version of the proposal that it is about; 0 without a proposal.
    pub proposal_version: u32,
    /// Who must act next, and by when.
    pub next: Obligation,
}

impl Verb for ConcludeDeliberation {
    const NAME: &'static str = "conclude-deliberation";
    const BY: Allowed = CONVENERS;
    type Of = Case;

    fn needs(&self, _case: &Case) -> Needs {
        Needs::none().step(self.conclusion.next_step())
    }
    fn example() -> Self {
        Self { conclusion: Conclusion::Agreed, summary: "三分之二以上居民同意第二稿方案".into() }
    }
}

impl ConcludeDeliberation {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        let taken = "deliberated";
        let deliberation = file.deliberation().ok_or_else(|| case.wrong_stage(taken))?;
        if let Some(conclusion) = deliberation.conclusion() {
            return if conclusion == self.conclusion { Ok(vec![]) } else { Err(Refusal::DeliberationOver) };
        }
        case.opened_in(&[Stage::Deliberating], taken)?;
        check_text("summary", &self.summary, 2000)?;
        if !deliberation.has_met() {
            return Err(Refusal::NoMeetingHeld);
        }
        let version = deliberation.proposal_version();
        let needs_consent = self.conclusion == Conclusion::Agreed && deliberation.opened.consent_rule.is_some();
        if needs_consent && (version == 0 || deliberation.consented() != Some(version)) {
            return Err(Refusal::ConsentMissing { version });
        }
        let by = match self.conclusion {
            Conclusion::Agreed => file.grid_leader(),
            Conclusion::Escalate => file.secretary(),
            Conclusion::Explain => file.centre(Role::DutyOfficer),
        };
        let next = context.oblige(self.conclusion.next_step(), by)?;
        let summary = self.summary.clone();
        Ok(vec![DeliberationConcluded { conclusion: self.conclusion, summary, proposal_version: version, next }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        conclude, concluded, consent, discovered, given, hearing, held, opened, proposal, registered,
    };

    #[test]
    fn agreement_needs_the_consent_to_the_current_version() {
        let before = || [discovered(), registered(), opened(), held(hearing()), proposal(1), consent()];
        given(before()).when(conclude()).then([concluded()]);
        given([discovered(), registered(), opened(), held(hearing()), proposal(1)])
            .when(conclude())
            .then_refused(Refusal::ConsentMissing { version: 1 });
        let revised = [discovered(), registered(), opened(), held(hearing()), proposal(1), consent(), proposal(2)];
        given(revised).when(conclude()).then_refused(Refusal::ConsentMissing { version: 2 });
    }

    #[test]
    fn it_is_concluded_once_and_after_a_meeting() {
        given([discovered(), registered(), opened()]).when(conclude()).then_refused(Refusal::NoMeetingHeld);
        let done = || [discovered(), registered(), opened(), held(hearing()), proposal(1), consent(), concluded()];
        given(done()).when(conclude()).then_nothing();
        let other = ConcludeDeliberation { conclusion: Conclusion::Explain, ..conclude() };
        given(done()).when(other).then_refused(Refusal::DeliberationOver);
    }
}
