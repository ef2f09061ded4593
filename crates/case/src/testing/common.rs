//! What every stage of the told case shares: who must do what, and what is known around it.

use kernel::consent::ConsentRule;
use kernel::{CaseId, Obligation, Party, Role, Step};
use uuid::Uuid;

pub(crate) use ::given::{
    ASSIST, CENTRE, GRID, LEAD, NOW, department, due, evidence, grid, grid_facts, matter, matter_facts, step_due,
};

pub(crate) const CASE: CaseId = CaseId::new(Uuid::from_u128(0xca5e));

pub(crate) fn oblige(step: Step, role: Role, code: &str) -> Obligation {
    Obligation { due: step_due(&step), step, by: Party::in_grid(role, &grid(code)) }
}

pub(crate) fn oblige_department(step: Step, code: &str) -> Obligation {
    Obligation { due: step_due(&step), step, by: Party::at_department(&department(code)) }
}

pub(crate) fn rule() -> ConsentRule {
    ::given::facts().consent_rules["RESIDENT_2_3"].clone()
}
