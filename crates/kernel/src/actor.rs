//! Who acts, in which role, and where.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DepartmentCode, GridCode};

/// A role of the field. What each may do stands in one table, in `app::authorise`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// 网格员: patrols, visits, finds.
    GridMember,
    /// 网格长: leads a micro grid, registers and handles.
    GridLeader,
    /// 居民区书记: secretary of a residential grid, convenes deliberation.
    ResidentialSecretary,
    /// 党员: finds, pledges to go first.
    PartyMember,
    /// 业委会: speaks for the owners of a compound.
    OwnersCommittee,
    /// 业主: has a voice where owners decide.
    Owner,
    /// 调解员: mediates between residents.
    Mediator,
    /// 受理员: registers what comes in by telephone and counter.
    Registrar,
    /// 值班长: files, decides returns, closes.
    DutyOfficer,
    /// 派遣员: dispatches.
    Dispatcher,
    /// 专业部门经办人: answers the orders of one department.
    DepartmentClerk,
    /// 核查员 (监督员): checks on site what another disposed.
    Verifier,
    /// 回访员: asks finders whether it was solved.
    Caller,
    /// 档案员: keeps the closed files.
    Archivist,
    /// 分管领导: the leader of the street who answers for this field.
    StreetLeader,
    /// 中心主任: heads the grid centre.
    CentreDirector,
    /// 区值班: watches the whole district.
    DistrictDutyOfficer,
    /// 督查: supervises, reopens what was closed too early.
    Supervisor,
    /// 审计员: reads every history, changes nothing.
    Auditor,
    /// 集成方: reads events and views, changes nothing.
    Integrator,
    /// 接入程序: hands in what a hotline or another source numbered.
    Connector,
    /// 系统管理员: loads districts and rules.
    SystemAdministrator,
    /// 安全管理员: registers persons, posts and programs, and their keys.
    SecurityAdministrator,
    /// 审计管理员: reads everything that administrators did, changes nothing.
    AuditAdministrator,
    /// The system itself: follow-up commands of process managers.
    System,
}

impl Role {
    /// Every role, in the order of the authorisation table.
    pub const ALL: [Role; 25] = [
        Role::GridMember,
        Role::GridLeader,
        Role::ResidentialSecretary,
        Role::PartyMember,
        Role::OwnersCommittee,
        Role::Owner,
        Role::Mediator,
        Role::Registrar,
        Role::DutyOfficer,
        Role::Dispatcher,
        Role::DepartmentClerk,
        Role::Verifier,
        Role::Caller,
        Role::Archivist,
        Role::StreetLeader,
        Role::CentreDirector,
        Role::DistrictDutyOfficer,
        Role::Supervisor,
        Role::Auditor,
        Role::Integrator,
        Role::Connector,
        Role::SystemAdministrator,
        Role::SecurityAdministrator,
        Role::AuditAdministrator,
        Role::System,
    ];

    /// The stored name, as in tokens and events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::GridMember => "grid_member",
            Role::GridLeader => "grid_leader",
            Role::ResidentialSecretary => "residential_secretary",
            Role::PartyMember => "party_member",
            Role::OwnersCommittee => "owners_committee",
            Role::Owner => "owner",
            Role::Mediator => "mediator",
            Role::Registrar => "registrar",
            Role::DutyOfficer => "duty_officer",
            Role::Dispatcher => "dispatcher",
            Role::DepartmentClerk => "department_clerk",
            Role::Verifier => "verifier",
            Role::Caller => "caller",
            Role::Archivist => "archivist",
            Role::StreetLeader => "street_leader",
            Role::CentreDirector => "centre_director",
            Role::DistrictDutyOfficer => "district_duty_officer",
            Role::Supervisor => "supervisor",
            Role::Auditor => "auditor",
            Role::Integrator => "integrator",
            Role::Connector => "connector",
            Role::SystemAdministrator => "system_administrator",
            Role::SecurityAdministrator => "security_administrator",
            Role::AuditAdministrator => "audit_administrator",
            Role::System => "system",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A role name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no role is called `{}`", .0.escape_debug())]
pub struct UnknownRole(pub String);

impl FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

/// Where a role holds: a grid with everything below it, one department, or everywhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// A grid and every grid below it.
    Grid(GridCode),
    /// One department and its orders.
    Department(DepartmentCode),
    /// The whole installation.
    Everywhere,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Grid(code) => write!(f, "grid:{code}"),
            Scope::Department(code) => write!(f, "department:{code}"),
            Scope::Everywhere => f.write_str("everywhere"),
        }
    }
}

/// Who gave a command: a registered person, a registered program, or a process of the system. `id` is never a person's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// The staff id of the person, for example `staff-0042`, whatever post they act in; of a program `department/CODE`,
    /// `integrator/NAME` or `connector/NAME`.
    pub id: String,
    /// The role in which the actor acts.
    pub role: Role,
    /// Where that role holds.
    pub scope: Scope,
    /// The department that lends the person (派出单位), where one does: they are not independent of its work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconded_by: Option<DepartmentCode>,
}

/// Longest staff id, in characters.
pub const STAFF_ID_LEN_MAX: usize = 64;

/// What the ids of the system's own processes begin with.
const OF_SYSTEM: &str = "system/";

/// What the id of a department's program begins with.
const OF_DEPARTMENT: &str = "department/";

/// What the ids of other programs begin with.
const OF_PROGRAMS: [&str; 2] = ["integrator/", "connector/"];

