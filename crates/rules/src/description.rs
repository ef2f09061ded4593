//! The description of all rules, as a person writes it.

use chrono::{DateTime, Utc};
use kernel::facts::Authority;
use kernel::{DepartmentCode, Limit, MatterCode, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{
    ASSISTING_MAX, CALENDARS_MAX, CODE_LEN_MAX, CONSENT_RULES_MAX, CRITERIA_MAX, MATTERS_MAX, NAME_LEN_MAX,
    STEP_LIMITS_MAX, TEXT_LEN_MAX,
};
use crate::{
    Calendar, CalendarPurpose, ConsentRule, Domain, DuplicateRule, HandlingKind, Matter, MatterClass, PersonalDataRule,
    ReviewRule, SeparationRule, SourcedLimit, Windows,
};

/// All rules as of one moment. Also the body of `publish-rules`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesDescription {
    /// The moment from which matters, limits, windows and criteria hold.
    pub effective_from: DateTime<Utc>,
    /// The whole catalogue of matters.
    #[serde(default)]
    #[schemars(length(max = MATTERS_MAX))]
    pub matters: Vec<MatterSpec>,
    /// At most one limit a step. A step without one has no due time, and commands that need it are refused.
    #[serde(default)]
    #[schemars(length(max = STEP_LIMITS_MAX))]
    pub step_limits: Vec<StepLimit>,
    pub windows: Windows,
    /// What a review must come to. Absent: any score will do.
    #[serde(default)]
    pub review: Option<ReviewRule>,
    /// From when on two open cases may be the same. Absent: none is suspected.
    #[serde(default)]
    pub duplicates: Option<DuplicateRule>,
    /// For how long, and how often, personal data may be read. Absent: 30 days after a duty, and 50 readings a day.
    #[serde(default)]
    pub personal_data: Option<PersonalDataRule>,
    /// Which steps of a case one person does not take together. Absent: those that stand in docs/authorisation.md.
    #[serde(default)]
    pub separation: Option<SeparationRule>,
    /// Working calendars. Those published before stay, whether described or not.
    #[serde(default)]
    #[schemars(length(max = CALENDARS_MAX))]
    pub calendars: Vec<Calendar>,
    /// Consent rules. Those published before stay, whether described or not.
    #[serde(default)]
    #[schemars(length(max = CONSENT_RULES_MAX))]
    pub consent_rules: Vec<ConsentRule>,
    /// The questions that must be answered when a case is filed (立案条件).
    #[serde(default)]
    #[schemars(length(max = CRITERIA_MAX))]
    pub filing_criteria: Vec<FilingCriterion>,
    /// How many matters, step limits, filing criteria and single rules may end because they are not described; 0 where it is
    /// not given.
    #[serde(default, skip_serializing_if = "is_none_allowed")]
    pub allow_closing: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) const fn is_none_allowed(allow_closing: &u32) -> bool {
    *allow_closing == 0
}

/// A matter as it should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatterSpec {
    /// Class (大类) and number (小类), for example `PA-0102`.
    pub code: MatterCode,
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
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
    #[serde(default)]
    #[schemars(length(max = ASSISTING_MAX))]
    pub assisting: Vec<DepartmentCode>,
    /// How long disposal may take.
    pub disposal: Limit,
    /// The purpose of the calendars by which working time is counted; by default `office`.
    #[serde(default, skip_serializing_if = "CalendarPurpose::is_office")]
    pub calendar: CalendarPurpose,
    /// True where that limit is dualgrid's assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that says so; for an assumed limit, why it was chosen.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub source: String,
}

impl MatterSpec {
    /// The matter, in force from that moment on.
    pub(crate) fn in_force_from(&self, effective_from: DateTime<Utc>) -> Matter {
        let spec = self.clone();
        Matter {
            code: spec.code,
            name: spec.name,
            class: spec.class,
            domain: spec.domain,
            handling: spec.handling,
            authority: spec.authority,
            lead: spec.lead,
            assisting: spec.assisting,
            disposal: SourcedLimit {
                limit: spec.disposal,
                calendar: spec.calendar,
                assumed: spec.assumed,
                source: spec.source,
            },
            effective_from,
            effective_until: None,
        }
    }
}

/// How long a step may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepLimit {
    pub step: Step,
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

/// One question that must be answered when a case is filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilingCriterion {
    /// For example `LA-01`.
    #[schemars(length(min = 1, max = CODE_LEN_MAX))]
    pub code: String,
    /// The question.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub text: String,
}
