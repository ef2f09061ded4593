use kernel::{Due, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::case::{Case, Decision};
use crate::discover::{check_count, check_text};
use crate::{CaseFile, Conclusion, Context, Refusal, Stage};

/// The duty officer closes the case (结案): the work was verified and the finder has been answered.
///
/// Not against a finder who says that it is not solved, unless with a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseCase {
    /// How it ended.
    pub outcome: Outcome,
    /// How it was solved: one or more of self, co, moral and legal (自治共治德治法治); none for what was explained.
    #[serde(default)]
    pub resolution: Vec<Resolution>,
    /// The summary, at most 2000 characters.
    pub summary: String,
    /// Why it is closed although the finder is not satisfied.
    #[serde(default)]
    pub override_reason: Option<String>,
}

/// How a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// 已解决: by departments.
    Solved,
    /// 社区自治解决: by the community.
    CommunitySolved,
    /// 已解释: not done, and the finder was told why.
    Explained,
}

/// By which kind of governance it was solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// 自治
    SelfGovernance,
    /// 共治
    CoGovernance,
    /// 德治
    MoralGovernance,
    /// 法治
    LegalGovernance,
}

/// The case was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseClosed {
    /// How it ended.
    pub outcome: Outcome,
    /// How it was solved.
    pub resolution: Vec<Resolution>,
    /// The summary.
    pub summary: String,
    /// Why it is closed although the finder is not satisfied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_reason: Option<String>,
    /// The round of work it ends.
    pub cycle: u32,
    /// Until when it can be reopened.
    pub reopen_until: Due,
}

impl CloseCase {
    pub(crate) fn decide(&self, case: &Case, context: &Context) -> Decision {
        let file = case.opened()?;
        if file.closed.as_ref().is_some_and(|closed| self.is_same(closed)) {
            return Ok(vec![]);
        }
        case.opened_in(&[Stage::Callback, Stage::NotFiled], "called back or not filed")?;
        let (outcome, expected) = fitting_outcome(case.stage, file);
        if self.outcome != outcome {
            return Err(Refusal::OutcomeDoesNotFit { expected });
        }
        let explained = outcome == Outcome::Explained;
        check_count("resolution", self.resolution.len(), usize::from(!explained), 4)?;
        check_text("summary", &self.summary, 2000)?;
        let this_cycle = file.feedback.iter().rfind(|feedback| feedback.cycle == file.cycle);
        let feedback = this_cycle.ok_or(Refusal::FinderNotAnswered)?;
        match &self.override_reason {
            Some(reason) => check_text("override_reason", reason, 500)?,
            None if feedback.is_unhappy() && !explained => return Err(Refusal::FinderNotSatisfied),
            None => {}
        }
        let reopen_until = context.facts.reopen_window.clone().ok_or(Refusal::NoLimit { step: Step::RouteAgain })?;
        Ok(vec![
            CaseClosed {
                outcome: self.outcome,
                resolution: self.resolution.clone(),
                summary: self.summary.clone(),
                override_reason: self.override_reason.clone(),
                cycle: file.cycle,
                reopen_until,
            }
            .into(),
        ])
    }
}

impl CloseCase {
    fn is_same(&self, closed: &CaseClosed) -> bool {
        (self.outcome, &self.resolution, &self.summary) == (closed.outcome, &closed.resolution, &closed.summary)
    }
}

fn fitting_outcome(stage: Stage, file: &CaseFile) -> (Outcome, &'static str) {
    let conclusion = file.deliberation().and_then(|deliberation| deliberation.conclusion);
    if stage == Stage::NotFiled || (file.verified.is_none() && conclusion == Some(Conclusion::Explain)) {
        (Outcome::Explained, "explained")
    } else if file.lead().is_some() {
        (Outcome::Solved, "solved")
    } else {
        (Outcome::CommunitySolved, "community_solved")
    }
}

impl CaseClosed {
    pub(crate) fn evolve(self, case: Case) -> Case {
        case.turned(Stage::Closed, |file| {
            file.next = None;
            file.closed = Some(self);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::given::{close, closed, feedback_recorded, given, verified_case};

    fn answered(satisfied: bool) -> Vec<crate::CaseEvent> {
        [verified_case(), vec![feedback_recorded(satisfied)]].concat()
    }

    #[test]
    fn a_case_is_closed_once_its_finder_was_answered() {
        given(verified_case()).when(close()).then_refused(Refusal::FinderNotAnswered);
        given(answered(true)).when(close()).then([closed()]);
        given([answered(true), vec![closed()]].concat()).when(close()).then_nothing();
        let other = CloseCase { summary: "别的总结".into(), ..close() };
        let refusal = Refusal::WrongStage { stage: Stage::Closed, taken: "called back or not filed" };
        given([answered(true), vec![closed()]].concat()).when(other).then_refused(refusal);
        assert_eq!(given([answered(true), vec![closed()]].concat()).case().opened().unwrap().next, None);
    }

    #[test]
    fn an_unhappy_finder_keeps_it_open_unless_with_a_reason() {
        given(answered(false)).when(close()).then_refused(Refusal::FinderNotSatisfied);
        let reasoned = CloseCase { override_reason: Some("诉求超出法定职责".into()), ..close() };
        assert_eq!(given(answered(false)).when(reasoned).events().len(), 1);
    }

    #[test]
    fn the_outcome_fits_the_way_of_the_case() {
        let other = CloseCase { outcome: Outcome::CommunitySolved, ..close() };
        given(answered(true)).when(other).then_refused(Refusal::OutcomeDoesNotFit { expected: "solved" });
    }
}
