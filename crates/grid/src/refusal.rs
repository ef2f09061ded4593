//! Every reason for which the district says no.

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, GridCode, Role};

kernel::refusals! {
    /// Why a command was refused. Nothing was changed.
    pub enum Refusal {
        /// The code belongs to another grid that is open at that time.
        #[error("grid {0} exists already")]
        DuplicateCode(GridCode) = Refused "duplicate-code",
        /// The code of a department occurs twice in one description.
        #[error("department {0} is described twice")]
        DuplicateDepartment(DepartmentCode) = Unfit "duplicate-department",
        /// The parent is not open at that time.
        #[error("grid {grid} cannot hang under {parent}: no such grid is open at that time")]
        UnknownParent {
            grid: GridCode,
            parent: GridCode,
        } = Unfit "unknown-parent",
        /// A root has no list of levels.
        #[error("root grid {0} needs the list of levels of its tree")]
        LevelsMissing(GridCode) = Unfit "levels-missing",
        /// Levels were given for a grid that is no root.
        #[error("grid {0} is no root: only a root has a list of levels")]
        LevelsBelowRoot(GridCode) = Unfit "levels-below-root",
        /// Two levels of a tree have the same name.
        #[error("two levels of {root} are called {level}")]
        RepeatedLevel {
            root: GridCode,
            level: String,
        } = Unfit "repeated-level",
        /// The tree has no level of that name.
        #[error("grid {grid}: its tree has no level called {level}")]
        UnknownLevel {
            grid: GridCode,
            level: String,
        } = Unfit "unknown-level",
        /// The level is not the one right below the parent's.
        #[error("grid {grid} of level {level} cannot hang there: depth {depth} is for {expected}")]
        LevelSkipped {
            grid: GridCode,
            level: String,
            depth: u8,
            expected: String,
        } = Unfit "level-skipped",
        /// The tree is not that deep.
        #[error("grid {grid} would come to depth {depth}, below the lowest level of its tree")]
        LevelBeyondPlan {
            grid: GridCode,
            depth: u8,
        } = Unfit "level-beyond-plan",
        /// Grids of that level must be bound to a party organisation.
        #[error("grid {grid}: every {level} is bound to a party organisation")]
        PartyOrgMissing {
            grid: GridCode,
            level: String,
        } = Unfit "party-org-missing",
        /// The grid belongs to the other network.
        #[error("grid {0} belongs to the other network")]
        WrongNetwork(GridCode) = Unfit "wrong-network",
        /// A grid would lie inside itself.
        #[error("grid {0} would lie inside itself")]
        Cycle(GridCode) = Refused "cycle",
        /// The grid still has grids below it.
        #[error("grid {grid} still has {child} below it")]
        OpenChildren {
            grid: GridCode,
            child: GridCode,
        } = Refused "open-children",
        /// The post is held by somebody in that time.
        #[error("the post of {role} in {grid} is held by {holder} in that time")]
        PostOverlaps {
            grid: GridCode,
            role: Role,
            holder: String,
        } = Refused "post-overlaps",
        /// Nobody holds that post at that time.
        #[error("{holder} does not hold the post of {role} in {grid} at that time")]
        UnknownPost {
            grid: GridCode,
            role: Role,
            holder: String,
        } = Refused "unknown-post",
        /// A term ends before it begins.
        #[error("a term must end after it begins")]
        TermReversed = Unfit "term-reversed",
        /// Something later is known already.
        #[error("{what} was changed as of {last} already; nothing before that can be changed any more")]
        OutOfOrder {
            what: String,
            last: DateTime<Utc>,
        } = Refused "out-of-order",
        /// The change fits today but not a change that is scheduled already.
        #[error("grid {grid} would lose its place in the tree by a change that is scheduled for {at}")]
        ContradictsLater {
            grid: GridCode,
            at: DateTime<Utc>,
        } = Refused "contradicts-later",
        /// A name is empty.
        #[error("{0} needs a name")]
        BlankName(String) = Unfit "blank-name",
        /// The holder of a post is not a staff id.
        #[error("the holder of a post is a staff id of letters, digits, '-', '_' and '.', never a person's name")]
        NotAStaffId = Unfit "not-a-staff-id",
        ..Unfit(kernel::Unfit),
    }
}
