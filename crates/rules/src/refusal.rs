//! Every reason for which a publication is refused.

use chrono::{DateTime, NaiveDate, Utc};
use kernel::{MatterCode, Step};

use crate::{CalendarId, CalendarPurpose};

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
        /// A limit of more than ten years.
        #[error("the limit of {what} is {amount}; it may be at most {max}, which is ten years")]
        LimitTooLong {
            what: String,
            amount: u32,
            max: u32,
        } = Unfit "limit-too-long",
        /// A limit is counted by calendars that do not exist.
        #[error("{what} is counted by {purpose} calendars, and there are none; publish one, or name another purpose")]
        UnknownCalendarPurpose {
            what: String,
            purpose: CalendarPurpose,
        } = Unfit "unknown-calendar-purpose",
        /// Days between two calendars of one purpose are covered by neither.
        #[error("no {purpose} calendar covers {day}, before calendar {id} begins; leave no gap between calendars")]
        CalendarGap {
            purpose: CalendarPurpose,
            id: CalendarId,
            day: NaiveDate,
        } = Unfit "calendar-gap",
        /// Steps that somebody may have to take, and that have no limit.
        #[error("`step_limits` has nothing for {steps}; a due time is computed for each of them, so give each its limit")]
        StepsWithoutLimit {
            steps: String,
        } = Unfit "steps-without-limit",
        /// A limit for a step that no kind has.
        #[error("there is no step {step}; the steps are {known}")]
        UnknownStep {
            step: Step,
            known: String,
        } = Unfit "unknown-step",
        /// More is left out of a description than may be withdrawn or ended.
        #[error("{0}")]
        ClosesTooMuch(kernel::Excess) = Refused "closes-too-much",
        /// What is in force cannot be withdrawn.
        #[error("{what}: this is in force already and cannot be withdrawn; publish what is to hold from now on")]
        InForce {
            what: String,
        } = Refused "in-force",
        /// There is nothing to withdraw.
        #[error("there is nothing to withdraw: {what}")]
        NothingScheduled {
            what: String,
        } = Refused "nothing-scheduled",
        /// No time can be counted by the calendar.
        #[error("calendar {id} {reason}")]
        CalendarUnsound {
            id: CalendarId,
            reason: String,
        } = Unfit "calendar-unsound",
        /// A different calendar was published under that id.
        #[error("calendar {0} is already published and cannot be changed; publish a new revision")]
        CalendarRewritten(CalendarId) = Refused "calendar-rewritten",
        /// A review is scored 0 to 100.
        #[error("no review reaches {0} points; the least score of a review is 0 to 100")]
        ScoreOverHundred(u8) = Unfit "score-over-hundred",
        /// Nothing is so near, or so like, or everything is.
        #[error(
            "cases may be the same within {metres_max} m or from {percent_min} % of their words on: say 0 to 200 m and 1 to 100 %"
        )]
        NoLikeness {
            metres_max: u32,
            percent_min: u8,
        } = Unfit "no-likeness",
        /// Personal data could be read for ever, or never.
        #[error(
            "{days_after} days after a duty and {readings_a_day_max} readings a day: say 0 to 365 days and 1 to 10000 readings"
        )]
        NoReadingLimit {
            days_after: u32,
            readings_a_day_max: u32,
        } = Unfit "no-reading-limit",
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
        #[error(
            "{what} already changes on {last}; a change before that moment is not possible; where that one is not in force yet, \
             withdraw it first (withdraw-rules)"
        )]
        OutOfOrder {
            what: String,
            last: DateTime<Utc>,
        } = Refused "out-of-order",
        ..Unfit(kernel::UnfitOf),
    }
}
