//! The events of the rules. Each carries the version that the rules have after it.

use chrono::{DateTime, Utc};
use kernel::MatterCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Calendar, CalendarId, ConsentRule, DuplicateRule, FilingCriterion, Matter, PersonalDataRule, ReviewRule,
    SeparationRule, StepLimit, Windows,
};

kernel::events! {
    /// The events of the rules.
    pub enum RulesEvent in "rules" {
        MatterPublished = "cn.dualgrid.rules.matter_published.v1" to District,
        MatterWithdrawn = "cn.dualgrid.rules.matter_withdrawn.v1" to District,
        StepLimitsPublished = "cn.dualgrid.rules.step_limits_published.v1" to District,
        WindowsPublished = "cn.dualgrid.rules.windows_published.v1" to District,
        ReviewRulePublished = "cn.dualgrid.rules.review_rule_published.v1" to District,
        DuplicateRulePublished = "cn.dualgrid.rules.duplicate_rule_published.v1" to District,
        PersonalDataRulePublished = "cn.dualgrid.rules.personal_data_rule_published.v1" to District,
        SeparationRulePublished = "cn.dualgrid.rules.separation_rule_published.v1" to District,
        CalendarPublished = "cn.dualgrid.rules.calendar_published.v1" to District,
        ConsentRulePublished = "cn.dualgrid.rules.consent_rule_published.v1" to District,
        FilingCriteriaPublished = "cn.dualgrid.rules.filing_criteria_published.v1" to District,
        RulesWithdrawn = "cn.dualgrid.rules.rules_withdrawn.v1" to District,
        CalendarWithdrawn = "cn.dualgrid.rules.calendar_withdrawn.v1" to District,
        ConsentRuleWithdrawn = "cn.dualgrid.rules.consent_rule_withdrawn.v1" to District,
    }
}

/// A matter was added to the catalogue, or its description changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatterPublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    pub matter: Matter,
}

/// A matter was removed from the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatterWithdrawn {
    /// The version of the rules after this event.
    pub rules_version: u32,
    pub code: MatterCode,
    /// The moment from which it is not in the catalogue.
    pub effective_from: DateTime<Utc>,
}

/// The limits of all steps were published. They replace the limits before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepLimitsPublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    /// At most one limit a step.
    pub limits: Vec<StepLimit>,
    pub effective_from: DateTime<Utc>,
}

/// The windows in which a case may turn back were published. They replace the windows before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WindowsPublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    pub windows: Windows,
    pub effective_from: DateTime<Utc>,
}

/// A working calendar was published. Due times name it by its id; it never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarPublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    pub calendar: Calendar,
}

/// What a review must come to was published. It replaces what was published before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewRulePublished {
    /// Version of the rules that this makes.
    pub rules_version: u32,
    /// Absent: any score will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewRule>,
    /// The moment from which it holds.
    pub effective_from: DateTime<Utc>,
}

/// From when on two cases may be the same was published. It replaces what was published before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DuplicateRulePublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    /// Absent: none is suspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicates: Option<DuplicateRule>,
    /// The moment from which it holds.
    pub effective_from: DateTime<Utc>,
}

/// For how long and how often personal data may be read was published. It replaces what was published before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonalDataRulePublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    /// Absent: 30 days after a duty, and 50 readings a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal_data: Option<PersonalDataRule>,
    /// The moment from which it holds.
    pub effective_from: DateTime<Utc>,
}

/// Which steps of a case one person does not take together was published. It replaces what was published before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeparationRulePublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    /// Absent: those that stand in docs/authorisation.md.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub separation: Option<SeparationRule>,
    /// The moment from which it holds.
    pub effective_from: DateTime<Utc>,
}

/// A consent rule was published. Decisions name it by its id; it never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRulePublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    pub rule: ConsentRule,
}

/// The questions that must be answered when a case is filed were published. They replace the questions before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FilingCriteriaPublished {
    /// The version of the rules after this event.
    pub rules_version: u32,
    pub criteria: Vec<FilingCriterion>,
    pub effective_from: DateTime<Utc>,
}

/// What was published for a moment or later was withdrawn before it was in force: matters, limits, windows, the review rule, the
/// rules for duplicates, for personal data and for steps of one person and the filing criteria stay as they are before that moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RulesWithdrawn {
    /// The version of the rules after this event.
    pub rules_version: u32,
    /// Everything that was to hold or to end as of this moment or later is void.
    pub scheduled_from: DateTime<Utc>,
}

/// A calendar was withdrawn before its first day. Its id stays that of this calendar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarWithdrawn {
    /// The version of the rules after this event.
    pub rules_version: u32,
    pub id: CalendarId,
}

/// A consent rule was withdrawn before the decisions to which it was to apply. Its id stays that of this rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConsentRuleWithdrawn {
    /// The version of the rules after this event.
    pub rules_version: u32,
    pub id: String,
}
