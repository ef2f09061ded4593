//! Every reason for which the rules say no.

use chrono::{DateTime, Utc};
use kernel::{MatterCode, Step};

use crate::CalendarId;

kernel::refusals! {
    /// Why a publication was refused. Nothing was changed.
    pub enum Refusal {
        /// A matter occurs twice.
        #[error("matter {0} is described twice")]
        DuplicateMatter(MatterCode) = Unfit "duplicate-matter",
        /// A limit, calendar, rule or criterion occurs twice.
        #[error("{0} is described twice")]
        Duplicate(String) = Unfit "duplicate",
        /// A limit of nothing.
        #[error("the limit of {0} must be at least 1")]
        LimitIsZero(String) = Unfit "limit-is-zero",
        /// A limit that neither names its source nor the reason for assuming it.
        #[error("{0} needs its source, or the reason why it is assumed")]
        Unsourced(String) = Unfit "unsourced",
        /// A name is empty.
        #[error("{0} needs a name")]
        BlankName(String) = Unfit "blank-name",
        /// A calendar by which nothing could be counted.
        #[error("calendar {id}: {reason}")]
        CalendarUnsound {
            id: CalendarId,
            reason: &'static str,
        } = Unfit "calendar-unsound",
        /// A calendar of that id says something else already.
        #[error("calendar {0} is published and is never rewritten; publish a new revision")]
        CalendarRewritten(CalendarId) = Refused "calendar-rewritten",
        /// A consent rule by which nobody could decide.
        #[error("consent rule {id}: {reason}")]
        ConsentRuleUnsound {
            id: String,
            reason: &'static str,
        } = Unfit "consent-rule-unsound",
        /// A consent rule of that id says something else already.
        #[error("consent rule {0} is published and is never rewritten; publish it under a new id")]
        ConsentRuleRewritten(String) = Refused "consent-rule-rewritten",
        /// Something later is known already.
        #[error("{what} was changed as of {last} already; nothing before that can be changed any more")]
        OutOfOrder {
            what: String,
            last: DateTime<Utc>,
        } = Refused "out-of-order",
        /// A limit for a step that no kind knows.
        #[error("no kind knows the step {step}; known are {known}")]
        UnknownStep {
            step: Step,
            known: String,
        } = Unfit "unknown-step",
    }
}
