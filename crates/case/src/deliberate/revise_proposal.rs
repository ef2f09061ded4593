use kernel::{Allowed, Context, Needs, Obligation, Step, Verb, check_count, check_line, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CONVENERS;
use crate::case::{Case, Decision};
use crate::{MeetingKind, Refusal, Stage};

// Most characters of a text.
const TEXT_MAX: usize = 10_000;
const CHANGE_MAX: usize = 1000;
const TOPIC_MAX: usize = 200;
const WITHDRAWN_MAX: usize = 1000;
// Most entries of a list.
const CHANGES_MAX: usize = 200;
const TOPICS_MAX: usize = 200;

/// The convener lays down the next version of the proposal, and which meeting led to it.
///
/// A topic that a version leaves out stays as it was: what is open is settled by being agreed, or withdrawn with a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviseProposal {
    /// 1, 2, 3 …
    pub version: u32,
    /// The whole text of this version, at most 10000 characters.
    #[schemars(length(min = 1, max = TEXT_MAX))]
    pub text: String,
    /// What changed against the version before, a line each.
    #[serde(default)]
    #[schemars(length(max = CHANGES_MAX), inner(length(min = 1, max = CHANGE_MAX)))]
    pub changes: Vec<String>,
    /// The meeting that led to it.
    #[serde(default)]
    pub after: Option<MeetingRound>,
    /// The topics of the design and whether they are agreed (设计议题清单).
    #[serde(default)]
    #[schemars(length(max = TOPICS_MAX))]
    pub topics: Vec<Topic>,
}

/// One round of one kind of meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeetingRound {
    pub kind: MeetingKind,
    /// Its number.
    pub round: u32,
}

/// A topic of a design.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// For example 收费标准.
    #[schemars(length(min = 1, max = TOPIC_MAX))]
    pub name: String,
    /// Whether it is agreed.
    pub agreed: bool,
    /// Why it is no topic any more, at most 1000 characters. Leaving a topic out of a version does not settle it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = WITHDRAWN_MAX))]
    pub withdrawn: Option<String>,
}

/// The proposal has a new version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposalRevised {
    /// 1, 2, 3 …
    pub version: u32,
    /// The whole text.
    pub text: String,
    /// What changed.
    pub changes: Vec<String>,
    /// The meeting that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<MeetingRound>,
    /// The topics of the design.
    pub topics: Vec<Topic>,
    /// Who must advance the deliberation, and by when.
    pub next: Obligation,
}

impl Verb for ReviseProposal {
    const NAME: &'static str = "revise-proposal";
    const BY: Allowed = CONVENERS;
    type Of = Case;

    fn needs(&self, case: &Case) -> Needs {
        case.posts(Needs::none().step(Step::DELIBERATE))
    }
    fn example() -> Self {
        Self {
            version: 2,
            text: "新建车棚一座，设充电口二十个".into(),
            changes: vec!["充电口由十个增至二十个".into()],
            after: Some(MeetingRound { kind: MeetingKind::Hearing, round: 1 }),
            topics: vec![Topic { name: "充电口数量".into(), agreed: true, withdrawn: None }],
        }
    }
}

impl ReviseProposal {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened_in(&[Stage::Deliberating], "deliberated")?;
        let deliberation = file.deliberation().ok_or_else(|| case.wrong_stage("deliberated"))?;
        let current = deliberation.proposal_version();
        if deliberation.proposals.last().is_some_and(|last| self.is_same(last)) {
            return Ok(vec![]);
        }
        if deliberation.concluded.is_some() {
            return Err(Refusal::DeliberationOver);
        }
        if self.version != current + 1 {
            return Err(Refusal::WrongProposalVersion { current });
        }
        if let Some(after) = self.after {
            let held = file.meetings(after.kind).map(|held| held.round).max().unwrap_or(0);
            if after.round == 0 || after.round > held {
                return Err(Refusal::WrongRound { next: held + 1 });
            }
        }
        check_text("text", &self.text, TEXT_MAX)?;
        check_count("changes", self.changes.len(), 0, CHANGES_MAX)?;
        check_count("topics", self.topics.len(), 0, TOPICS_MAX)?;
        self.changes.iter().try_for_each(|change| check_text("changes", change, CHANGE_MAX))?;
        for Topic { name, withdrawn, .. } in &self.topics {
            check_line("topics.name", name, TOPIC_MAX)?;
            withdrawn.iter().try_for_each(|reason| check_text("topics.withdrawn", reason, WITHDRAWN_MAX))?;
        }
        Ok(vec![
            ProposalRevised {
                version: self.version,
                text: self.text.clone(),
                changes: self.changes.clone(),
                after: self.after,
                topics: self.topics.clone(),
                next: context.oblige(Step::DELIBERATE, file.secretary(context))?,
            }
            .into(),
        ])
    }

    fn is_same(&self, last: &ProposalRevised) -> bool {
        (self.version, &self.text, &self.changes, self.after, &self.topics)
            == (last.version, &last.text, &last.changes, last.after, &last.topics)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{concluded, consent, discovered, given, hearing, held, opened, proposal, registered, revise};

    #[test]
    fn versions_follow_each_other() {
        given([discovered(), registered(), opened()]).when(revise(1)).then([proposal(1)]);
        given([discovered(), registered(), opened(), proposal(1)]).when(revise(1)).then_nothing();
        given([discovered(), registered(), opened(), proposal(1)]).when(revise(2)).then([proposal(2)]);
        given([discovered(), registered(), opened(), proposal(1)])
            .when(revise(3))
            .then_refused(Refusal::WrongProposalVersion { current: 1 });
    }

    #[test]
    fn nothing_is_revised_after_the_conclusion() {
        given([discovered(), registered(), opened(), held(hearing()), proposal(1), consent(), concluded()])
            .when(revise(2))
            .then_refused(Refusal::DeliberationOver);
    }

    #[test]
    fn a_topic_is_withdrawn_with_a_reason() {
        let withdrawn = |reason: &str| {
            let topic = Topic { name: "门禁系统".into(), agreed: false, withdrawn: Some(reason.into()) };
            ReviseProposal { topics: vec![topic], ..revise(1) }
        };
        let open = || given([discovered(), registered(), opened()]);
        let refusal = kernel::Unfit::TextLength { field: "topics.withdrawn", max: WITHDRAWN_MAX };
        open().when(withdrawn(" ")).then_refused(refusal);
        assert_eq!(open().when(withdrawn("另案处理")).events().len(), 1);
    }

    #[test]
    fn it_names_a_meeting_that_was_held() {
        let after = Some(MeetingRound { kind: MeetingKind::Hearing, round: 1 });
        let revised = || ReviseProposal { after, ..revise(1) };
        given([discovered(), registered(), opened()]).when(revised()).then_refused(Refusal::WrongRound { next: 1 });
        assert_eq!(given([discovered(), registered(), opened(), held(hearing())]).when(revised()).events().len(), 1);
    }
}
