//! A post (岗位): who acts in which role and where, and for how long.

use chrono::{DateTime, Utc};
use kernel::{GridCode, Role, Scope};
use schemars::JsonSchema;
use serde::Serialize;

use super::{PersonCode, PostCode};

/// The three administrators (三员), who exclude each other and every other post.
pub(super) const ADMINISTRATORS: [Role; 3] =
    [Role::SystemAdministrator, Role::SecurityAdministrator, Role::AuditAdministrator];

/// The code of the post of a first administrator.
pub(super) fn of_administrator(role: Role) -> PostCode {
    PostCode::try_new(&role.as_str().replace('_', "-")).expect("the name of a role fits into a code")
}

/// One term of a person in a post. The same person may have several posts at once (一肩挑).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Post {
    /// What names it among the posts of its person.
    pub code: PostCode,
    pub role: Role,
    /// Where the role holds.
    pub scope: Scope,
    /// Start of the term.
    pub from: DateTime<Utc>,
    /// Planned end of the term.
    pub until: Option<DateTime<Utc>>,
    /// When the term was ended by command, if it was.
    pub ended_at: Option<DateTime<Utc>>,
    /// The person for whom this one stands in (代班).
    pub deputy_for: Option<PersonCode>,
}

impl Post {
    /// The end of the term: the planned one or that by command, whichever is earlier.
    pub fn over_at(&self) -> Option<DateTime<Utc>> {
        [self.until, self.ended_at].into_iter().flatten().min()
    }

    /// Whether the term runs at that moment.
    pub fn holds_at(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && !self.is_over(at)
    }

    /// Whether the term has ended by that moment.
    pub fn is_over(&self, at: DateTime<Utc>) -> bool {
        self.over_at().is_some_and(|over| over <= at)
    }

    /// Whether there is a moment at which both terms run.
    pub(super) fn overlaps(&self, other: &Post) -> bool {
        other.over_at().is_none_or(|over| self.from < over) && self.over_at().is_none_or(|over| other.from < over)
    }

    /// Whether it is the same role in the same place.
    pub(super) fn is_like(&self, other: &Post) -> bool {
        self.role == other.role && self.scope == other.scope
    }

    /// Whether it is one of the three administrators.
    pub(super) fn is_of_administrator(&self) -> bool {
        ADMINISTRATORS.contains(&self.role)
    }

    /// The grid in which it is held, where it is held in one.
    pub(super) fn grid(&self) -> Option<&GridCode> {
        match &self.scope {
            Scope::Grid(grid) => Some(grid),
            Scope::Department(_) | Scope::Everywhere => None,
        }
    }

    /// Whether two persons cannot have it at the same time: one leader (网格长), one secretary (居民区书记) and one duty officer
    /// (值班长), the head of a shift, in a grid. Shifts follow each other as terms. Whoever stands in does so beside the holder.
    pub(super) fn excludes(&self, other: &Post) -> bool {
        self.grid().is_some()
            && matches!(self.role, Role::GridLeader | Role::ResidentialSecretary | Role::DutyOfficer)
            && self.is_like(other)
            && self.deputy_for.is_some() == other.deputy_for.is_some()
            && self.overlaps(other)
    }
}

/// Where a role of persons can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Places {
    /// In one department.
    Department,
    /// In the whole installation.
    Everywhere,
    /// In a grid and below, or in the whole installation.
    Grids,
}

/// Whether the role can hold there; `None` where it is no role of persons.
pub(super) fn holds_in(role: Role, scope: &Scope) -> Option<bool> {
    let places = match role {
        Role::System | Role::Integrator | Role::Connector => return None,
        Role::DepartmentClerk => Places::Department,
        Role::SystemAdministrator | Role::SecurityAdministrator | Role::AuditAdministrator => Places::Everywhere,
        _ => Places::Grids,
    };
    Some(match scope {
        Scope::Department(_) => places == Places::Department,
        Scope::Everywhere => places != Places::Department,
        Scope::Grid(_) => places == Places::Grids,
    })
}
