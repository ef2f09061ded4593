//! 反馈: the finder gets an answer and gives one; the case is closed, or opened again.
//!
//! Scored reviews of projects come with their issue.

mod answer_merged;
mod close_case;
mod record_feedback;
mod reopen_case;

pub use answer_merged::{AnswerMerged, MergedIssueAnswered};
pub use close_case::{CaseClosed, CloseCase, Outcome, Resolution};
pub use record_feedback::{FeedbackRecorded, RecordFeedback, Said};
pub use reopen_case::{CaseReopened, ReopenCase, ReopenCause};
