//! Who may do what, and where: the words of the one table of authorisation.

use std::collections::BTreeSet;

use crate::{Actor, DepartmentCode, GridCode, Role, Scope};

/// How far a role reaches in one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In the grid of its scope and every grid below; everywhere, if that is its scope.
    Grid,
    /// In what concerns the department of its scope.
    Department,
    /// In what the actor owns.
    Own,
    /// Only with a scope that is everywhere.
    Everywhere,
    /// With any scope: the action has no place.
    Any,
}

/// Roles that may take an action, each with its reach. A role without a row is denied.
pub type Allowed = &'static [(Role, Reach)];

/// Every role but the system's own, wherever its scope is.
pub const EVERYBODY: Allowed = &[
    (Role::GridMember, Reach::Any),
    (Role::GridLeader, Reach::Any),
    (Role::ResidentialSecretary, Reach::Any),
    (Role::PartyMember, Reach::Any),
    (Role::OwnersCommittee, Reach::Any),
    (Role::Owner, Reach::Any),
    (Role::Mediator, Reach::Any),
    (Role::Registrar, Reach::Any),
    (Role::DutyOfficer, Reach::Any),
    (Role::Dispatcher, Reach::Any),
    (Role::DepartmentClerk, Reach::Any),
    (Role::Verifier, Reach::Any),
    (Role::Caller, Reach::Any),
    (Role::Archivist, Reach::Any),
    (Role::StreetLeader, Reach::Any),
    (Role::CentreDirector, Reach::Any),
    (Role::DistrictDutyOfficer, Reach::Any),
    (Role::Supervisor, Reach::Any),
    (Role::Auditor, Reach::Any),
    (Role::Integrator, Reach::Any),
    (Role::Connector, Reach::Any),
    (Role::SystemAdministrator, Reach::Any),
    (Role::SecurityAdministrator, Reach::Any),
    (Role::AuditAdministrator, Reach::Any),
];

/// How far `role` reaches in an action, or `None` where it is denied.
pub fn reach_of(allowed: Allowed, role: Role) -> Option<Reach> {
    allowed.iter().find(|(known, _)| *known == role).map(|(_, reach)| *reach)
}

/// Where something is: what decides who reaches it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The grid and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    /// The departments that it concerns.
    pub departments: BTreeSet<DepartmentCode>,
    /// The staff id of the person whose own it is.
    pub owner: Option<String>,
    /// The grid that has the grid centre of this place: the street or town. Events for the street go to it.
    pub street: Option<GridCode>,
}

impl Place {
    /// A place in a grid, with the grids above it.
    pub fn in_grids(grids: &[GridCode]) -> Self {
        Self { grids: grids.to_vec(), ..Self::default() }
    }

    /// The place of a department's own things.
    pub fn of_department(department: &DepartmentCode) -> Self {
        Self { departments: BTreeSet::from([department.clone()]), ..Self::default() }
    }

    /// Whether `by`, who reaches so far, reaches this place.
    pub fn is_reached(&self, reach: Reach, by: &Actor) -> bool {
        match (reach, &by.scope) {
            (Reach::Any, _) | (Reach::Grid | Reach::Everywhere, Scope::Everywhere) => true,
            (Reach::Grid, Scope::Grid(grid)) => self.grids.contains(grid),
            (Reach::Department, Scope::Department(department)) => self.departments.contains(department),
            (Reach::Own, _) => self.owner.as_deref() == Some(by.id.as_str()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role, scope: Scope) -> Actor {
        Actor { id: "staff-1".into(), role, scope, seconded_by: None }
    }

    fn grid(code: &str) -> GridCode {
        GridCode::try_new(code).unwrap()
    }

    #[test]
    fn a_role_reaches_its_grid_and_what_lies_below() {
        let place = Place::in_grids(&[grid("BZ-R01-B01"), grid("BZ-R01"), grid("BZ")]);
        let reaches = |scope| place.is_reached(Reach::Grid, &actor(Role::GridLeader, scope));
        assert!(reaches(Scope::Grid(grid("BZ-R01-B01"))));
        assert!(reaches(Scope::Grid(grid("BZ"))));
        assert!(reaches(Scope::Everywhere));
        assert!(!reaches(Scope::Grid(grid("JAS"))));
        assert!(!reaches(Scope::Department(DepartmentCode::try_new("CGZF").unwrap())));
    }

    #[test]
    fn a_department_reaches_only_what_concerns_it() {
        let (mine, other) = (DepartmentCode::try_new("CGZF").unwrap(), DepartmentCode::try_new("LHSR").unwrap());
        let clerk = actor(Role::DepartmentClerk, Scope::Department(mine.clone()));
        let reaches = |by: &Actor, department| Place::of_department(department).is_reached(Reach::Department, by);
        assert!(reaches(&clerk, &mine));
        assert!(!reaches(&clerk, &other));
        assert!(!reaches(&actor(Role::DepartmentClerk, Scope::Everywhere), &mine), "a clerk belongs to a department");
    }

    #[test]
    fn what_is_ones_own_is_nobody_elses() {
        let place = Place { owner: Some("staff-1".into()), ..Place::default() };
        let own = actor(Role::GridMember, Scope::Everywhere);
        assert!(place.is_reached(Reach::Own, &own));
        assert!(!place.is_reached(Reach::Own, &Actor { id: "staff-2".into(), ..own.clone() }));
        assert!(!Place::default().is_reached(Reach::Own, &own), "what nobody owns is nobody's own");
    }

    #[test]
    fn everybody_is_every_role_but_the_system() {
        let roles: Vec<Role> = EVERYBODY.iter().map(|(role, _)| *role).chain([Role::System]).collect();
        assert_eq!(roles, Role::ALL);
    }

    #[test]
    fn a_role_without_a_row_is_denied() {
        const ALLOWED: Allowed = &[(Role::GridLeader, Reach::Grid)];
        assert_eq!(reach_of(ALLOWED, Role::GridLeader), Some(Reach::Grid));
        assert_eq!(reach_of(ALLOWED, Role::Auditor), None);
    }
}
