//! Who may do what, and where: one table, role × reach × action, made from the registry.
//!
//! An action is the name of a command or of a query. Without a row, an action is denied to everyone.

use std::sync::LazyLock;

use kernel::Role::{
    Auditor, Caller, CentreDirector, Connector, DepartmentClerk, Dispatcher, DutyOfficer, GridLeader, GridMember,
    Integrator, PartyMember, Registrar, ResidentialSecretary, Verifier,
};
use kernel::access::EVERYBODY;
use kernel::{Actor, Allowed, DepartmentCode, Place, Reach, Role, VerbSpec, reach_of};

use crate::kind::Kind;
use crate::{Error, registry};

/// One row: an action and who may take it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Name of a command or query.
    pub action: &'static str,
    /// Roles and how far they reach.
    pub allowed: Allowed,
}

/// The queries that belong to no kind.
pub const READ_EVENTS: Row =
    Row { action: "read-events", allowed: &[(Auditor, Reach::Everywhere), (Integrator, Reach::Everywhere)] };
/// What a command of one's own did.
pub const READ_OUTCOME: Row = Row { action: "read-outcome", allowed: EVERYBODY };
/// A file, by its digest.
pub const READ_EVIDENCE: Row = Row { action: "read-evidence", allowed: EVERYBODY };
/// When and where a file says that it was taken: for whoever verifies, and whoever answers for that.
pub const READ_CAPTURE: Row = Row {
    action: "read-capture",
    allowed: &[(Verifier, Reach::Any), (DutyOfficer, Reach::Any), (CentreDirector, Reach::Any), (Auditor, Reach::Any)],
};
/// A file, to be kept.
pub const UPLOAD_EVIDENCE: Row = Row {
    action: "upload-evidence",
    allowed: &[
        (GridMember, Reach::Any),
        (GridLeader, Reach::Any),
        (ResidentialSecretary, Reach::Any),
        (PartyMember, Reach::Any),
        (Registrar, Reach::Any),
        (DutyOfficer, Reach::Any),
        (Dispatcher, Reach::Any),
        (DepartmentClerk, Reach::Any),
        (Verifier, Reach::Any),
        (Caller, Reach::Any),
        (Connector, Reach::Any),
    ],
};

static TABLE: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let mut rows = Vec::new();
    for kind in registry::kinds() {
        rows.extend(kind.verbs().iter().map(|verb| Row { action: verb.name, allowed: verb.by }));
    }
    for kind in registry::kinds() {
        rows.push(Row { action: kind.read_action(), allowed: kind.read() });
        rows.extend(kind.similar().map(|similar| Row { action: similar.action, allowed: similar.read }));
        rows.extend(kind.documents().iter().map(|shown| Row { action: shown.action, allowed: shown.read }));
    }
    rows.extend(registry::views().iter().map(|view| Row { action: view.action(), allowed: view.read() }));
    rows.extend([READ_EVENTS, READ_OUTCOME, READ_EVIDENCE, READ_CAPTURE, UPLOAD_EVIDENCE]);
    rows
});

/// Every action and who may take it. `docs/authorisation.md` is made from this.
pub fn table() -> &'static [Row] {
    &TABLE
}

/// How far `role` reaches in `action`, or `None` where it is denied.
pub fn reach(role: Role, action: &str) -> Option<Reach> {
    reach_of(table().iter().find(|row| row.action == action)?.allowed, role)
}

/// Refuses an action that the role may not take, or not in this place.
pub(crate) fn authorise(by: &Actor, action: &str, allowed: Allowed, place: &Place) -> Result<(), Error> {
    let forbidden = |place| Error::Forbidden { role: by.role, action: action.to_owned(), place };
    let reach = reach_of(allowed, by.role).ok_or_else(|| forbidden("at all"))?;
    if place.is_reached(reach, by) { Ok(()) } else { Err(forbidden("here")) }
}

/// Refuses an action on something that is named by its id. Where the role may not take it at all, that is the answer whatever is
/// named; where it may not take it there, the answer is the same as for what does not exist: nobody finds out which ids there are
/// beyond their reach.
pub(crate) fn authorise_named(
    by: &Actor,
    action: &str,
    allowed: Allowed,
    place: Option<&Place>,
    missing: impl FnOnce() -> Error,
) -> Result<(), Error> {
    let is_reached = |reach| place.is_some_and(|place| place.is_reached(reach, by));
    match reach_of(allowed, by.role) {
        None => authorise(by, action, allowed, &Place::default()),
        Some(reach) if is_reached(reach) => Ok(()),
        Some(_) => Err(missing()),
    }
}

