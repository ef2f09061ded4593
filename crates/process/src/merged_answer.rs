//! A case that was merged into another is answered when that one is.

use std::collections::BTreeSet;

use case::{AnswerMerged, CaseEvent, Reopening};
use kernel::{CaseId, Key, Read};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::process::{FollowUp, Process};

/// The events of a case that mean nothing here.
const NONE: &[&str] = &[
    "cn.dualgrid.case.issue_discovered.v1",
    "cn.dualgrid.case.issue_registered.v1",
    "cn.dualgrid.case.duplicate_suspected.v1",
    "cn.dualgrid.case.report_added.v1",
    "cn.dualgrid.case.reporter_read.v1",
    "cn.dualgrid.case.reader_named.v1",
    "cn.dualgrid.case.issue_merged.v1",
    "cn.dualgrid.case.issue_voided.v1",
    "cn.dualgrid.case.grid_handling_started.v1",
    "cn.dualgrid.case.grid_progress_recorded.v1",
    "cn.dualgrid.case.grid_handling_done.v1",
    "cn.dualgrid.case.grid_rework_required.v1",
    "cn.dualgrid.case.deliberation_opened.v1",
    "cn.dualgrid.case.meeting_held.v1",
    "cn.dualgrid.case.proposal_revised.v1",
    "cn.dualgrid.case.deliberation_concluded.v1",
    "cn.dualgrid.case.deliberation_waived.v1",
    "cn.dualgrid.case.issue_escalated.v1",
    "cn.dualgrid.case.case_filed.v1",
    "cn.dualgrid.case.filing_refused.v1",
    "cn.dualgrid.case.case_dispatched.v1",
    "cn.dualgrid.case.order_dispatched.v1",
    "cn.dualgrid.case.order_accepted.v1",
    "cn.dualgrid.case.return_requested.v1",
    "cn.dualgrid.case.return_approved.v1",
    "cn.dualgrid.case.order_withdrawn.v1",
    "cn.dualgrid.case.return_refused.v1",
    "cn.dualgrid.case.order_progress_recorded.v1",
    "cn.dualgrid.case.part_disposed.v1",
    "cn.dualgrid.case.case_disposed.v1",
    "cn.dualgrid.case.verification_passed.v1",
    "cn.dualgrid.case.verification_failed.v1",
    "cn.dualgrid.case.order_rework_required.v1",
    "cn.dualgrid.case.merged_finder_heard.v1",
    "cn.dualgrid.case.merged_case_reopened.v1",
    "cn.dualgrid.case.word_taken_in.v1",
    "cn.dualgrid.case.case_left.v1",
    "cn.dualgrid.case.case_moved.v1",
    "cn.dualgrid.process.process_activated.v1",
];

/// Gives the finder of every merged case the answer of the case that continued, and tells them how it was closed and why it was
/// reopened. A case that was merged later gets the last
/// answer at once; what a merged case was answered itself goes on to those that were merged into it before.
pub struct MergedAnswer;

/// What is remembered of a case into which others were merged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// The cases that were merged into it.
    pub cases: BTreeSet<CaseId>,
    /// The round of work that it is in.
    pub cycle: u32,
    /// What its finder was told last.
    pub answer: Option<String>,
    /// How many answers it gave so far.
    pub answers: u32,
    /// Whether the finders of the others can have it reopened.
    pub reopening: Option<Reopening>,
}

impl Merged {
    fn follow(&self, by_case: CaseId, cases: impl IntoIterator<Item = CaseId>) -> Vec<FollowUp> {
        let (Some(answer), Some(reopening)) = (&self.answer, &self.reopening) else { return Vec::new() };
        let command = AnswerMerged {
            by_case,
            number: self.answers,
            cycle: self.cycle,
            answer: answer.clone(),
            reopening: reopening.clone(),
        };
        cases.into_iter().map(|case| FollowUp::new(case.uuid(), &command)).collect()
    }
}

impl Process for MergedAnswer {
    const NAME: &'static str = "merged_answer";
    const ABOUT: &'static str = "Answers the finders of merged cases when the case that continued is answered";
    const PATH: &'static str = "merged-answers";
    const ACTION: &'static str = "read-merged-answers";
    const FROM: &'static [&'static str] = &["case", "process"];
    const NONE: &'static [&'static str] = NONE;
    type State = Merged;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        let Some(kind) = event.of::<CaseEvent>() else { return };
        if matches!(
            kind,
            CaseEvent::IssueTakenIn(_)
                | CaseEvent::FeedbackRecorded(_)
                | CaseEvent::MergedIssueAnswered(_)
                | CaseEvent::CaseClosed(_)
                | CaseEvent::CaseReopened(_)
        ) {
            touch(event.id().into());
        }
    }

    fn react(_: &Key, state: &mut Option<Merged>, event: &Read<'_>) -> Vec<FollowUp> {
        let by_case = CaseId::new(event.id());
        match event.of::<CaseEvent>() {
            Some(CaseEvent::IssueTakenIn(taken)) => {
                let merged = state.get_or_insert_default();
                merged.cases.insert(taken.from);
                merged.follow(by_case, [taken.from])
            }
            Some(CaseEvent::FeedbackRecorded(feedback)) => {
                answered(state, by_case, feedback.cycle, &feedback.answer, feedback.reopening())
            }
            Some(CaseEvent::CaseClosed(closed)) => {
                answered(state, by_case, closed.cycle, &closed.summary, Reopening::Until(closed.reopen_until.at))
            }
            Some(CaseEvent::CaseReopened(again)) => {
                answered(state, by_case, again.cycle, &again.reason, Reopening::Needless)
            }
            Some(CaseEvent::MergedIssueAnswered(answer)) => {
                answered(state, by_case, answer.cycle, &answer.answer, answer.reopening.clone())
            }
            _ => Vec::new(),
        }
    }
}

fn answered(
    state: &mut Option<Merged>,
    by_case: CaseId,
    cycle: u32,
    answer: &str,
    reopening: Reopening,
) -> Vec<FollowUp> {
    let merged = state.get_or_insert_default();
    (merged.cycle, merged.answer) = (cycle, Some(answer.to_owned()));
    (merged.answers, merged.reopening) = (merged.answers + 1, Some(reopening));
    merged.follow(by_case, merged.cases.clone())
}
