//! 反馈, told.

use kernel::{CaseId, Role, Step};

use super::common::{CENTRE, due, grid_facts, oblige};
use super::discover::discover;
use super::dispose::{passed, verified_case};
use crate::{
    CaseClosed, CaseEvent, CaseReopened, CloseCase, FeedbackRecorded, MergedIssueAnswered, Outcome, RecordFeedback,
    ReopenCase, ReopenCause, Reopening, Resolution,
};

pub(crate) fn feedback(satisfied: bool) -> RecordFeedback {
    RecordFeedback {
        answer: "已设集体办理点".into(),
        contacted: true,
        solved: Some(satisfied),
        satisfied: Some(satisfied),
        comment: None,
    }
}

pub(crate) fn feedback_recorded(satisfied: bool) -> CaseEvent {
    let RecordFeedback { answer, contacted, solved, satisfied: happy, comment } = feedback(satisfied);
    let step = if satisfied { Step::CLOSE } else { Step::ROUTE_AGAIN };
    let next = oblige(step, Role::DutyOfficer, CENTRE);
    FeedbackRecorded { answer, contacted, solved, satisfied: happy, comment, by: "caller-1".into(), cycle: 1, next }
        .into()
}

pub(crate) fn close() -> CloseCase {
    CloseCase {
        outcome: Outcome::Solved,
        resolution: vec![Resolution::Joint],
        summary: "商户顺利办证".into(),
        override_reason: None,
    }
}

pub(crate) fn closed() -> CaseEvent {
    let CloseCase { outcome, resolution, summary, override_reason } = close();
    CaseClosed { outcome, resolution, summary, override_reason, cycle: 1, reopen_until: due("reopen window", 30) }
        .into()
}

pub(crate) fn closed_case() -> Vec<CaseEvent> {
    [verified_case(), vec![feedback_recorded(true), closed()]].concat()
}

pub(crate) fn reopen() -> ReopenCase {
    ReopenCase { cause: ReopenCause::FinderDissatisfied, reason: "又出现了".into() }
}

pub(crate) fn merged_answered(by_case: CaseId, cycle: u32, answer: &str) -> CaseEvent {
    let next = oblige(Step::COLLECT_FEEDBACK, Role::DutyOfficer, CENTRE);
    let (title, grids) = (discover().title, grid_facts().path);
    let reopening = Reopening::UntilClosed;
    MergedIssueAnswered { by_case, number: cycle, cycle, answer: answer.into(), reopening, title, grids, next }.into()
}

pub(crate) fn reopened() -> CaseEvent {
    let next = oblige(Step::ROUTE_AGAIN, Role::Dispatcher, CENTRE);
    CaseReopened {
        title: discover().title,
        grids: grid_facts().path,
        cycle: 2,
        cause: ReopenCause::FinderDissatisfied,
        reason: "又出现了".into(),
        from: None,
        next,
    }
    .into()
}

/// Opened again after the finder said of the first cycle what they said; verified again, and nobody asked again.
pub(crate) fn second_cycle(satisfied: bool) -> Vec<CaseEvent> {
    [verified_case(), vec![feedback_recorded(satisfied), closed(), reopened(), passed()]].concat()
}
