//! The events of a told case.

mod common;
mod deliberate;
mod discover;
mod dispose;
mod feedback;
mod respond;
mod samples;

pub(crate) use ::given::{ASSIST, GRID, LEAD, NOW, department, evidence};
pub(crate) use common::{CASE, matter as matter_code};
pub(crate) use deliberate::{
    conclude, concluded, consent, consented, escalate, escalated, escalation, hearing, held, hold_hearing,
    open_deliberation, opened, proposal, revise,
};
pub(crate) use discover::{
    community, discover, discovered, merge, merged, register, registered, registered_as, voided,
};
pub(crate) use dispose::{
    disposed, disposed_case, failed, grid_done, grid_started, grid_work, part_disposed, passed, rework, submit,
    verified_case, verify, work_done,
};
pub(crate) use feedback::{close, closed, closed_case, feedback, feedback_recorded, reopen, reopened, second_cycle};
pub(crate) use respond::{
    accepted, decide_return, dispatch, dispatched, dispatched_case, file, filed, filed_case, order_id, order_ref,
    refuse_filing, refused_filing, request_return, return_approved, return_refused, return_requested,
};

pub(crate) use samples::every_event;

use crate::{Case, CaseEvent, CaseFile};

/// A case as `events` made it.
pub(crate) fn given(events: impl IntoIterator<Item = CaseEvent>) -> ::given::Given<Case> {
    ::given::given(events)
}

/// What is known of a case as `events` made it.
pub(crate) fn file_of(events: impl IntoIterator<Item = CaseEvent>) -> CaseFile {
    *given(events).state().file.expect("the issue was discovered")
}
