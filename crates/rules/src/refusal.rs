//! Every reason for which the rules refuse a command.

use chrono::{DateTime, Utc};
use kernel::{MatterCode, Step};

use crate::CalendarId;

kernel::refusals! {
    /// Why a publication was refused. Nothing has changed.
    pub enum Refusal {
        /// Nothing was published. No command leads to it: the rules always exist.
        #[error("no rules are published; publish some first")]
        NotPublished = Missing "no-rules",
        /// A matter occurs twice.
        #[error("matter {0} is described twice")]
        DuplicateMatter(MatterCode) = Unfit "duplicate-matter",
        /// A limit, calendar, rule or criterion occurs twice.
        #[error("{0} is described twice")]
        Duplicate(String) = Unfit "duplicate",
        /// A limit of zero.
        #[error("the limit of {0} must be at least 1")]
        LimitIsZero(String) = Unfit "limit-is-zero",
        /// A limit or consent rule without its source or the reason for assuming it.
        #[error("{0} needs its source, or the reason why it is assumed")]
        Unsourced(String) = Unfit "unsourced",
        /// A name is empty.
        #[error("{0} needs a name")]
        BlankName(String) = Unfit "blank-name",
        /// The calendar contradicts itself.
        #[error("calendar {id}: {reason}")]
        CalendarUnsound {
            id: CalendarId,
            reason: &'static str,
        } = Unfit "calendar-unsound",
        /// A different calendar of that id is already published.
        #[error("calendar {0} is already published and cannot be changed; publish a new revision")]
        CalendarRewritten(CalendarId) = Refused "calendar-rewritten",
        /// The consent rule contradicts itself or is incomplete.
        #[error("consent rule {id}: {reason}")]
        ConsentRuleUnsound {
            id: String,
            reason: &'static str,
        } = Unfit "consent-rule-unsound",
        /// A different consent rule of that id is already published.
        #[error("consent rule {0} is already published and cannot be changed; publish it under a new id")]
        ConsentRuleRewritten(String) = Refused "consent-rule-rewritten",
        /// A later change is already recorded.
        #[error("{what} already has a change as of {last}; an earlier change is refused")]
        OutOfOrder {
            what: String,
            last: DateTime<Utc>,
        } = Refused "out-of-order",
        /// A limit for a step that no kind knows.
        #[error("there is no step {step}; the steps are {known}")]
        UnknownStep {
            step: Step,
            known: String,
        } = Unfit "unknown-step",
    }
}