/// Why somebody from outside cannot act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidActor {
    /// The id is empty, too long, or has other characters.
    #[error(
        "a staff id is 1 to 64 of a-z, 0-9 and . _ @ : / -, with letters in lower case so that one person has one id, and never a name \
         of a person"
    )]
    Id,
    /// The id is one of the system's own.
    #[error("staff ids that begin with `system/` are for processes of the system alone")]
    OfSystem,
    /// The id is that of a department for which the actor does not act.
    #[error("the id `department/CODE` is for the program of that department alone")]
    OfOtherDepartment,
    /// The id is that of another program.
    #[error("ids that begin with `integrator/` or `connector/` are for those programs alone")]
    OfProgram,
    /// The role is the system's.
    #[error("the role `system` is for processes of the system alone")]
    SystemRole,
}

impl Actor {
    /// Somebody from outside, whichever door they come through.
    pub fn try_new(id: &str, role: Role, scope: Scope) -> Result<Self, InvalidActor> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@:/-".contains(&byte);
        if !(1..=STAFF_ID_LEN_MAX).contains(&id.len()) || !id.bytes().all(is_allowed) {
            return Err(InvalidActor::Id);
        }
        let is_in_lower_case = !id.bytes().any(|byte| byte.is_ascii_uppercase());
        if role == Role::System {
            return Err(InvalidActor::SystemRole);
        }
        let begins = |with: &str| id.get(..with.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(with));
        if begins(OF_SYSTEM) {
            return Err(InvalidActor::OfSystem);
        }
        if OF_PROGRAMS.into_iter().any(begins) {
            return Err(InvalidActor::OfProgram);
        }
        let actor = Self { id: id.to_owned(), role, scope, seconded_by: None };
        let is_own = |department: &DepartmentCode| id.get(OF_DEPARTMENT.len()..) == Some(department.as_str());
        if begins(OF_DEPARTMENT) && !actor.department().is_some_and(is_own) {
            return Err(InvalidActor::OfOtherDepartment);
        }
        // Somebody who has two ids verifies their own work. The codes of departments are capitals, and not of a person.
        if !is_in_lower_case && !begins(OF_DEPARTMENT) {
            return Err(InvalidActor::Id);
        }
        Ok(actor)
    }

    /// The id under which a department's program acts: `department/CODE`.
    pub fn id_of_department(department: &DepartmentCode) -> String {
        format!("{OF_DEPARTMENT}{department}")
    }

    /// Whether it is a person: of a program or of the system nobody knows who stands behind it.
    pub fn is_person(&self) -> bool {
        !is_of_program(&self.id)
    }

    /// The department that the actor acts for, if it is one.
    pub fn department(&self) -> Option<&DepartmentCode> {
        match &self.scope {
            Scope::Department(code) => Some(code),
            _ => None,
        }
    }

    /// The system itself, under the name of a process.
    pub fn system(process: &str) -> Self {
        Self { id: format!("{OF_SYSTEM}{process}"), role: Role::System, scope: Scope::Everywhere, seconded_by: None }
    }
}

/// Whether the id is that of a program or of the system, and not of a person.
pub fn is_of_program(id: &str) -> bool {
    id.starts_with(OF_SYSTEM) || id.starts_with(OF_DEPARTMENT) || OF_PROGRAMS.iter().any(|begin| id.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_program_nobody_knows_which_person_it_is() {
        let person =
            |id: &str| Actor::try_new(id, Role::Auditor, Scope::Everywhere).is_ok_and(|actor| actor.is_person());
        for id in ["li.wei", "departments/1", "department", "integrator"] {
            assert!(person(id), "{id}");
        }
        for id in ["department/CGZF", "integrator/city", "connector/12345", "system/outbox"] {
            assert!(is_of_program(id), "{id}");
        }
        for id in ["integrator/city", "connector/12345", "Connector/x"] {
            let refused = Actor::try_new(id, Role::Integrator, Scope::Everywhere);
            assert_eq!(refused, Err(InvalidActor::OfProgram), "{id}");
        }
    }

    #[test]
    fn nobody_from_outside_acts_as_the_system_or_as_another_department() {
        let department = || Scope::Department(DepartmentCode::try_new("CGZF").unwrap());
        let clerk = |id: &str| Actor::try_new(id, Role::DepartmentClerk, department());
        for good in
            ["li.wei", "staff-0042", "a@b.cn", "post:jas/7", "department/CGZF", "dept", "systematic/1", &"a".repeat(64)]
        {
            assert_eq!(clerk(good).map(|actor| actor.id), Ok(good.to_owned()), "{good}");
        }
        for bad in ["JAS-Verifier", "jas-verifieR", "STAFF-0042"] {
            assert_eq!(clerk(bad), Err(InvalidActor::Id), "one person has one id: {bad}");
        }
        for bad in ["", "two words", "王小明", "a\0", "a\n", "a\"b", "a<b>", &"a".repeat(65)] {
            assert_eq!(clerk(bad), Err(InvalidActor::Id), "{bad:?}");
        }
        for bad in ["system/merged_answer", "system/", "SYSTEM/outbox"] {
            assert_eq!(clerk(bad), Err(InvalidActor::OfSystem), "{bad}");
        }
        for bad in ["department/SCJG", "department/", "department/CGZF-1", "DEPARTMENT/SCJG"] {
            assert_eq!(clerk(bad), Err(InvalidActor::OfOtherDepartment), "{bad}");
        }
        let everywhere = Actor::try_new("department/CGZF", Role::Auditor, Scope::Everywhere);
        assert_eq!(everywhere, Err(InvalidActor::OfOtherDepartment));
        assert_eq!(Actor::try_new("a", Role::System, Scope::Everywhere), Err(InvalidActor::SystemRole));
    }

    #[test]
    fn every_role_is_read_back_from_its_name() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!("mayor".parse::<Role>(), Err(UnknownRole("mayor".into())));
    }
}
