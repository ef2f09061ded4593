//! A post (岗位): who acts in which role in which grid, and for how long.

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, GridCode, Role};
use schemars::JsonSchema;
use serde::Serialize;

/// One term of one holder. The same holder may have several posts at once (一肩挑).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Post {
    pub grid: GridCode,
    pub role: Role,
    /// Staff id; never a name.
    pub holder: String,
    /// The department that lends the holder.
    pub department: Option<DepartmentCode>,
    /// Start of the term.
    pub from: DateTime<Utc>,
    /// Planned end of the term.
    pub until: Option<DateTime<Utc>>,
    /// When the term was ended by command, if it was.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Post {
    /// The end of the term: the planned one or that by command, whichever is earlier.
    pub fn over_at(&self) -> Option<DateTime<Utc>> {
        [self.until, self.ended_at].into_iter().flatten().min()
    }

    /// Whether the term runs at that moment.
    pub fn holds_at(&self, at: DateTime<Utc>) -> bool {
        self.from <= at && self.over_at().is_none_or(|over| at < over)
    }

    /// Whether the two terms exclude each other: the same holder twice in one post, or two holders of a post that one person
    /// has at a time.
    pub(crate) fn excludes(&self, other: &Post) -> bool {
        self.grid == other.grid
            && self.role == other.role
            && (is_single(self.role) || self.holder == other.holder)
            && other.over_at().is_none_or(|over| self.from < over)
            && self.over_at().is_none_or(|over| other.from < over)
    }
}

/// Whether a grid has one holder of that post at a time: the leader (网格长), the secretary (居民区书记) and the duty officer
/// (值班长), who is the head of a shift. Shifts follow each other as terms.
pub(crate) fn is_single(role: Role) -> bool {
    matches!(role, Role::GridLeader | Role::ResidentialSecretary | Role::DutyOfficer)
}
