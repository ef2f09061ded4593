//! Floor 1: the district: its grid trees, departments, and the map between the two networks.
//!
//! One stream holds the whole district of an installation. A [`DistrictDescription`] (usually a file) is compared with
//! the known state and becomes fine-grained events, so that every change of a boundary has its date and its history.
//!
//! INVARIANT: pure: no I/O, no clock; every query takes the moment that it asks about.
//! INVARIANT: at every moment each active grid has an active parent of its own network one level up, or is a root; there is
//! no cycle. A change that would break this later, at an already scheduled date, is refused too.
//! INVARIANT: the levels of a tree (at most eight), their names, and which of them has the grid centre are data of the root;
//! the code knows no level by name.
//! INVARIANT: nothing is forgotten: closed grids and former owners can be queried as of their time.
//! INVARIANT: a description ends no more than it is allowed to; what has not begun can be withdrawn.
//!
//! INVARIANT: a grid of the party network that is closed names who takes over: every place in it belongs to an active grid at
//! any later moment ([`District::seat`]).
//!
//! Absent on purpose: who holds which post: the register of persons (crate `people`) is cared for by somebody else. Outlines of grids
//! on a map. A grid that is split says at its closing which rectangles go to which grid.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod access;
mod bounds;
mod close_grid;
mod command;
#[cfg(test)]
mod coverage;
mod department;
#[cfg(test)]
mod depth;
mod description;
mod difference;
mod district;
mod document;
mod draft;
mod establish_grid;
mod event;
mod load_district;
mod map_grids;
mod node;
mod place;
mod query;
mod refusal;
mod register_department;
mod reparent_grid;
mod seat;
#[cfg(test)]
mod testing;
mod timeline;
mod tree;
mod withdraw_changes;
mod withdrawn;

pub use close_grid::CloseGrid;
pub use command::DistrictCommand;
pub use department::{Department, Ownership};
pub use description::{ClosingSpec, DepartmentSpec, DistrictDescription, GridSpec, LevelPlan, Mapping};
pub use district::{District, district_id};
pub use document::{DepartmentEntry, DistrictDocument};
pub use establish_grid::EstablishGrid;
pub use event::{BoundsChangesWithdrawn, DepartmentChangesWithdrawn, GridChangesWithdrawn, MappingChangesWithdrawn};
pub use event::{
    DepartmentChanged, DepartmentClosed, DepartmentRegistered, DistrictBounded, DistrictEvent, GridChanged, GridClosed,
    GridEstablished, GridPart, GridReparented, GridsMapped, GridsUnmapped,
};
pub use load_district::LoadDistrict;
pub use map_grids::MapGrids;
pub use node::{GridKind, GridNode, LEVELS_MAX, Level, Network, PartyOrg};
pub use refusal::Refusal;
pub use register_department::RegisterDepartment;
pub use reparent_grid::ReparentGrid;
pub use withdraw_changes::WithdrawChanges;
