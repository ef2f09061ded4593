//! Who may do what with a case: the rows that several commands and views share.

use kernel::Reach::{Department, Everywhere, Grid};
use kernel::Role::{
    Archivist, Auditor, Caller, CentreDirector, Connector, DepartmentClerk, Dispatcher, DistrictDutyOfficer,
    DutyOfficer, GridLeader, GridMember, PartyMember, Registrar, ResidentialSecretary, StreetLeader, Supervisor,
    System, Verifier,
};
use kernel::{Allowed, Reach};

/// Whoever finds, or writes down what others found. A connector hands in what its source has, wherever that is.
pub(crate) const FINDERS: Allowed = &[
    (GridMember, Grid),
    (GridLeader, Grid),
    (ResidentialSecretary, Grid),
    (PartyMember, Grid),
    (Registrar, Grid),
    (DutyOfficer, Grid),
    (Connector, Everywhere),
];
/// Whoever writes down what a finder says of the answer.
pub(crate) const LISTENERS: Allowed =
    &[(GridMember, Grid), (GridLeader, Grid), (ResidentialSecretary, Grid), (DutyOfficer, Grid), (Caller, Grid)];
/// Whoever has a closed case opened again: for its finder, or because supervision asks for it.
pub(crate) const REOPENERS: Allowed = &[
    (GridMember, Grid),
    (GridLeader, Grid),
    (ResidentialSecretary, Grid),
    (DutyOfficer, Grid),
    (Caller, Grid),
    (Supervisor, Grid),
];
/// The same, where a case is named by one that they reach.
pub(crate) const REOPENERS_ANYWHERE: Allowed = &[
    (GridMember, Reach::Any),
    (GridLeader, Reach::Any),
    (ResidentialSecretary, Reach::Any),
    (DutyOfficer, Reach::Any),
    (Caller, Reach::Any),
    (Supervisor, Reach::Any),
];
/// Whoever writes down what a finder or a source says of a merged case: the case that continued is named by it.
pub(crate) const SPEAKERS_ANYWHERE: Allowed = &[
    (GridMember, Reach::Any),
    (GridLeader, Reach::Any),
    (ResidentialSecretary, Reach::Any),
    (PartyMember, Reach::Any),
    (Registrar, Reach::Any),
    (DutyOfficer, Reach::Any),
    (Caller, Reach::Any),
    (Connector, Everywhere),
];
/// Whoever classifies issues.
pub(crate) const REGISTRARS: Allowed =
    &[(GridLeader, Grid), (ResidentialSecretary, Grid), (Registrar, Grid), (DutyOfficer, Grid)];
/// Whoever convenes a deliberation and leads the work of the grid.
pub(crate) const CONVENERS: Allowed = &[(GridLeader, Grid), (ResidentialSecretary, Grid)];
/// The duty officer of the grid centre.
pub(crate) const DUTY: Allowed = &[(DutyOfficer, Grid)];
/// The department whose order it is.
pub(crate) const CLERKS: Allowed = &[(DepartmentClerk, Department)];
/// Follow-ups of the system itself.
pub(crate) const SYSTEM: Allowed = &[(System, Everywhere)];
/// Whoever sees cases and their histories.
pub(crate) const CASE_READERS: Allowed = &[
    (GridMember, Grid),
    (GridLeader, Grid),
    (ResidentialSecretary, Grid),
    (DutyOfficer, Grid),
    (Dispatcher, Grid),
    (DepartmentClerk, Department),
    (Verifier, Grid),
    (Registrar, Grid),
    (Caller, Grid),
    (Archivist, Grid),
    (StreetLeader, Grid),
    (CentreDirector, Grid),
    (DistrictDutyOfficer, Grid),
    (Supervisor, Grid),
    (Auditor, Grid),
];
/// Whoever sees where issues are, and which may be the same. A department works on what is sent to it.
pub(crate) const ISSUE_READERS: Allowed = &[
    (GridMember, Grid),
    (GridLeader, Grid),
    (ResidentialSecretary, Grid),
    (DutyOfficer, Grid),
    (Dispatcher, Grid),
    (Verifier, Grid),
    (Registrar, Grid),
    (Caller, Grid),
    (Archivist, Grid),
    (StreetLeader, Grid),
    (CentreDirector, Grid),
    (DistrictDutyOfficer, Grid),
    (Supervisor, Grid),
    (Auditor, Grid),
];
/// Whoever sees the orders of departments.
pub(crate) const ORDER_READERS: Allowed = &[
    (DutyOfficer, Everywhere),
    (Dispatcher, Everywhere),
    (DepartmentClerk, Department),
    (StreetLeader, Everywhere),
    (CentreDirector, Everywhere),
    (DistrictDutyOfficer, Everywhere),
    (Supervisor, Everywhere),
    (Auditor, Everywhere),
];
/// Whoever sees who must act.
pub(crate) const OBLIGATION_READERS: Allowed = &[
    (GridLeader, Grid),
    (ResidentialSecretary, Grid),
    (DutyOfficer, Grid),
    (Dispatcher, Grid),
    (DepartmentClerk, Department),
    (Verifier, Grid),
    (Registrar, Grid),
    (Caller, Grid),
    (StreetLeader, Grid),
    (CentreDirector, Grid),
    (DistrictDutyOfficer, Grid),
    (Supervisor, Grid),
    (Auditor, Grid),
];
/// Whoever sees the reporter in clear: they must give them an answer.
pub(crate) const REPORTER_READERS: Allowed = &[
    (GridLeader, Grid),
    (ResidentialSecretary, Grid),
    (Registrar, Grid),
    (DutyOfficer, Grid),
    (Dispatcher, Grid),
    (DepartmentClerk, Department),
    (Verifier, Grid),
    (Caller, Grid),
];
