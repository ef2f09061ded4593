//! One deliberation (共议) of a case, with its meetings and the versions of its proposal.

use chrono::{DateTime, Utc};
use kernel::Step;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DeliberationConcluded, DeliberationOpened, MeetingHeld, ProposalRevised};

/// 三会.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MeetingKind {
    /// 听证会
    Hearing,
    /// 协调会
    Coordination,
    /// 评议会
    Review,
}

impl MeetingKind {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hearing => "hearing",
            Self::Coordination => "coordination",
            Self::Review => "review",
        }
    }
}

/// What a deliberation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// 达成共识: the community does it.
    Agreed,
    /// 上报: it is for the departments.
    Escalate,
    /// 解释: nothing will be done, and the finder is told why.
    Explain,
}

impl Conclusion {
    /// What must be done next.
    pub(crate) const fn next_step(self) -> Step {
        match self {
            Self::Agreed => Step::WORK_IN_GRID,
            Self::Escalate => Step::ROUTE,
            Self::Explain => Step::COLLECT_FEEDBACK,
        }
    }
}

/// One deliberation.
#[derive(Clone, Debug, PartialEq)]
pub struct Deliberation {
    pub opened: DeliberationOpened,
    /// The round of work in which it was opened.
    pub cycle: u32,
    /// Every meeting, in order.
    pub meetings: Vec<MeetingHeld>,
    /// Every version of the proposal, in order.
    pub proposals: Vec<ProposalRevised>,
    pub concluded: Option<DeliberationConcluded>,
}

impl Deliberation {
    /// One that was opened in a round of work.
    pub(crate) fn opened(opened: DeliberationOpened, cycle: u32) -> Self {
        Self { opened, cycle, meetings: Vec::new(), proposals: Vec::new(), concluded: None }
    }

    /// What it came to, once it is concluded.
    pub fn conclusion(&self) -> Option<Conclusion> {
        self.concluded.as_ref().map(|concluded| concluded.conclusion)
    }

    /// The number of the current version of the proposal; 0 before the first.
    pub fn proposal_version(&self) -> u32 {
        u32::try_from(self.proposals.len()).unwrap_or(u32::MAX)
    }

    /// The version of the proposal that got the consent it needs. A later count replaces the one before, also where it fails.
    pub fn consented(&self) -> Option<u32> {
        let newest = self.meetings.iter().rev().find_map(|held| held.consent.as_ref())?;
        newest.passed.then_some(newest.proposal_version)
    }

    /// The topics of all versions of the proposal that are open, in the order in which they came up. A version that leaves a topic
    /// out says nothing of it: it is as the version before left it.
    pub(crate) fn open_topics(&self) -> impl Iterator<Item = &str> {
        let mut known: Vec<(&str, bool)> = Vec::new();
        for proposal in &self.proposals {
            let settled = |name: &str| {
                let mut said = proposal.topics.iter().filter(|topic| topic.name == name).peekable();
                said.peek().is_some().then(|| said.all(|topic| topic.agreed || topic.withdrawn.is_some()))
            };
            for (name, is_settled) in &mut known {
                *is_settled = settled(name).unwrap_or(*is_settled);
            }
            for name in proposal.topics.iter().map(|topic| &topic.name) {
                if !known.iter().any(|(known, _)| known == name) {
                    known.push((name, settled(name).unwrap_or_default()));
                }
            }
        }
        known.into_iter().filter(|(_, is_settled)| !is_settled).map(|(name, _)| name)
    }

    /// When the current version of the proposal was laid down.
    pub(crate) fn proposed_at(&self) -> Option<DateTime<Utc>> {
        self.proposals.last().map(|proposal| proposal.next.due.derivation.from)
    }

    /// Whether the residents were asked before anything was decided.
    pub(crate) fn has_met(&self) -> bool {
        self.meetings.iter().any(|held| held.kind != MeetingKind::Review)
    }
}
