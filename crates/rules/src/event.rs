//! The events of the rules. Each carries the version that the rules have after it.

use chrono::{DateTime, Utc};
use kernel::MatterCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Calendar, ConsentRule, FilingCriterion, Matter, StepLimit, Windows};

kernel::events! {
    /// The events of the rules.
    pub enum RulesEvent in "rules" {
        MatterPublished = "cn.dualgrid.rules.matter_published.v1" to District,
        MatterWithdrawn = "cn.dualgrid.rules.matter_withdrawn.v1" to District,
        StepLimitsPublished = "cn.dualgrid.rules.step_limits_published.v1" to District,
        WindowsPublished = "cn.dualgrid.rules.windows_published.v1" to District,
        CalendarPublished = "cn.dualgrid.rules.calendar_published.v1" to District,
        ConsentRulePublished = "cn.dualgrid.rules.consent_rule_published.v1" to District,
        FilingCriteriaPublished = "cn.dualgrid.rules.filing_criteria_published.v1" to District,
    }
}

/// A matter came into the catalogue, or is described anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatterPublished {
    /// The version of the rules with it.
    pub rules_version: u32,
    pub matter: Matter,
}

/// A matter left the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatterWithdrawn {
    /// The version of the rules without it.
    pub rules_version: u32,
    pub code: MatterCode,
    /// From when on it is gone.
    pub effective_from: DateTime<Utc>,
}

/// The limits of all steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLimitsPublished {
    /// The version of the rules with them.
    pub rules_version: u32,
    /// One limit for every step.
    pub limits: Vec<StepLimit>,
    pub effective_from: DateTime<Utc>,
}

/// The windows in which a case may turn back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsPublished {
    /// The version of the rules with them.
    pub rules_version: u32,
    pub windows: Windows,
    pub effective_from: DateTime<Utc>,
}

/// A working calendar. Due times name it by its id; it is never rewritten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarPublished {
    /// The version of the rules with it.
    pub rules_version: u32,
    pub calendar: Calendar,
}

/// A consent rule. Polls name it by its id; it is never rewritten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRulePublished {
    /// The version of the rules with it.
    pub rules_version: u32,
    pub rule: ConsentRule,
}

/// What has to be answered when a case is filed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FilingCriteriaPublished {
    /// The version of the rules with them.
    pub rules_version: u32,
    pub criteria: Vec<FilingCriterion>,
    pub effective_from: DateTime<Utc>,
}
