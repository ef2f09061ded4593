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
    community, discover, discovered, merge, merged, register, registered, registered_as, taken_in, voided,
};
pub(crate) use dispose::{
    disposed, disposed_case, failed, grid_done, grid_started, grid_work, part_disposed, passed, rework, submit,
    verified_case, verify, work_done,
};
pub(crate) use feedback::{
    close, closed, closed_case, feedback, feedback_recorded, merged_answered, reopen, reopened, second_cycle,
};
pub(crate) use respond::{
    accepted, decide_return, dispatch, dispatched, dispatched_case, file, filed, filed_case, order_id, order_ref,
    refuse_filing, refused_filing, request_return, return_approved, return_refused, return_requested,
};

pub(crate) use samples::every_event;

use std::collections::HashMap;

use kernel::{Event, EventId, Key, Position, Read, Recorded, StreamId, Version, View};

use crate::{Case, CaseEvent, CaseFile};

/// A case as `events` made it.
pub(crate) fn given(events: impl IntoIterator<Item = CaseEvent>) -> ::given::Given<Case> {
    ::given::given(events)
}

/// What is known of a case as `events` made it.
pub(crate) fn file_of(events: impl IntoIterator<Item = CaseEvent>) -> CaseFile {
    *given(events).state().file.expect("the issue was discovered")
}

/// The keys that an event touches.
pub(crate) fn keys<V: View>(event: &CaseEvent) -> Vec<Key> {
    let mut keys = Vec::new();
    V::keys(&Read::new(&recorded(1, event), event), &mut |key| keys.push(key));
    keys
}

/// The rows of a view after `events` of one case.
pub(crate) fn rows<V: View>(events: impl IntoIterator<Item = CaseEvent>) -> HashMap<Key, V::Row> {
    let mut rows = HashMap::new();
    for (event, number) in events.into_iter().zip(1..) {
        for key in keys::<V>(&event) {
            let mut row = rows.remove(&key);
            V::fold(&key, &mut row, &Read::new(&recorded(number, &event), &event));
            rows.extend(row.map(|row| (key, row)));
        }
    }
    rows
}

fn recorded(number: u32, event: &CaseEvent) -> Recorded {
    Recorded {
        position: Position(number.into()),
        stream: StreamId::new("case", CASE.uuid()),
        version: Version(number),
        id: EventId::named(&number.to_string()),
        kind: event.name().to_owned(),
        time: NOW,
        bytes: event.data().unwrap().get().to_owned().into(),
    }
}
