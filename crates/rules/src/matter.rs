//! A matter (事项) of the catalogue.

use chrono::{DateTime, Utc};
use kernel::facts::Authority;
use kernel::{DepartmentCode, MatterCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SourcedLimit;

/// The three classes of the catalogue (平安、服务、文明).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MatterClass {
    /// 平安.
    Safety,
    /// 服务.
    Service,
    /// 文明.
    Civility,
}

/// The field of a matter, for statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Domain {
    /// 城区管理.
    UrbanManagement,
    /// 公共安全.
    PublicSafety,
    /// 矛盾调处.
    DisputeMediation,
    /// 物业管理.
    PropertyManagement,
}

/// How a matter is usually handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandlingKind {
    /// 即办件: immediately, inside the limit.
    Immediate,
    /// 承诺件: promised in writing for a date.
    Promised,
    /// 协调件: several parties must agree first.
    Coordinated,
}

/// A matter of the catalogue while it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Matter {
    /// Class (大类) and number (小类), for example `PA-0102`.
    pub code: MatterCode,
    pub name: String,
    pub class: MatterClass,
    pub domain: Domain,
    /// How it is usually handled.
    pub handling: HandlingKind,
    /// Who has the power to dispose of it.
    pub authority: Authority,
    /// The department that leads (主办).
    pub lead: DepartmentCode,
    /// Departments that usually assist (协办).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assisting: Vec<DepartmentCode>,
    /// How long disposal may take.
    pub disposal: SourcedLimit,
    /// The moment from which it is in the catalogue in this form.
    pub effective_from: DateTime<Utc>,
    /// The end of that time; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_until: Option<DateTime<Utc>>,
}

impl Matter {
    /// Whether it is in the catalogue at that moment, in this form.
    pub fn in_force(&self, at: DateTime<Utc>) -> bool {
        self.effective_from <= at && self.effective_until.is_none_or(|until| at < until)
    }
}
