//! 发现: an issue is found, registered, merged or voided.

mod discover_issue;
mod location;
mod merge_issue;
mod register_issue;
mod report_added;
mod reporter;
mod take_in_issue;
mod void_issue;

pub use discover_issue::{Confidential, DiscoverIssue, IssueDiscovered, ListLine, Source};
pub(crate) use discover_issue::{DESCRIPTION_MAX, EVIDENCE_MAX, TITLE_MAX};
pub(crate) use location::TEXT_MAX as PLACE_MAX;
pub use location::{Datum, Location, LocationInput, Sent};
pub use merge_issue::{IssueMerged, MergeIssue};
pub use register_issue::{DuplicateSuspected, Handling, IssueRegistered, RegisterIssue, SuspectedCase};
pub use report_added::ReportAdded;
pub use reporter::{Reporter, ReporterInput};
pub use take_in_issue::{IssueTakenIn, TakeInIssue};
pub use void_issue::{IssueVoided, VoidIssue};
