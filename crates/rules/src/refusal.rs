//! Every reason for which a publication is refused.

use chrono::{DateTime, Utc};
use kernel::{MatterCode, Step};

use crate::CalendarId;

kernel::refusals! {
    /// Why a publication was refused. Nothing was changed.
    pub enum Refusal {
        /// No rules were published. A rulebook always exists, so that no command meets this.
        #[error("no rules were published; publish them first")]
        NotPublished = Missing "no-rules",
        /// A matter occurs twice.
        #[error("matter {0} is described twice")]
        DuplicateMatter(MatterCode) = Unfit "duplicate-matter",
        /// A limit, calendar, consent rule or criterion occurs twice.
        #[error("{0} is described twice")]
        Duplicate(String) = Unfit "duplicate",
        /// A limit of zero.
        #[error("the limit of {0} must be at least 1")]
        LimitIsZero(String) = Unfit "limit-is-zero",
        /// A limit for a step that no kind has.
        #[error("there is no step {step}; the steps are {known}")]
        UnknownStep {
            step: Step,
            known: String,
        } = Unfit "unknown-step",
        /// A limit without its source and without the reason for the assumption.
        #[error("{0} needs its source, or the reason why it is assumed")]
        Unsourced(String) = Unfit "unsourced",
        /// A name is empty.
        #[error("{0} needs a name")]
        BlankName(String) = Unfit "blank-name",
        /// No time can be counted by the calendar.
        #[error("calendar {id} {reason}")]
        CalendarUnsound {
            id: CalendarId,
            reason: &'static str,
        } = Unfit "calendar-unsound",
        /// A different calendar was published under that id.
        #[error("calendar {0} is already published and cannot be changed; publish a new revision")]
        CalendarRewritten(CalendarId) = Refused "calendar-rewritten",
        /// Nothing can be decided by the consent rule.
        #[error("consent rule {id} {reason}")]
        ConsentRuleUnsound {
            id: String,
            reason: &'static str,
        } = Unfit "consent-rule-unsound",
        /// A different consent rule was published under that id.
        #[error("consent rule {0} is already published and cannot be changed; publish it under a new id")]
        ConsentRuleRewritten(String) = Refused "consent-rule-rewritten",
        /// A later change is already recorded.
        #[error("{what} already changes on {last}; a change before that moment is not possible")]
        OutOfOrder {
            what: String,
            last: DateTime<Utc>,
        } = Refused "out-of-order",
    }
}
