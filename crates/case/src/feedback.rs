//! 反馈: the finder gets an answer and gives one; the case is closed, or opened again.
//!
//! Scored reviews of projects come with their issue.

mod answer_merged;
mod close_case;
mod merged_finder;
mod record_feedback;
mod reopen_case;
mod reopen_for_merged;
mod said;
mod take_in_word;

pub use answer_merged::{AnswerMerged, MergedIssueAnswered, Reopening};
pub use close_case::{CaseClosed, CloseCase, Outcome, Resolution};
pub use merged_finder::{MergedCaseReopened, MergedFinderHeard};
pub use record_feedback::{FeedbackRecorded, RecordFeedback};
pub use reopen_case::{CaseReopened, ReopenCase, ReopenCause};
pub use reopen_for_merged::ReopenForMerged;
pub use said::Said;
pub use take_in_word::{ReportTakenIn, TakeInWord, Word, WordOfFinder, WordOfSource, WordRecorded, WordTakenIn};
