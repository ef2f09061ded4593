//! 网格调整.

use kernel::facts::GridFacts;
use kernel::{CaseId, Party, Role, Step};

use super::{assisting_order, by_department, by_grid, grid, grid_code, order};
use crate::{CaseEvent, CaseLeft, CaseMoved, OpenOrder, Part};

/// The micro grid went to another street.
pub(super) fn follow() -> Vec<CaseEvent> {
    let (case, number, title) = (CaseId::named("sample"), Some(order().case_number), order().title);
    let from = ["JAS-R03-M01", "JAS-R03", "JAS"].map(grid_code).to_vec();
    let grids = ["ZJX-R01-M02", "ZJX-R01", "ZJX"].map(grid_code).to_vec();
    let facts = GridFacts { path: grids.clone(), centre: grid_code("ZJX"), ..grid() };
    let next = by_grid(Step::DECIDE_RETURN, Role::DutyOfficer, "ZJX");
    let (about, part) = (assisting_order(), Part::Assist);
    vec![
        CaseLeft { case, number: number.clone(), title: title.clone(), from: from.clone(), grids }.into(),
        CaseMoved {
            case,
            number,
            title,
            from,
            grid: facts,
            leader: Party::in_grid(Role::GridLeader, &grid_code("ZJX-R01-M02")),
            secretary: Party::in_grid(Role::ResidentialSecretary, &grid_code("ZJX-R01")),
            centre: vec![Party::in_grid(Role::DutyOfficer, &grid_code("ZJX"))],
            next: by_department(Step::DISPOSE),
            orders: vec![OpenOrder { order: about.order, department: about.department, part, next }],
        }
        .into(),
    ]
}
