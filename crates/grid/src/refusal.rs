//! Every reason for which the district refuses a command.

use chrono::{DateTime, Utc};
use kernel::GridCode;

use crate::node::LEVELS_MAX;

kernel::refusals! {
    /// Why a command was refused. Nothing has changed.
    pub enum Refusal {
        /// Nothing was loaded. No command leads to it: the district always exists.
        #[error("no district is loaded; load one first")]
        NotLoaded = Missing "no-district",
        /// The code belongs to another grid that is active at that time.
        #[error("grid {0} already exists")]
        DuplicateCode(GridCode) = Refused "duplicate-code",
        /// A description contains something twice.
        #[error("{0} is described twice")]
        Duplicate(String) = Unfit "duplicate",
        /// The parent is not active at that time.
        #[error("grid {grid} cannot be placed under {parent}: no grid {parent} is active at that time")]
        UnknownParent {
            grid: GridCode,
            parent: GridCode,
        } = Unfit "unknown-parent",
        /// A root has no list of levels.
        #[error("root grid {0} needs the list of levels of its tree")]
        LevelsMissing(GridCode) = Unfit "levels-missing",
        /// Levels were given for a grid that is not a root.
        #[error("grid {0} is not a root; only a root has a list of levels")]
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
        #[error("grid {grid} of level {level} cannot be placed there: grids at depth {depth} are of level {expected}")]
        LevelSkipped {
            grid: GridCode,
            level: String,
            depth: u8,
            expected: String,
        } = Unfit "level-skipped",
        /// The levels of the tree end above that depth.
        #[error("grid {grid} would have depth {depth}, below the lowest level of its tree")]
        LevelBeyondPlan {
            grid: GridCode,
            depth: u8,
        } = Unfit "level-beyond-plan",
        /// No tree is that deep.
        #[error("grid {grid} would have depth {depth}; a tree has at most {LEVELS_MAX} levels")]
        TooDeep {
            grid: GridCode,
            depth: u8,
        } = Unfit "too-deep",
        /// The grid centre of a tree would be ambiguous.
        #[error("tree {root} has more than one level with the grid centre; {level} is the second")]
        SeveralCentres {
            root: GridCode,
            level: String,
        } = Unfit "several-centres",
        /// Grids of that level must be bound to a party organisation.
        #[error("grid {grid}: every {level} must be bound to a party organisation")]
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
        /// The grid lies there, and not by the move that is asked for.
        #[error(
            "grid {grid} lies under {parent} already, and not by this move: a repeat has the reason and the `effective_from` of the \
             first time"
        )]
        AlreadyThere {
            grid: GridCode,
            parent: GridCode,
        } = Refused "already-there",
        /// It is so, from another moment on.
        #[error("{what}: this is so already, since {since}; leave `effective_from` out, or name that moment")]
        AlreadySo {
            what: String,
            since: DateTime<Utc>,
        } = Refused "already-so",
        /// The grid still has grids below it.
        #[error("grid {grid} still has {child} below it")]
        OpenChildren {
            grid: GridCode,
            child: GridCode,
        } = Refused "open-children",
        /// A root of the party network is closed, and nobody is named who takes over its open cases.
        #[error("grid {0} is a root, so no grid above takes over its open cases: name its `successor`")]
        SuccessorMissing(GridCode) = Refused "successor-missing",
        /// A grid that is named as the successor cannot be one.
        #[error("grid {heir} cannot take over the open cases of {grid}: name another grid of the party network that is active then")]
        CannotTakeOver {
            grid: GridCode,
            heir: GridCode,
        } = Unfit "cannot-take-over",
        /// A successor is named for a grid in which nothing is open.
        #[error("grid {0} is not of the party network: no cases are open in it, so leave its `successor` and `parts` out")]
        NothingToTakeOver(GridCode) = Unfit "nothing-to-take-over",
        /// A later change is already recorded.
        #[error(
            "{what} already has a change as of {last}; an earlier change is refused; where that one has not begun, withdraw it \
             first (withdraw-changes)"
        )]
        OutOfOrder {
            what: String,
            last: DateTime<Utc>,
        } = Refused "out-of-order",
        /// The change is valid at its own time but conflicts with a change that is already scheduled.
        #[error("the change scheduled for {at} would leave grid {grid} without a valid place in its tree")]
        ContradictsLater {
            grid: GridCode,
            at: DateTime<Utc>,
        } = Refused "contradicts-later",
        /// What has begun cannot be withdrawn.
        #[error("what holds since {from} has begun and cannot be withdrawn; describe or order a change as of now")]
        InEffect {
            from: DateTime<Utc>,
        } = Refused "in-effect",
        /// There is nothing to withdraw.
        #[error("no change of this is scheduled for {from} or later; name the moment as of which it was to hold, or an earlier one")]
        NothingScheduled {
            from: DateTime<Utc>,
        } = Refused "nothing-scheduled",
        /// The bounds are no rectangle.
        #[error("the bounds must have west before east, south before north, and lie on the earth")]
        BoundsReversed = Unfit "bounds-reversed",
        /// More is left out of a description than may be closed or ended.
        #[error("{0}")]
        ClosesTooMuch(kernel::Excess) = Refused "closes-too-much",
        ..Unfit(kernel::Unfit),
        ..UnfitOf(kernel::UnfitOf),
    }
}
