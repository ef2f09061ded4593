//! 发现: an issue is found, registered, merged or voided.

mod discover_issue;
mod merge_issue;
mod register_issue;
mod void_issue;

pub use discover_issue::{DiscoverIssue, IssueDiscovered, ListLine, Location, Reporter, ReporterInput, Source};
pub use merge_issue::{IssueMerged, MergeIssue};
pub use register_issue::{DuplicateSuspected, Handling, IssueRegistered, RegisterIssue, Urgency};
pub use void_issue::{IssueVoided, VoidIssue};

use crate::Refusal;

/// Refuses a text that is empty (but for white space) or longer than `max` characters.
pub(crate) fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), Refusal> {
    let length = text.chars().count();
    if text.trim().is_empty() || length > max { Err(Refusal::TextLength { field, max }) } else { Ok(()) }
}

/// Refuses a list with fewer than `min` or more than `max` entries.
pub(crate) fn check_count(field: &'static str, count: usize, min: usize, max: usize) -> Result<(), Refusal> {
    if (min..=max).contains(&count) { Ok(()) } else { Err(Refusal::EntryCount { field, min, max }) }
}
