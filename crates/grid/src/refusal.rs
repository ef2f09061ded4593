//! Every reason for which the district says no.

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, GridCode, Role};

/// Why a command was refused. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The code belongs to another grid that is open at that time.
    #[error("grid {0} exists already")]
    DuplicateCode(GridCode),
    /// The code of a department occurs twice in one description.
    #[error("department {0} is described twice")]
    DuplicateDepartment(DepartmentCode),
    /// No such grid is open at that time.
    #[error("no grid {0} is open at that time")]
    UnknownGrid(GridCode),
    /// The parent is not open at that time.
    #[error("grid {grid} cannot hang under {parent}: no such grid is open at that time")]
    UnknownParent {
        /// The grid to be placed.
        grid: GridCode,
        /// The parent that is missing.
        parent: GridCode,
    },
    /// A root has no list of levels.
    #[error("root grid {0} needs the list of levels of its tree")]
    LevelsMissing(GridCode),
    /// Levels were given for a grid that is no root.
    #[error("grid {0} is no root: only a root has a list of levels")]
    LevelsBelowRoot(GridCode),
    /// Two levels of a tree have the same name.
    #[error("two levels of {root} are called {level}")]
    RepeatedLevel {
        /// The root of the tree.
        root: GridCode,
        /// The name that occurs twice.
        level: String,
    },
    /// The tree has no level of that name.
    #[error("grid {grid}: its tree has no level called {level}")]
    UnknownLevel {
        /// The grid to be placed.
        grid: GridCode,
        /// The name that is not there.
        level: String,
    },
    /// The level is not the one right below the parent's.
    #[error("grid {grid} of level {level} cannot hang there: depth {depth} is for {expected}")]
    LevelSkipped {
        /// The grid to be placed.
        grid: GridCode,
        /// The level that was given.
        level: String,
        /// The depth it would have.
        depth: u8,
        /// The level of that depth.
        expected: String,
    },
    /// The tree is not that deep.
    #[error("grid {grid} would come to depth {depth}, below the lowest level of its tree")]
    LevelBeyondPlan {
        /// The grid to be placed.
        grid: GridCode,
        /// The depth it would have.
        depth: u8,
    },
    /// Grids of that level must be bound to a party organisation.
    #[error("grid {grid}: every {level} is bound to a party organisation")]
    PartyOrgMissing {
        /// The grid without one.
        grid: GridCode,
        /// Its level.
        level: String,
    },
    /// The grid belongs to the other network.
    #[error("grid {0} belongs to the other network")]
    WrongNetwork(GridCode),
    /// A grid would lie inside itself.
    #[error("grid {0} would lie inside itself")]
    Cycle(GridCode),
    /// The grid still has grids below it.
    #[error("grid {grid} still has {child} below it")]
    OpenChildren {
        /// The grid to be closed.
        grid: GridCode,
        /// One that is still open.
        child: GridCode,
    },
    /// No such department exists at that time.
    #[error("no department {0} exists at that time")]
    UnknownDepartment(DepartmentCode),
    /// The post is held by somebody in that time.
    #[error("the post of {role} in {grid} is held by {holder} in that time")]
    PostOverlaps {
        /// Where.
        grid: GridCode,
        /// As what.
        role: Role,
        /// Who holds it.
        holder: String,
    },
    /// Nobody holds that post at that time.
    #[error("{holder} does not hold the post of {role} in {grid} at that time")]
    UnknownPost {
        /// Where.
        grid: GridCode,
        /// As what.
        role: Role,
        /// Who was meant to hold it.
        holder: String,
    },
    /// A term ends before it begins.
    #[error("a term must end after it begins")]
    TermReversed,
    /// Something later is known already.
    #[error("{what} was changed as of {last} already; nothing before that can be changed any more")]
    OutOfOrder {
        /// The grid, department, mapping or post.
        what: String,
        /// The last moment at which it changes.
        last: DateTime<Utc>,
    },
    /// The change fits today but not a change that is scheduled already.
    #[error("grid {grid} would lose its place in the tree by a change that is scheduled for {at}")]
    ContradictsLater {
        /// The grid that would be misplaced.
        grid: GridCode,
        /// When.
        at: DateTime<Utc>,
    },
    /// A name is empty.
    #[error("{0} needs a name")]
    BlankName(String),
    /// The holder of a post is not a staff id.
    #[error("the holder of a post is a staff id of letters, digits, '-', '_' and '.', never a person's name")]
    NotAStaffId,
}

impl Refusal {
    /// The public code of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::DuplicateCode(_) => "duplicate-code",
            Refusal::DuplicateDepartment(_) => "duplicate-department",
            Refusal::UnknownGrid(_) => "unknown-grid",
            Refusal::UnknownParent { .. } => "unknown-parent",
            Refusal::LevelsMissing(_) => "levels-missing",
            Refusal::LevelsBelowRoot(_) => "levels-below-root",
            Refusal::RepeatedLevel { .. } => "repeated-level",
            Refusal::UnknownLevel { .. } => "unknown-level",
            Refusal::LevelSkipped { .. } => "level-skipped",
            Refusal::LevelBeyondPlan { .. } => "level-beyond-plan",
            Refusal::PartyOrgMissing { .. } => "party-org-missing",
            Refusal::WrongNetwork(_) => "wrong-network",
            Refusal::Cycle(_) => "cycle",
            Refusal::OpenChildren { .. } => "open-children",
            Refusal::UnknownDepartment(_) => "unknown-department",
            Refusal::PostOverlaps { .. } => "post-overlaps",
            Refusal::UnknownPost { .. } => "unknown-post",
            Refusal::TermReversed => "term-reversed",
            Refusal::OutOfOrder { .. } => "out-of-order",
            Refusal::ContradictsLater { .. } => "contradicts-later",
            Refusal::BlankName(_) => "blank-name",
            Refusal::NotAStaffId => "not-a-staff-id",
        }
    }
}
