//! The events of the district. `effective_from` is the moment from which a change is valid, which may differ from the time of
//! recording.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::facts::Bounds;
use kernel::{DepartmentCode, GridCode, MatterCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{GridKind, Level, Network, PartyOrg};

kernel::events! {
    /// The events of the district.
    pub enum DistrictEvent in "district" {
        GridEstablished = "cn.dualgrid.district.grid_established.v1" to District,
        GridChanged = "cn.dualgrid.district.grid_changed.v1" to District,
        GridClosed = "cn.dualgrid.district.grid_closed.v1" to District,
        GridReparented = "cn.dualgrid.district.grid_reparented.v1" to District,
        DepartmentRegistered = "cn.dualgrid.district.department_registered.v1" to District,
        DepartmentChanged = "cn.dualgrid.district.department_changed.v1" to District,
        DepartmentClosed = "cn.dualgrid.district.department_closed.v1" to District,
        GridsMapped = "cn.dualgrid.district.grids_mapped.v1" to District,
        GridsUnmapped = "cn.dualgrid.district.grids_unmapped.v1" to District,
        DistrictBounded = "cn.dualgrid.district.district_bounded.v1" to District,
        GridChangesWithdrawn = "cn.dualgrid.district.grid_changes_withdrawn.v1" to District,
        DepartmentChangesWithdrawn = "cn.dualgrid.district.department_changes_withdrawn.v1" to District,
        MappingChangesWithdrawn = "cn.dualgrid.district.mapping_changes_withdrawn.v1" to District,
        BoundsChangesWithdrawn = "cn.dualgrid.district.bounds_changes_withdrawn.v1" to District,
    }
}

/// The rectangle in which every place of the district lies was drawn, changed or lifted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DistrictBounded {
    /// The rectangle; absent where there is none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    pub effective_from: DateTime<Utc>,
}

/// A grid was established.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridEstablished {
    pub code: GridCode,
    pub name: String,
    pub network: Network,
    /// The grid above it; absent for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GridCode>,
    /// Depth in the tree: 1 for the root, at most 8.
    pub level: u8,
    /// The district's name for that level.
    pub level_name: String,
    /// Whether it mostly holds households or organisations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GridKind>,
    /// The party organisation it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_org: Option<PartyOrg>,
    /// Reason for its boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The levels of its tree; empty unless it is a root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
    pub effective_from: DateTime<Utc>,
}

/// The description of a grid changed; its place in the tree did not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridChanged {
    pub code: GridCode,
    pub name: String,
    /// Whether it now mostly holds households or organisations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GridKind>,
    /// The party organisation that it is now bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_org: Option<PartyOrg>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The new levels of its tree; empty unless it is a root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
    pub effective_from: DateTime<Utc>,
}

/// A grid was closed. It had no grids below it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridClosed {
    pub code: GridCode,
    /// The grid that takes over what is open in it; absent for a grid of the administrative network, in which nothing is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<GridCode>,
    /// Parts of it that other grids take over. The first one that contains a place counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<GridPart>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub effective_from: DateTime<Utc>,
}

/// A part of a grid that is closed, and the grid that takes it over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridPart {
    /// The part, as a rectangle in WGS 84, its borders included.
    pub area: Bounds,
    /// The grid that takes over what is open in that rectangle.
    pub grid: GridCode,
}

/// A grid moved to another place in the tree, or its level got another name or number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridReparented {
    pub code: GridCode,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_parent: Option<GridCode>,
    /// The new grid above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GridCode>,
    pub level: u8,
    pub level_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub effective_from: DateTime<Utc>,
}

/// A department was registered with its list of authority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentRegistered {
    pub code: DepartmentCode,
    pub name: String,
    /// The matters on its list of authority.
    pub matters: BTreeSet<MatterCode>,
    pub effective_from: DateTime<Utc>,
}

/// The name or the list of authority of a department changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentChanged {
    pub code: DepartmentCode,
    pub name: String,
    /// All matters on its new list of authority.
    pub matters: BTreeSet<MatterCode>,
    pub effective_from: DateTime<Utc>,
}

/// A department was closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentClosed {
    pub code: DepartmentCode,
    pub effective_from: DateTime<Utc>,
}

/// An administrative grid serves a party grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridsMapped {
    pub party: GridCode,
    pub administrative: GridCode,
    pub effective_from: DateTime<Utc>,
}

/// An administrative grid no longer serves a party grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridsUnmapped {
    pub party: GridCode,
    pub administrative: GridCode,
    pub effective_from: DateTime<Utc>,
}

/// What was scheduled for a grid was withdrawn before it began: it has the place, the description and the end that it had
/// without it, and is not established where that was scheduled too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridChangesWithdrawn {
    pub code: GridCode,
    /// Every change as of this moment or later is void.
    pub scheduled_from: DateTime<Utc>,
}

/// What was scheduled for a department was withdrawn before it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentChangesWithdrawn {
    pub code: DepartmentCode,
    /// Every change as of this moment or later is void.
    pub scheduled_from: DateTime<Utc>,
}

/// What was scheduled for an entry of the map between the networks was withdrawn before it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MappingChangesWithdrawn {
    pub party: GridCode,
    pub administrative: GridCode,
    /// Every change as of this moment or later is void.
    pub scheduled_from: DateTime<Utc>,
}

/// What was scheduled for the rectangle of the district was withdrawn before it began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BoundsChangesWithdrawn {
    /// Every change as of this moment or later is void.
    pub scheduled_from: DateTime<Utc>,
}
