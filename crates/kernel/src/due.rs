//! Due times: a limit, the moment it ends, and how that moment was derived.

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DepartmentCode, GridCode, Role};

/// The unit of a limit (时限单位).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// 自然时: runs day and night.
    UrgentHour,
    /// 工作时: runs only inside the working hours of the calendar.
    WorkHour,
    /// 工作日: ends with the last working hour of the n-th working day after the start.
    WorkDay,
    /// 自然日: ends at the same time of day, n days later.
    CalendarDay,
}

/// How long something may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// How many of the unit; at least 1.
    pub amount: u32,
    /// The unit.
    pub unit: TimeUnit,
}

/// What somebody has to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// 登记: classify and register what was discovered.
    Register,
    /// 分流: decide the way: in the grid, deliberation, or up.
    Route,
    /// 网格自处: do the work inside the grid.
    WorkInGrid,
    /// 共议: hold the next meeting or conclude.
    Deliberate,
    /// 立案: file or refuse.
    File,
    /// 申请复核: ask for a review of a refusal, or let the case be closed.
    ReviewRefusal,
    /// 派遣: dispatch to departments.
    Dispatch,
    /// 签收: accept the order.
    Accept,
    /// 先行联系: speak to the finder for the first time.
    FirstContact,
    /// 退单审核: decide on a return.
    DecideReturn,
    /// 处置: dispose.
    Dispose,
    /// 核查: check on site.
    Verify,
    /// 返工: do it again.
    Rework,
    /// 回访: give the finder an answer and ask for theirs.
    CollectFeedback,
    /// 结案: close.
    Close,
    /// 重办: decide the way of a reopened case.
    RouteAgain,
}

impl Step {
    /// Every step.
    pub const ALL: [Step; 16] = [
        Step::Register,
        Step::Route,
        Step::WorkInGrid,
        Step::Deliberate,
        Step::File,
        Step::ReviewRefusal,
        Step::Dispatch,
        Step::Accept,
        Step::FirstContact,
        Step::DecideReturn,
        Step::Dispose,
        Step::Verify,
        Step::Rework,
        Step::CollectFeedback,
        Step::Close,
        Step::RouteAgain,
    ];
}

/// Where a due time comes from; everything needed to check it years later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Derivation {
    /// When the limit began to run.
    #[serde(with = "crate::time")]
    #[schemars(with = "DateTime<Utc>")]
    pub from: DateTime<Utc>,
    /// The limit that was applied.
    pub limit: Limit,
    /// Where the limit stands: a step, or a matter and its stage, for example `matter PA-0102 disposal`.
    #[schemars(with = "String")]
    pub rule: CompactString,
    /// Version of the rules at that time.
    pub rules_version: u32,
    /// Version of the working calendar that was used, for example `cn-2026.1`.
    #[schemars(with = "String")]
    pub calendar: CompactString,
    /// True where the limit is dualgrid's assumption and not from a published source.
    pub assumed: bool,
}

/// A due time and how it was derived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Due {
    /// The moment until which it is on time.
    #[serde(with = "crate::time")]
    #[schemars(with = "DateTime<Utc>")]
    pub at: DateTime<Utc>,
    /// How that moment was derived.
    pub derivation: Derivation,
}

/// Who has to act: a role in a grid, or a department.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// The role that has to act.
    pub role: Role,
    /// The grid whose holder of that role is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridCode>,
    /// The department that has to act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentCode>,
}

/// The closed chain (闭合链): who has to do what until when. A case that is not closed always has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// What has to be done.
    pub step: Step,
    /// Who has to do it.
    pub by: Party,
    /// Until when.
    pub due: Due,
}
