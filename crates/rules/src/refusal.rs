//! Every reason for which the rules say no.

use chrono::{DateTime, Utc};
use kernel::{MatterCode, Step};

use crate::CalendarId;

/// Why a publication was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A matter occurs twice.
    #[error("matter {0} is described twice")]
    DuplicateMatter(MatterCode),
    /// A limit, calendar, rule or criterion occurs twice.
    #[error("{0} is described twice")]
    Duplicate(String),
    /// A limit of nothing.
    #[error("the limit of {0} must be at least 1")]
    LimitIsZero(String),
    /// A step without a limit.
    #[error("step {0:?} has no limit")]
    StepWithoutLimit(Step),
    /// A limit that neither names its source nor the reason for assuming it.
    #[error("{0} needs its source, or the reason why it is assumed")]
    Unsourced(String),
    /// A name is empty.
    #[error("{0} needs a name")]
    BlankName(String),
    /// A calendar by which nothing could be counted.
    #[error("calendar {id}: {reason}")]
    CalendarUnsound {
        /// The calendar.
        id: CalendarId,
        /// What is wrong.
        reason: &'static str,
    },
    /// A calendar of that id says something else already.
    #[error("calendar {0} is published and is never rewritten; publish a new revision")]
    CalendarRewritten(CalendarId),
    /// A consent rule by which nobody could decide.
    #[error("consent rule {id}: {reason}")]
    ConsentRuleUnsound {
        /// The rule.
        id: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A consent rule of that id says something else already.
    #[error("consent rule {0} is published and is never rewritten; publish it under a new id")]
    ConsentRuleRewritten(String),
    /// Something later is known already.
    #[error("{what} was changed as of {last} already; nothing before that can be changed any more")]
    OutOfOrder {
        /// The matter or the limits.
        what: String,
        /// The last moment at which it changes.
        last: DateTime<Utc>,
    },
}

impl Refusal {
    /// The public code of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::DuplicateMatter(_) => "duplicate-matter",
            Refusal::Duplicate(_) => "duplicate",
            Refusal::LimitIsZero(_) => "limit-is-zero",
            Refusal::StepWithoutLimit(_) => "step-without-limit",
            Refusal::Unsourced(_) => "unsourced",
            Refusal::BlankName(_) => "blank-name",
            Refusal::CalendarUnsound { .. } => "calendar-unsound",
            Refusal::CalendarRewritten(_) => "calendar-rewritten",
            Refusal::ConsentRuleUnsound { .. } => "consent-rule-unsound",
            Refusal::ConsentRuleRewritten(_) => "consent-rule-rewritten",
            Refusal::OutOfOrder { .. } => "out-of-order",
        }
    }
}
