use kernel::{Allowed, Context, Needs, Obligation, Role, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CONVENERS;
use crate::case::{Case, Decision};
use crate::{CaseFile, Conclusion, Deliberation, Refusal, Stage};

// Most characters of a text.
const SUMMARY_MAX: usize = 2000;

/// The convener concludes the deliberation.
///
/// Not before a hearing or a coordination meeting. Agreement means that the community does the work: not where only
/// departments may, not while topics of the proposal are open, and, where a consent rule was pinned, not without the consent
/// to the current version. Escalation needs that the case can still be escalated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcludeDeliberation {
    /// What it came to.
    pub conclusion: Conclusion,
    /// The reasons, and whoever dissented (without names), at most 2000 characters.
    #[schemars(length(min = 1, max = SUMMARY_MAX))]
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

    fn needs(&self, case: &Case) -> Needs {
        case.posts(Needs::none().step(self.conclusion.next_step()))
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
        if let Some(concluded) = &deliberation.concluded {
            let is_same = (concluded.conclusion, &concluded.summary) == (self.conclusion, &self.summary);
            return if is_same { Ok(vec![]) } else { Err(Refusal::DeliberationOver) };
        }
        case.opened_in(&[Stage::Deliberating], taken)?;
        check_text("summary", &self.summary, SUMMARY_MAX)?;
        if !deliberation.has_met() {
            return Err(Refusal::NoMeetingHeld);
        }
        match self.conclusion {
            Conclusion::Agreed => Self::check_agreement(file, deliberation)?,
            Conclusion::Escalate if file.is_review_used() => return Err(Refusal::ReviewUsed),
            Conclusion::Escalate | Conclusion::Explain => {}
        }
        let by = match self.conclusion {
            Conclusion::Agreed => file.grid_leader(context),
            Conclusion::Escalate => file.secretary(context),
            Conclusion::Explain => file.centre(Role::DutyOfficer, context),
        };
        let next = context.oblige(self.conclusion.next_step(), by)?;
        let (conclusion, summary) = (self.conclusion, self.summary.clone());
        let proposal_version = deliberation.proposal_version();
        Ok(vec![DeliberationConcluded { conclusion, summary, proposal_version, next }.into()])
    }

    /// Works start with the agreement, so that whatever would stand in their way stands in the way of the agreement.
    fn check_agreement(file: &CaseFile, deliberation: &Deliberation) -> Result<(), Refusal> {
        if let Some(matter) = file.for_departments() {
            return Err(Refusal::AdministrativeMatter { matter: matter.code.clone() });
        }
        let topics: Vec<_> = deliberation.open_topics().map(str::to_owned).collect();
        if !topics.is_empty() {
            return Err(Refusal::TopicsOpen { topics });
        }
        let version = deliberation.proposal_version();
        let consented = version > 0 && deliberation.consented() == Some(version);
        if file.consent_rule().is_some() && !consented {
            return Err(Refusal::ConsentMissing { version });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        community, conclude, concluded, consent, discovered, escalated, given, grid_work, hearing, held, matter_code,
        opened, proposal, refused_filing, registered, revise,
    };
    use crate::{CaseEvent, ReviseProposal, Topic};

    fn deliberated() -> Vec<CaseEvent> {
        vec![discovered(), community(), opened(), held(hearing()), proposal(1)]
    }

    #[test]
    fn agreement_needs_the_consent_to_the_current_version() {
        given([deliberated(), vec![consent()]].concat()).when(conclude()).then([concluded()]);
        given(deliberated()).when(conclude()).then_refused(Refusal::ConsentMissing { version: 1 });
        let revised = [deliberated(), vec![consent(), proposal(2)]].concat();
        given(revised).when(conclude()).then_refused(Refusal::ConsentMissing { version: 2 });
    }

    #[test]
    fn it_is_concluded_once_and_after_a_meeting() {
        given([discovered(), community(), opened()]).when(conclude()).then_refused(Refusal::NoMeetingHeld);
        let done = || [deliberated(), vec![consent(), concluded()]].concat();
        given(done()).when(conclude()).then_nothing();
        let other = ConcludeDeliberation { conclusion: Conclusion::Explain, ..conclude() };
        given(done()).when(other).then_refused(Refusal::DeliberationOver);
    }

    #[test]
    fn nobody_agrees_on_what_only_departments_may_do() {
        let before = || vec![discovered(), registered(), opened(), held(hearing()), proposal(1), consent()];
        let matter = matter_code();
        given(before()).when(conclude()).then_refused(Refusal::AdministrativeMatter { matter });
        for conclusion in [Conclusion::Escalate, Conclusion::Explain] {
            assert_eq!(given(before()).when(ConcludeDeliberation { conclusion, ..conclude() }).events().len(), 1);
        }
        // Once no department takes it, the community may.
        let refused = [discovered(), registered(), escalated(), refused_filing()];
        let refused = refused.into_iter().chain([opened(), held(hearing()), proposal(1), consent(), concluded()]);
        assert_eq!(given(refused).when(grid_work()).events().len(), 1);
    }

    #[test]
    fn agreement_is_on_every_topic() {
        let topic = |name: &str, agreed| Topic { name: name.into(), agreed, withdrawn: None };
        let topics = vec![topic("收费标准", false), topic("车位划分", true), topic("门禁系统", false)];
        let revised = given(deliberated()).when(ReviseProposal { topics, ..revise(2) }).events();
        let before = || [deliberated(), revised.clone(), vec![consent()]].concat();
        let refusal = Refusal::TopicsOpen { topics: vec!["收费标准".into(), "门禁系统".into()] };
        given(before()).when(conclude()).then_refused(refusal);
        let escalate = ConcludeDeliberation { conclusion: Conclusion::Escalate, ..conclude() };
        assert_eq!(given(before()).when(escalate).events().len(), 1, "what is open is for the departments");
        let withdrawn = Topic { withdrawn: Some("另案处理".into()), ..topic("门禁系统", false) };
        let open =
            |names: &[&str]| Refusal::TopicsOpen { topics: names.iter().map(|name| (*name).to_owned()).collect() };
        for (topics, refusal) in [
            (vec![], open(&["收费标准", "门禁系统"])),
            (vec![topic("收费标准", true)], open(&["门禁系统"])),
            (vec![topic("收费标准", true), withdrawn.clone(), topic("收费标准", false)], open(&["收费标准"])),
            (vec![topic("收费标准", true), withdrawn, topic("车位划分", false)], open(&["车位划分"])),
            (vec![topic("收费标准", true), topic("门禁系统", true)], Refusal::ConsentMissing { version: 3 }),
        ] {
            let revised = given(before()).when(ReviseProposal { topics, ..revise(3) }).events();
            given([before(), revised].concat()).when(conclude()).then_refused(refusal);
        }
    }

    #[test]
    fn nothing_is_concluded_that_cannot_follow() {
        let refused = || [escalated(), refused_filing()];
        let twice = [discovered(), community()].into_iter().chain(refused()).chain(refused());
        let before: Vec<_> = twice.chain([opened(), held(hearing())]).collect();
        let escalate = ConcludeDeliberation { conclusion: Conclusion::Escalate, ..conclude() };
        given(before.clone()).when(escalate).then_refused(Refusal::ReviewUsed);
        let explain = ConcludeDeliberation { conclusion: Conclusion::Explain, ..conclude() };
        assert_eq!(given(before).when(explain).events().len(), 1);
    }
}
