//! What every kind is told in its tests: one grid, one matter, two departments, a due time for everything.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use kernel::consent::{ConsentRule, Share, Thresholds};
use kernel::digest::Digest;
use kernel::facts::{Authority, DepartmentFacts, GridFacts, MatterFacts};
use kernel::{
    DepartmentCode, Derivation, Due, Evidence, Facts, GridCode, Limit, LimitOf, MatterCode, PersonId, Position, Step,
    TimeUnit,
};

/// Monday 2026-03-02, 10:00 in Shanghai.
pub const NOW: DateTime<Utc> = DateTime::from_timestamp(1_772_416_800, 0).expect("a valid time");
/// A micro grid of the party network.
pub const GRID: &str = "BZ-R01-B01";
/// The root of its tree, which has the grid centre.
pub const CENTRE: &str = "BZ";
/// A department with [`MATTER`] on its list.
pub const LEAD: &str = "LEAD";
/// A department without.
pub const ASSIST: &str = "ASSIST";
/// A matter for departments.
pub const MATTER: &str = "FW-0301";

/// A department's code.
pub fn department(code: &str) -> DepartmentCode {
    DepartmentCode::try_new(code).unwrap()
}

/// A grid's code.
pub fn grid(code: &str) -> GridCode {
    GridCode::try_new(code).unwrap()
}

/// The code of [`MATTER`].
pub fn matter() -> MatterCode {
    MatterCode::try_new(MATTER).unwrap()
}

/// A file in the store.
pub fn evidence() -> Evidence {
    let size = kernel::evidence::EXAMPLE.len() as u64;
    Evidence { sha256: Digest::of(kernel::evidence::EXAMPLE), media_type: "image/png".into(), size }
}

/// So many days from [`NOW`], by a rule of that name.
pub fn due(rule: &str, days: u32) -> Due {
    let limit = Limit { amount: days, unit: TimeUnit::CalendarDay };
    let derivation = Derivation {
        from: NOW,
        limit,
        rule: rule.into(),
        rules_version: 3,
        calendar: "cn-2026.1".into(),
        assumed: false,
    };
    Due { at: NOW + TimeDelta::days(i64::from(days)), derivation }
}

/// When a step that begins [`NOW`] is due: accepting at once, verification in two days, everything else in one.
pub fn step_due(step: &Step) -> Due {
    let days = match step.as_str() {
        "accept" => 0,
        "verify" => 2,
        _ => 1,
    };
    due(&format!("step {step}"), days)
}

/// [`GRID`].
pub fn grid_facts() -> GridFacts {
    GridFacts {
        path: vec![grid(GRID), grid("BZ-R01"), grid(CENTRE)],
        name: "静安大悦城微网格".into(),
        lowest: true,
        centre: grid(CENTRE),
        party_org: None,
        administrative: vec![],
    }
}

/// [`MATTER`] under an authority.
pub fn matter_facts(authority: Authority) -> MatterFacts {
    MatterFacts { code: matter(), name: "从业人员健康证办理".into(), authority, rules_version: 3 }
}

/// Everything that a test may ask for.
pub fn facts() -> Facts {
    let rule = ConsentRule {
        id: "RESIDENT_2_3".into(),
        heads: Thresholds {
            agreed_of_electorate: Some(Share { numerator: 2, denominator: 3, exceeded: false }),
            ..Thresholds::default()
        },
        rules_version: 3,
    };
    let known = |matters: &[MatterCode]| DepartmentFacts {
        name: "某部门".into(),
        matters: matters.iter().cloned().collect(),
    };
    Facts {
        grids: BTreeMap::from([(grid(GRID), grid_facts())]),
        matters: BTreeMap::from([(matter(), matter_facts(Authority::Administrative))]),
        departments: BTreeMap::from([(department(LEAD), known(&[matter()])), (department(ASSIST), known(&[]))]),
        dues: BTreeMap::from([
            (LimitOf::Disposal(matter()), Ok(due("disposal", 5))),
            (LimitOf::ReturnWindow, Ok(due("return window", 2))),
            (LimitOf::ReopenWindow, Ok(due("reopen window", 30))),
            (LimitOf::OwnDue, Ok(due("own due", 90))),
        ]),
        consent_rules: BTreeMap::from([(rule.id.clone(), rule)]),
        evidence: BTreeMap::from([(evidence().sha256, evidence())]),
        steps: BTreeSet::new(),
        began: Some(Position(51_806)),
        may_number: true,
        ..Facts::default()
    }
}

/// The id that a test seals personal data under.
pub(crate) fn person() -> PersonId {
    PersonId::named("person")
}
