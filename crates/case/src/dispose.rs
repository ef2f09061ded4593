//! 处置: the grid or the departments do the work, and somebody else verifies it on site.
//!
//! Extension, suspension and assigned verification come with their issue.

mod handle_in_grid;
mod record_progress;
mod submit_disposal;
mod verify_case;

pub use handle_in_grid::{Completion, Executor, ExecutorKind, GridHandlingDone, GridHandlingStarted, HandleInGrid};
pub use record_progress::{GridProgressRecorded, OrderProgressRecorded, RecordProgress};
pub use submit_disposal::{CaseDisposed, PartDisposed, PartOutcome, SubmitDisposal};
pub use verify_case::{GridReworkRequired, OrderReworkRequired, VerificationFailed, VerificationPassed, VerifyCase};
