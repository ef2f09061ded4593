//! The events of the district. Each says from when on it holds, which need not be when it was recorded.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, GridCode, MatterCode, Role};
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
        PostAppointed = "cn.dualgrid.district.post_appointed.v1" to Internal,
        PostEnded = "cn.dualgrid.district.post_ended.v1" to Internal,
    }
}

/// A grid was established (G10: with the reason for it).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridEstablished {
    /// Its code.
    pub code: GridCode,
    /// Its name.
    pub name: String,
    /// The network it belongs to.
    pub network: Network,
    /// The grid above it; none for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GridCode>,
    /// Its depth: 1 is a root.
    pub level: u8,
    /// What the district calls that level.
    pub level_name: String,
    /// Households or organisations, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GridKind>,
    /// The party organisation it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_org: Option<PartyOrg>,
    /// Why it was drawn this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The levels of the whole tree, where this is a root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// A grid was described anew; its place in the tree stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridChanged {
    /// Its code.
    pub code: GridCode,
    /// Its name from now on.
    pub name: String,
    /// Households or organisations from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GridKind>,
    /// The party organisation from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_org: Option<PartyOrg>,
    /// The reason from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The levels of the whole tree from now on, where this is a root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// A grid was closed. Its children were moved or closed before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridClosed {
    /// Its code.
    pub code: GridCode,
    /// Why, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// A grid got another place in the tree, or its level was named or numbered anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridReparented {
    /// Its code.
    pub code: GridCode,
    /// The grid above it until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_parent: Option<GridCode>,
    /// The grid above it from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GridCode>,
    /// Its depth from now on.
    pub level: u8,
    /// The name of that level.
    pub level_name: String,
    /// Why, where it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// A department was registered with its list of authority.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentRegistered {
    /// Its code.
    pub code: DepartmentCode,
    /// Its name.
    pub name: String,
    /// The matters it owns.
    pub matters: BTreeSet<MatterCode>,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// The name or the list of authority of a department changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentChanged {
    /// Its code.
    pub code: DepartmentCode,
    /// Its name from now on.
    pub name: String,
    /// All matters it owns from now on.
    pub matters: BTreeSet<MatterCode>,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// A department ceased to exist.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentClosed {
    /// Its code.
    pub code: DepartmentCode,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// An administrative grid serves a party grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridsMapped {
    /// The party grid.
    pub party: GridCode,
    /// The administrative grid.
    pub administrative: GridCode,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// An administrative grid no longer serves a party grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GridsUnmapped {
    /// The party grid.
    pub party: GridCode,
    /// The administrative grid.
    pub administrative: GridCode,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}

/// Somebody took up a post.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostAppointed {
    /// Where.
    pub grid: GridCode,
    /// As what.
    pub role: Role,
    /// Staff id; never a name.
    pub holder: String,
    /// The department that lends the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentCode>,
    /// First moment of the term.
    pub effective_from: DateTime<Utc>,
    /// Planned end of the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}

/// Somebody left a post before, or without, its planned end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PostEnded {
    /// Where.
    pub grid: GridCode,
    /// As what.
    pub role: Role,
    /// Staff id; never a name.
    pub holder: String,
    /// From when on.
    pub effective_from: DateTime<Utc>,
}
