//! When an event happened, as far as its data say so.

use chrono::{DateTime, Utc};

use crate::CaseEvent;

/// When an event happened, as far as it says so.
pub(crate) fn moment_of(event: &CaseEvent, next: impl IntoIterator<Item = DateTime<Utc>>) -> Option<DateTime<Utc>> {
    match event {
        CaseEvent::CaseClosed(event) => Some(event.reopen_until.derivation.from),
        CaseEvent::IssueMerged(event) => Some(event.merged_at),
        CaseEvent::IssueVoided(event) => Some(event.voided_at),
        _ => next.into_iter().max(),
    }
}
