//! The events of the rules. `rules_version` is the version of the rules after the event.

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

/// A matter was added to the catalogue, or its description changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatterPublished {
    pub rules_version: u32,
    pub matter: Matter,
}

/// A matter was withdrawn from the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatterWithdrawn {
    pub rules_version: u32,
    pub code: MatterCode,
    pub effective_from: DateTime<Utc>,
}

/// The limits of all steps were published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLimitsPublished {
    pub rules_version: u32,
    /// Ordered by step. A step that no case reaches may be absent.
    pub limits: Vec<StepLimit>,
    pub effective_from: DateTime<Utc>,
}

/// The windows in which a case may go back a step were published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsPublished {
    pub rules_version: u32,
    pub windows: Windows,
    pub effective_from: DateTime<Utc>,
}

/// A working calendar was published. Due times name it by its id; it is never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarPublished {
    pub rules_version: u32,
    pub calendar: Calendar,
}

/// A consent rule was published. Polls name it by its id; it is never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRulePublished {
    pub rules_version: u32,
    pub rule: ConsentRule,
}

/// The questions that must be answered when a case is filed were published.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FilingCriteriaPublished {
    pub rules_version: u32,
    pub criteria: Vec<FilingCriterion>,
    pub effective_from: DateTime<Utc>,
}
