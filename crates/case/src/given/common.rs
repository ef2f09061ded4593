//! What every stage of the told case shares: where, when, due times and what other aggregates know.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::{
    CaseId, DepartmentCode, Derivation, Due, Evidence, GridCode, Limit, MatterCode, Obligation, Party, Role, Step,
    TimeUnit,
};
use uuid::Uuid;

use crate::{Authority, ConsentRuleFacts, DepartmentFacts, Facts, GridFacts, MatterFacts, Share};

pub(crate) const CASE: CaseId = CaseId::new(Uuid::from_u128(0xca5e));
/// Monday 2026-03-02, 10:00 in Shanghai.
pub(crate) const NOW: DateTime<Utc> = DateTime::from_timestamp(1_772_416_800, 0).expect("a valid time");
pub(crate) const GRID: &str = "BZ-R01-B01";
pub(crate) const LEAD: &str = "LEAD";
pub(crate) const ASSIST: &str = "ASSIST";
pub(crate) const CENTRE: &str = "BZ";

pub(crate) fn department(code: &str) -> DepartmentCode {
    DepartmentCode::try_new(code).unwrap()
}

pub(crate) fn grid_code(code: &str) -> GridCode {
    GridCode::try_new(code).unwrap()
}

pub(crate) fn matter_code() -> MatterCode {
    MatterCode::try_new("FW-0301").unwrap()
}

pub(crate) fn evidence() -> Evidence {
    Evidence { sha256: Digest::of(b"photo"), media_type: "image/jpeg".into(), size: 5 }
}

pub(crate) fn due(step: &str, days: i64) -> Due {
    let limit = Limit { amount: u32::try_from(days).unwrap(), unit: TimeUnit::CalendarDay };
    let rule = format!("step {step}");
    let derivation = Derivation {
        from: NOW,
        limit,
        rule: rule.into(),
        rules_version: 3,
        calendar: "cn-2026.1".into(),
        assumed: false,
    };
    Due { at: NOW + TimeDelta::days(days), derivation }
}

pub(crate) fn step_due(step: Step) -> Due {
    let days = if step == Step::Accept { 0 } else { 1 + i64::from(step == Step::Verify) };
    due(&format!("{step:?}"), days)
}

pub(crate) fn oblige(step: Step, role: Role, grid: &str) -> Obligation {
    Obligation { step, by: Party { role, grid: Some(grid_code(grid)), department: None }, due: step_due(step) }
}

pub(crate) fn oblige_department(step: Step, code: &str) -> Obligation {
    let by = Party { role: Role::DepartmentClerk, grid: None, department: Some(department(code)) };
    Obligation { step, by, due: step_due(step) }
}

pub(crate) fn grid_facts() -> GridFacts {
    GridFacts {
        path: vec![grid_code(GRID), grid_code("BZ-R01"), grid_code(CENTRE)],
        name: "静安大悦城微网格".into(),
        lowest: true,
        party_org: None,
        administrative: vec![],
    }
}

pub(crate) fn matter(authority: Authority) -> MatterFacts {
    MatterFacts { code: matter_code(), name: "从业人员健康证办理".into(), authority, rules_version: 3 }
}

pub(crate) fn rule() -> ConsentRuleFacts {
    ConsentRuleFacts {
        id: "RESIDENT_2_3".into(),
        participated_of_invited: None,
        agreed_of_invited: Some(Share { numerator: 2, denominator: 3, exceeded: false }),
        agreed_of_participated: None,
        rules_version: 3,
    }
}

pub(crate) fn facts() -> Facts {
    let known = |owns_matter| DepartmentFacts { name: "某部门".into(), owns_matter };
    Facts {
        grid: Some(grid_facts()),
        matter: Some(matter(Authority::Administrative)),
        departments: BTreeMap::from([(department(LEAD), known(true)), (department(ASSIST), known(false))]),
        steps: Step::ALL.into_iter().map(|step| (step, step_due(step))).collect(),
        disposal: Some(due("disposal", 5)),
        return_window: Some(due("return window", 2)),
        reopen_window: Some(due("reopen window", 30)),
        consent_rule: Some(rule()),
        evidence: BTreeMap::from([(evidence().sha256, evidence())]),
        ..Facts::default()
    }
}
