//! Limits and their sources.

use kernel::separation::Incompatible;
use kernel::{Limit, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CalendarPurpose;
use crate::bounds::{PAIRS_MAX, TEXT_LEN_MAX};

/// The most that a limit may be: ten years. More is a slip of the pen.
pub(crate) const fn amount_max(unit: TimeUnit) -> u32 {
    const DAYS: u32 = 3_660;
    match unit {
        TimeUnit::UrgentHour | TimeUnit::WorkHour => DAYS * 24,
        TimeUnit::WorkDay | TimeUnit::CalendarDay => DAYS,
    }
}

/// A limit and its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourcedLimit {
    pub limit: Limit,
    /// The purpose of the calendars by which working time is counted; by default `office`.
    #[serde(default, skip_serializing_if = "CalendarPurpose::is_office")]
    pub calendar: CalendarPurpose,
    /// True where the limit is dualgrid's assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that says so; for an assumed limit, why it was chosen.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub source: String,
}

/// The two windows in which a case may turn back, and the one in which it must be disposed of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// 退单期: how long after dispatch a department may return an order.
    #[serde(rename = "return")]
    pub return_order: SourcedLimit,
    /// 重办期: how long after closing a case may be reopened.
    pub reopen: SourcedLimit,
    /// 另定时限: how far ahead a dispatcher may set a due time of their own.
    pub own_due: SourcedLimit,
}

/// From when on two open cases are shown as such that may be the same (疑似重复).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRule {
    /// Not farther apart than so many metres, 0 to 200, whatever was told of them.
    pub metres_max: u32,
    /// Or at least so much of title and description in common, 1 to 100 percent of neighbouring characters, wherever in the grid or
    /// in its neighbours they are.
    pub percent_min: u8,
    /// True where the limits are dualgrid's assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that says so; for assumed limits, why they were chosen.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub source: String,
}

/// Which steps of a case one person does not take together (不相容职责分离).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeparationRule {
    /// Each pair once, at most 64; whoever took the earlier step in a case does not take the later one.
    #[schemars(length(max = PAIRS_MAX))]
    pub pairs: Vec<Incompatible>,
    /// True where the pairs are dualgrid's assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that says so; for assumed pairs, why they were chosen.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub source: String,
}

/// For how long, and how often, the personal data of a case may be read (个人信息最小必要).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonalDataRule {
    /// For how many days after a duty in a case has ended whoever had it may read who reported it, at most 365; 0: not any more.
    pub days_after: u32,
    /// How many readings a person may make in a day, 1 to 10 000.
    pub readings_a_day_max: u32,
    /// True where the numbers are dualgrid's assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that says so; for assumed numbers, why they were chosen.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub source: String,
}

/// What a review (评议会) must come to, so that a case is closed as solved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewRule {
    /// The least score, 0 to 100.
    pub score_min: u8,
    /// True where the score is dualgrid's assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that says so; for an assumed score, why it was chosen.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub source: String,
}