/// Refuses an action on one aggregate of a kind, as [`authorise_named`] does. Of which there is only one, everybody knows that it
/// exists.
pub(crate) fn authorise_one(
    by: &Actor,
    kind: &dyn Kind,
    action: &str,
    allowed: Allowed,
    place: Option<&Place>,
) -> Result<(), Error> {
    match place {
        Some(place) if kind.is_single() => authorise(by, action, allowed, place),
        place => authorise_named(by, action, allowed, place, || kind.missing()),
    }
}

/// Whether the role may take an action anywhere: only then it is told which names do not exist.
pub(crate) fn may_somewhere(by: &Actor, allowed: Allowed) -> bool {
    reach_of(allowed, by.role).is_some()
}

/// Whether the system itself acts, which names again what somebody was allowed to name.
pub(crate) fn is_system(by: &Actor) -> bool {
    by.role == Role::System
}

/// Whether somebody hears only the audiences that the register grants to them.
pub(crate) fn hears_what_is_granted(by: &Actor) -> bool {
    by.role == Role::Integrator
}

/// Whether somebody acts as a clerk of a department: nobody else may at its door.
pub fn is_clerk_of(actor: &Actor, department: &DepartmentCode) -> bool {
    actor.role == Role::DepartmentClerk && actor.department() == Some(department)
}

/// Whether a role may register persons and programs, on the command line too.
pub fn administers_security(role: Role) -> bool {
    role == Role::SecurityAdministrator
}

/// Whether a role gives a verb for its department.
pub fn is_of_department(role: Role, verb: &VerbSpec) -> bool {
    reach_of(verb.by, role) == Some(Reach::Department)
}

/// The same for an action that has no place.
pub(crate) fn authorise_row(by: &Actor, row: &Row) -> Result<(), Error> {
    authorise(by, row.action, row.allowed, &Place::default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_actions_share_a_name() {
        let names: BTreeSet<&str> = table().iter().map(|row| row.action).collect();
        assert_eq!(names.len(), table().len());
    }

    #[test]
    fn who_only_reads_changes_nothing() {
        for verb in registry::kinds().iter().flat_map(|kind| kind.verbs()) {
            for role in [Auditor, Integrator, Role::AuditAdministrator] {
                assert_eq!(reach(role, verb.name), None, "{}", verb.name);
            }
        }
    }

    /// 三员分立: one administers the system, one who gets in, one reads what both did.
    #[test]
    fn the_three_administrators_share_no_command() {
        let administrators = [Role::SystemAdministrator, Role::SecurityAdministrator, Role::AuditAdministrator];
        for verb in registry::kinds().iter().flat_map(|kind| kind.verbs()) {
            let held: Vec<Role> = administrators.into_iter().filter(|role| reach(*role, verb.name).is_some()).collect();
            // What is named by a case that one reaches is a part of another verb, which none of them may give.
            assert!(held.len() <= 1, "{}: {held:?}", verb.name);
        }
        for (role, verb) in
            [(Role::SystemAdministrator, "load-district"), (Role::SecurityAdministrator, "close-program")]
        {
            assert_eq!(reach(role, verb), Some(Reach::Everywhere), "{verb}");
        }
        for action in ["read-district-history", "read-rules-history", "read-programs-history", "read-programs"] {
            assert_eq!(reach(Role::AuditAdministrator, action), Some(Reach::Everywhere), "{action}");
        }
    }

    #[test]
    fn a_role_without_a_row_is_denied_and_one_elsewhere_too() {
        let by = |role, scope| Actor { id: "staff-1".into(), role, scope, seconded_by: None };
        let everywhere = kernel::Scope::Everywhere;
        let denied = authorise_row(&by(GridMember, everywhere.clone()), &READ_EVENTS).unwrap_err();
        assert_eq!(denied.to_string(), "role grid_member may not read-events at all");
        let department = kernel::Scope::Department(kernel::DepartmentCode::try_new("CGZF").unwrap());
        let elsewhere = authorise_row(&by(Auditor, department), &READ_EVENTS).unwrap_err();
        assert_eq!(elsewhere.to_string(), "role auditor may not read-events here");
        assert!(authorise_row(&by(Auditor, everywhere), &READ_EVENTS).is_ok());
    }
}
