//! The description of all rules, as written in a file.

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, Limit, MatterCode, Step};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Authority, Calendar, ConsentRule, Domain, HandlingKind, Matter, MatterClass, SourcedLimit, Windows};

/// All rules as of one moment. Also the body of `publish-rules`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesDescription {
    /// The moment from which matters, limits, windows and criteria are valid.
    pub effective_from: DateTime<Utc>,
    /// The whole catalogue of matters.
    #[serde(default)]
    pub matters: Vec<MatterSpec>,
    /// The limits of the steps. A step without a limit cannot be reached: commands that lead to it are refused.
    #[serde(default)]
    pub step_limits: Vec<StepLimit>,
    pub windows: Windows,
    /// Working calendars. Those already published stay valid, whether they are described or not.
    #[serde(default)]
    pub calendars: Vec<Calendar>,
    /// Consent rules. Those already published stay valid, whether they are described or not.
    #[serde(default)]
    pub consent_rules: Vec<ConsentRule>,
    /// The questions that must be answered when a case is filed (立案条件).
    #[serde(default)]
    pub filing_criteria: Vec<FilingCriterion>,
}

impl RulesDescription {
    /// The keys of a description, to select them from a file that also contains a district.
    pub const KEYS: &'static [&'static str] =
        &["effective_from", "matters", "step_limits", "windows", "calendars", "consent_rules", "filing_criteria"];
}

/// The intended state of a matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MatterSpec {
    /// Class (大类) and number (小类), for example `PA-0102`.
    pub code: MatterCode,
    pub name: String,
    /// 平安, 服务 or 文明.
    pub class: MatterClass,
    pub domain: Domain,
    /// How it is usually handled.
    pub handling: HandlingKind,
    /// Who must solve it in the first place.
    pub authority: Authority,
    /// The department that leads (主办).
    pub lead: DepartmentCode,
    /// Departments that usually assist (协办).
    #[serde(default)]
    pub assisting: Vec<DepartmentCode>,
    /// How long disposal may take.
    pub disposal: Limit,
    /// True if that limit is an assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that states the limit; for an assumed one, the reason for it.
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
            disposal: SourcedLimit { limit: spec.disposal, assumed: spec.assumed, source: spec.source },
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
    /// True if it is an assumption and not from a published source.
    #[serde(default)]
    pub assumed: bool,
    /// The norm or page that states it; for an assumed one, the reason for it.
    pub source: String,
}

/// One question that must be answered when a case is filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FilingCriterion {
    /// For example `LA-01`.
    pub code: String,
    pub text: String,
}
