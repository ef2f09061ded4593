//! Due times: a limit, the moment it ends, and how that moment was derived.

use std::fmt;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DepartmentCode, GridCode, MatterCode, Role};

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

/// What somebody must do next: an open code. Each kind names its own steps ([`Aggregate::STEPS`](crate::Aggregate::STEPS)),
/// and the rules give a limit to each that can be reached.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "CompactString", into = "CompactString")]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z_]{0,39}$"))]
pub struct Step(CompactString);

/// A step that is not written as one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a step: 1 to 40 of a-z and '_', starting with a letter")]
pub struct InvalidStep(pub String);

impl Step {
    /// 登记: classify and register what was discovered.
    pub const REGISTER: Step = Step::of("register");
    /// 分流: decide the way: in the grid, deliberation, or up.
    pub const ROUTE: Step = Step::of("route");
    /// 网格自处: do the work inside the grid.
    pub const WORK_IN_GRID: Step = Step::of("work_in_grid");
    /// 共议: hold the next meeting or conclude.
    pub const DELIBERATE: Step = Step::of("deliberate");
    /// 立案: file or refuse.
    pub const FILE: Step = Step::of("file");
    /// 申请复核: ask for a review of a refusal, or let the case be closed.
    pub const REVIEW_REFUSAL: Step = Step::of("review_refusal");
    /// 派遣: dispatch to departments.
    pub const DISPATCH: Step = Step::of("dispatch");
    /// 签收: accept the order.
    pub const ACCEPT: Step = Step::of("accept");
    /// 先行联系: speak to the finder for the first time.
    pub const FIRST_CONTACT: Step = Step::of("first_contact");
    /// 退单审核: decide on a return.
    pub const DECIDE_RETURN: Step = Step::of("decide_return");
    /// 处置: dispose.
    pub const DISPOSE: Step = Step::of("dispose");
    /// 核查: check on site.
    pub const VERIFY: Step = Step::of("verify");
    /// 返工: do it again.
    pub const REWORK: Step = Step::of("rework");
    /// 回访: give the finder an answer and ask for theirs.
    pub const COLLECT_FEEDBACK: Step = Step::of("collect_feedback");
    /// 结案: close.
    pub const CLOSE: Step = Step::of("close");
    /// 重办: decide the way of a reopened case.
    pub const ROUTE_AGAIN: Step = Step::of("route_again");

    /// Every step for which a case asks a due time.
    pub const OF_CASES: [Self; 16] = [
        Self::REGISTER,
        Self::ROUTE,
        Self::WORK_IN_GRID,
        Self::DELIBERATE,
        Self::FILE,
        Self::REVIEW_REFUSAL,
        Self::DISPATCH,
        Self::ACCEPT,
        Self::FIRST_CONTACT,
        Self::DECIDE_RETURN,
        Self::DISPOSE,
        Self::VERIFY,
        Self::REWORK,
        Self::COLLECT_FEEDBACK,
        Self::CLOSE,
        Self::ROUTE_AGAIN,
    ];

    /// A step of a kind. Its form is not checked here; a coverage test reads back every step that a kind names.
    pub const fn of(code: &'static str) -> Self {
        Self(CompactString::const_new(code))
    }
    /// The stored code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<CompactString> for Step {
    type Error = InvalidStep;
    fn try_from(code: CompactString) -> Result<Self, InvalidStep> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let ok = (1..=40).contains(&code.len()) && code.bytes().all(fits) && !code.starts_with('_');
        if ok { Ok(Self(code)) } else { Err(InvalidStep(code.chars().take(64).collect())) }
    }
}

impl From<Step> for CompactString {
    fn from(step: Step) -> CompactString {
        step.0
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a limit of the rules is for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitOf {
    /// A step.
    Step(Step),
    /// The disposal of a matter.
    Disposal(MatterCode),
    /// How long an order may be returned after it was sent (退单).
    ReturnWindow,
    /// How long a case may be reopened after it was closed (重办).
    ReopenWindow,
    /// How far ahead a dispatcher may set a due time of their own.
    OwnDue,
}

impl From<Step> for LimitOf {
    fn from(step: Step) -> Self {
        Self::Step(step)
    }
}

impl fmt::Display for LimitOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => write!(f, "the step {step}"),
            Self::Disposal(matter) => write!(f, "the disposal of matter {matter}"),
            Self::ReturnWindow => f.write_str("the return window"),
            Self::ReopenWindow => f.write_str("the reopen window"),
            Self::OwnDue => f.write_str("a due time that a dispatcher sets"),
        }
    }
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

/// Who must act: a role in a grid, or a department.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// The role that must act.
    pub role: Role,
    /// The grid whose holder of that role is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridCode>,
    /// The department that must act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentCode>,
}

/// The closed chain (闭合链): who must do what, and by when. A case that is not closed always has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Obligation {
    /// What must be done.
    pub step: Step,
    /// Who must do it.
    pub by: Party,
    /// Until when.
    pub due: Due,
}

impl Party {
    /// The holder of `role` in `grid`.
    pub fn in_grid(role: Role, grid: &GridCode) -> Self {
        Self { role, grid: Some(grid.clone()), department: None }
    }
    /// The clerks of `department`.
    pub fn at_department(department: &DepartmentCode) -> Self {
        Self { role: Role::DepartmentClerk, grid: None, department: Some(department.clone()) }
    }
}

impl Due {
    /// Whether a moment lies after it.
    pub fn is_over(&self, at: DateTime<Utc>) -> bool {
        at > self.at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_an_open_code() {
        let read = |text: &str| serde_json::from_value::<Step>(text.into());
        assert_eq!(read("first_contact").unwrap(), Step::FIRST_CONTACT);
        assert_eq!(read("repair").unwrap().to_string(), "repair");
        for bad in ["", "_a", "A", "a b", "a1", "修复", &"a".repeat(41)] {
            assert!(read(bad).unwrap_err().to_string().contains("is not a step"), "{bad}");
        }
    }
}
