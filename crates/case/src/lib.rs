//! Floor 1: the lifecycle of one case, from its discovery to the feedback (发现 → 共议 → 响应 → 处置 → 反馈).
//!
//! | stage | commands that are taken there |
//! |---|---|
//! | (none) | `discover-issue` |
//! | discovered 已发现 | `register-issue`, `merge-issue`, `void-issue` |
//! | registered 已登记 | `handle-in-grid`, `open-deliberation`, `escalate-issue`, `merge-issue`, `void-issue` |
//! | grid_handling 网格自处 | `handle-in-grid`, `record-progress`, `hold-meeting` (coordination, review), `open-deliberation`, `escalate-issue` |
//! | deliberating 共议中 | `hold-meeting` (hearing, coordination), `revise-proposal`, `conclude-deliberation`, then `handle-in-grid`, `open-deliberation` or `escalate-issue` |
//! | escalated 已上报 | `file-case`, `refuse-filing` |
//! | not_filed 不予立案 | `escalate-issue` (one review), `record-feedback`, `close-case` |
//! | filed 已立案 | `dispatch-case` |
//! | dispatched 已派遣 | `accept-order`, `request-return` (inside the window) |
//! | return_review 退单审核中 | `decide-return` |
//! | in_disposal 处置中 | `record-progress`, `submit-disposal`, `request-return` (inside the window), `hold-meeting` (review) |
//! | rework 返工 | `record-progress`, `submit-disposal`, `hold-meeting` (review) |
//! | disposed 已处置待核查 | `verify-case`, `hold-meeting` (coordination, review) |
//! | callback 回访 | `record-feedback`, `hold-meeting` (review), `close-case`, `reopen-case` |
//! | closed 已结案 | `reopen-case` (inside the window) |
//! | reopened 重办 | `dispatch-case`, `open-deliberation`, `handle-in-grid`, `escalate-issue` |
//! | merged 并案 | `answer-merged` |
//! | voided 作废 | none |
//!
//! Any case that is not over takes another one in (`take-in-issue`, a part of `merge-issue`), and follows its grid where that is
//! closed, split or moved (`follow-grid`); so does a merged one while its finder is asked.
//!
//! A case has several parts that are worked on by themselves: the case itself, the work of the grid, a deliberation, and an
//! order for each department. Each has a state and an obligation of its own ([`Standing`]), folded from the events alone, for
//! decisions and views alike; the stage is derived from the parts by one table. An assisting department accepts, asks its
//! order back, reports and disposes from dispatched to rework, also while the lead's return is reviewed, and
//! `decide-return` decides on its return in any of these.
//!
//! Consent polls, arbitration, first contact, summons, extension, suspension, urging, supervision, correction and
//! erasure have their places in `deliberate`, `respond`, `dispose` and an `oversight` module that come with them;
//! the stages consent_polling, arbitration, suspended and archived come with those commands.
//!
//! INVARIANT: pure. No clock, no randomness, no I/O; [`Context`](kernel::Context) brings in time, actor and the facts that a
//! command asks for.
//! INVARIANT: a case that is not closed, merged or voided has an [`Obligation`](kernel::Obligation).
//! INVARIANT: the same command again is no event, or the same refusal. A reason in other words, where nothing else
//! differs, is the same command; another code, due time, matter, department or file is not.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod access;
mod case;
mod cycle;
mod deliberate;
mod deliberation;
mod discover;
mod dispose;
mod event;
mod examples;
mod feedback;
mod file;
mod follow_grid;
mod moment;
mod order;
mod oversight;
mod refusal;
mod respond;
mod seat;
mod separation;
mod stage;
mod standing;
mod urgency;
mod view;

#[cfg(test)]
mod coverage;
#[cfg(test)]
mod testing;

pub use case::{Case, CaseCommand};
pub use cycle::{Cycle, Verification};
pub use deliberate::{
    Attendance, ConcludeDeliberation, ConsentResult, DeliberationConcluded, DeliberationOpened, DeliberationWaived,
    EscalateIssue, HoldMeeting, IssueEscalated, MeetingHeld, MeetingRound, OpenDeliberation, ProposalRevised,
    ReviseProposal, Roster, Seat, Topic,
};
pub use deliberation::{Conclusion, Deliberation, MeetingKind};
pub use discover::{
    Confidential, Datum, DiscoverIssue, DuplicateSuspected, Handling, IssueDiscovered, IssueMerged, IssueRegistered,
    IssueTakenIn, IssueVoided, ListLine, Location, LocationInput, MergeIssue, RegisterIssue, ReportAdded, Reporter,
    ReporterInput, Sent, Source, SuspectedCase, TakeInIssue, VoidIssue,
};
pub use dispose::{
    CaseDisposed, Completion, Executor, ExecutorKind, GridHandlingDone, GridHandlingStarted, GridProgressRecorded,
    GridReworkRequired, HandleInGrid, OrderProgressRecorded, OrderReworkRequired, PartDisposed, PartOutcome,
    RecordProgress, SubmitDisposal, VerificationFailed, VerificationPassed, VerifyCase,
};
pub use event::CaseEvent;
pub use feedback::{
    AnswerMerged, CaseClosed, CaseReopened, CloseCase, FeedbackRecorded, MergedCaseReopened, MergedFinderHeard,
    MergedIssueAnswered, Outcome, RecordFeedback, ReopenCase, ReopenCause, ReopenForMerged, Reopening, ReportTakenIn,
    Resolution, Said, TakeInWord, Word, WordOfFinder, WordOfSource, WordRecorded, WordTakenIn,
};
pub use file::CaseFile;
pub use follow_grid::{CaseLeft, CaseMoved, FollowGrid, OpenOrder};
pub use order::{Order, OrderPart, OrderRef, OrderStatus, Part};
pub use oversight::{NameReader, ReadPurpose, ReadReporter, ReaderNamed, ReporterRead};
pub use refusal::Refusal;
pub use respond::{
    AcceptOrder, CaseDispatched, CaseFiled, CriterionAnswer, DecideReturn, DispatchCase, FileCase, FilingRefused,
    OrderAccepted, OrderDispatched, OrderWithdrawn, OwnDue, RefuseFiling, RequestReturn, ReturnApproved,
    ReturnDecision, ReturnReason, ReturnRefused, ReturnRequested, TakeBackOrders,
};
pub use stage::Stage;
pub use standing::{DeliberationState, GridWorkState, OwnState, PartOf, Parts, Standing};
pub use urgency::Urgency;
pub use view::{
    CaseSummary, CaseSummaryView, DepartmentOrder, DepartmentOrderView, Issue, IssueView, OpenObligation,
    OpenObligationView, ReporterReading, ReporterReadingView,
};
