//! The table.

use kernel::Role::{
    self, Administrator, Auditor, DepartmentClerk, Dispatcher, DutyOfficer, GridLeader, GridMember, Integrator,
    ResidentialSecretary, Verifier,
};

use super::Reach::{Any, Department, Everywhere, Grid};
use super::{Reach, Row};

const fn row(action: &'static str, allowed: &'static [(Role, Reach)]) -> Row {
    Row { action, allowed }
}

const FINDERS: &[(Role, Reach)] =
    &[(GridMember, Grid), (GridLeader, Grid), (ResidentialSecretary, Grid), (DutyOfficer, Grid)];
const REGISTRARS: &[(Role, Reach)] = &[(GridLeader, Grid), (ResidentialSecretary, Grid), (DutyOfficer, Grid)];
const CONVENERS: &[(Role, Reach)] = &[(GridLeader, Grid), (ResidentialSecretary, Grid)];
const DUTY: &[(Role, Reach)] = &[(DutyOfficer, Grid)];
const CLERKS: &[(Role, Reach)] = &[(DepartmentClerk, Department)];
const ADMINISTRATORS: &[(Role, Reach)] = &[(Administrator, Everywhere)];
const CASE_READERS: &[(Role, Reach)] = &[
    (GridMember, Grid),
    (GridLeader, Grid),
    (ResidentialSecretary, Grid),
    (DutyOfficer, Grid),
    (Dispatcher, Grid),
    (DepartmentClerk, Department),
    (Verifier, Grid),
    (Auditor, Grid),
    (Integrator, Everywhere),
];
const BOARD_READERS: &[(Role, Reach)] = &[
    (GridMember, Grid),
    (GridLeader, Grid),
    (ResidentialSecretary, Grid),
    (DutyOfficer, Grid),
    (Dispatcher, Grid),
    (Verifier, Grid),
    (Auditor, Grid),
    (Integrator, Everywhere),
];
const EVERYBODY: &[(Role, Reach)] = &[
    (GridMember, Any),
    (GridLeader, Any),
    (ResidentialSecretary, Any),
    (DutyOfficer, Any),
    (Dispatcher, Any),
    (DepartmentClerk, Any),
    (Verifier, Any),
    (Auditor, Any),
    (Integrator, Any),
    (Administrator, Any),
];

/// Every action and who may take it. `docs/authorisation.md` is made from this.
pub static TABLE: &[Row] = &[
    row("discover-issue", FINDERS),
    row("register-issue", REGISTRARS),
    row("merge-issue", REGISTRARS),
    row("void-issue", REGISTRARS),
    row("handle-in-grid", CONVENERS),
    row("open-deliberation", CONVENERS),
    row("hold-meeting", CONVENERS),
    row("revise-proposal", CONVENERS),
    row("conclude-deliberation", CONVENERS),
    row("escalate-issue", CONVENERS),
    row("file-case", DUTY),
    row("refuse-filing", DUTY),
    row("dispatch-case", &[(Dispatcher, Grid)]),
    row("accept-order", CLERKS),
    row("request-return", CLERKS),
    row("decide-return", DUTY),
    row(
        "record-progress",
        &[(GridMember, Grid), (GridLeader, Grid), (ResidentialSecretary, Grid), (DepartmentClerk, Department)],
    ),
    row("submit-disposal", CLERKS),
    row("verify-case", &[(Verifier, Grid)]),
    row("record-feedback", FINDERS),
    row("close-case", DUTY),
    row("reopen-case", FINDERS),
    row("load-district", ADMINISTRATORS),
    row("establish-grid", ADMINISTRATORS),
    row("close-grid", ADMINISTRATORS),
    row("reparent-grid", ADMINISTRATORS),
    row("register-department", ADMINISTRATORS),
    row("map-grids", ADMINISTRATORS),
    row("appoint-post", ADMINISTRATORS),
    row("end-post", ADMINISTRATORS),
    row("publish-rules", ADMINISTRATORS),
    row("read-case", CASE_READERS),
    row("read-history", CASE_READERS),
    row("read-board", BOARD_READERS),
    row(
        "read-orders",
        &[
            (DutyOfficer, Everywhere),
            (Dispatcher, Everywhere),
            (DepartmentClerk, Department),
            (Auditor, Everywhere),
            (Integrator, Everywhere),
        ],
    ),
    row(
        "read-obligations",
        &[
            (GridLeader, Grid),
            (ResidentialSecretary, Grid),
            (DutyOfficer, Grid),
            (Dispatcher, Grid),
            (DepartmentClerk, Department),
            (Verifier, Grid),
            (Auditor, Grid),
            (Integrator, Everywhere),
        ],
    ),
    row("read-events", &[(Auditor, Everywhere), (Integrator, Everywhere)]),
    row(
        "read-reporter",
        &[
            (GridLeader, Grid),
            (ResidentialSecretary, Grid),
            (DutyOfficer, Grid),
            (Dispatcher, Grid),
            (DepartmentClerk, Department),
            (Verifier, Grid),
        ],
    ),
    row("read-outcome", EVERYBODY),
    row("read-district", EVERYBODY),
    row("read-matters", EVERYBODY),
    row(
        "upload-evidence",
        &[
            (GridMember, Any),
            (GridLeader, Any),
            (ResidentialSecretary, Any),
            (DutyOfficer, Any),
            (Dispatcher, Any),
            (DepartmentClerk, Any),
            (Verifier, Any),
        ],
    ),
    row("read-evidence", EVERYBODY),
];
