//! Who may do what, and where: one table, role × reach × action.
//!
//! An action is the name of a command or of a query. What stands in no row is allowed to nobody; a test compares the
//! rows with every command and every route.

mod table;

use kernel::{Actor, DepartmentCode, GridCode, Role, Scope};

pub use table::TABLE;

use crate::Error;

/// How far a role reaches in one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In the grid of its scope and every grid below; everywhere, if that is its scope.
    Grid,
    /// In what is sent to the department of its scope.
    Department,
    /// With a scope that is everywhere.
    Everywhere,
    /// With any scope: the action is about nothing of a place.
    Any,
}

/// One row: an action and who may take it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name of a command or query.
    pub action: &'static str,
    /// Roles and how far they reach.
    pub allowed: &'static [(Role, Reach)],
}

/// Where an action takes place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// The grid and every grid above it.
    pub grids: &'a [GridCode],
    /// The departments that have an order.
    pub departments: &'a [&'a DepartmentCode],
}

/// The row of an action.
pub fn row(action: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.action == action)
}

/// How far `role` reaches in `action`, if it may at all.
pub fn reach(role: Role, action: &str) -> Option<Reach> {
    row(action)?.allowed.iter().find(|(allowed, _)| *allowed == role).map(|(_, reach)| *reach)
}

/// Refuses an action that the role may not take, or not in this place.
pub(crate) fn authorise(by: &Actor, action: &str, place: &Place<'_>) -> Result<(), Error> {
    let forbidden = |place| Error::Forbidden { role: by.role, action: action.to_owned(), place };
    let reach = reach(by.role, action).ok_or_else(|| forbidden("at all"))?;
    let inside = match (reach, &by.scope) {
        (Reach::Any, _) | (Reach::Grid | Reach::Everywhere, Scope::Everywhere) => true,
        (Reach::Grid, Scope::Grid(grid)) => place.grids.contains(grid),
        (Reach::Department, Scope::Department(department)) => place.departments.contains(&department),
        _ => false,
    };
    if inside { Ok(()) } else { Err(forbidden("here")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Command;

    fn actor(role: Role, scope: Scope) -> Actor {
        Actor { id: "staff-1".into(), role, scope }
    }

    fn grid(code: &str) -> GridCode {
        GridCode::try_new(code).unwrap()
    }

    #[test]
    fn every_command_has_its_row_and_every_row_is_used() {
        let commands = [case::CaseCommand::NAMES, grid::DistrictCommand::NAMES, rules::RulesCommand::NAMES].concat();
        for command in &commands {
            assert!(row(command).is_some(), "{command} has no row");
        }
        let queries = ["read-", "upload-"];
        for row in TABLE {
            let query = queries.iter().any(|prefix| row.action.starts_with(prefix));
            assert!(query || commands.contains(&row.action), "{} is the row of nothing", row.action);
            assert_eq!(TABLE.iter().filter(|other| other.action == row.action).count(), 1, "{}", row.action);
        }
    }

    #[test]
    fn a_role_reaches_its_grid_and_what_lies_below() {
        let path = [grid("BZ-R01-B01"), grid("BZ-R01"), grid("BZ")];
        let place = Place { grids: &path, departments: &[] };
        let leader = |code| actor(Role::GridLeader, Scope::Grid(grid(code)));
        assert!(authorise(&leader("BZ-R01-B01"), "register-issue", &place).is_ok());
        assert!(authorise(&leader("BZ"), "register-issue", &place).is_ok());
        assert!(authorise(&leader("JAS"), "register-issue", &place).is_err());
        assert!(authorise(&leader("BZ"), "file-case", &place).is_err());
        let lawless = actor(Role::GridLeader, Scope::Department(DepartmentCode::try_new("CGZF").unwrap()));
        assert!(authorise(&lawless, "register-issue", &place).is_err());
    }

    #[test]
    fn a_department_reaches_only_what_it_was_sent() {
        let (mine, other) = (DepartmentCode::try_new("CGZF").unwrap(), DepartmentCode::try_new("LHSR").unwrap());
        let clerk = actor(Role::DepartmentClerk, Scope::Department(mine.clone()));
        let may = |by: &Actor, department| {
            authorise(by, "accept-order", &Place { grids: &[], departments: &[department] }).is_ok()
        };
        assert!(may(&clerk, &mine));
        assert!(!may(&clerk, &other));
        let everywhere = actor(Role::DepartmentClerk, Scope::Everywhere);
        assert!(!may(&everywhere, &mine), "a clerk belongs to a department");
    }

    #[test]
    fn who_only_reads_changes_nothing() {
        let commands = [case::CaseCommand::NAMES, grid::DistrictCommand::NAMES, rules::RulesCommand::NAMES].concat();
        for command in commands {
            assert_eq!(reach(Role::Auditor, command), None, "{command}");
            assert_eq!(reach(Role::Integrator, command), None, "{command}");
        }
    }
}
