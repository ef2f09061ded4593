//! The description of a whole district, as written in a file.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::facts::Bounds;
use kernel::{DepartmentCode, GridCode, MatterCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{
    DEPARTMENTS_MAX, GRIDS_MAX, MAPPINGS_MAX, MATTERS_MAX, NAME_LEN_MAX, PARTS_MAX, TEXT_LEN_MAX, TREES_MAX,
};
use crate::node::LEVELS_MAX;
use crate::{GridKind, GridPart, Level, Network, PartyOrg};

/// The whole district as of one moment. Also the body of `load-district`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistrictDescription {
    /// The moment from which the description is valid.
    pub effective_from: DateTime<Utc>,
    /// The levels of each tree, one entry per root.
    #[serde(default)]
    #[schemars(length(max = TREES_MAX))]
    pub levels: Vec<LevelPlan>,
    /// Every grid of both networks, in any order.
    #[serde(default)]
    #[schemars(length(max = GRIDS_MAX))]
    pub grids: Vec<GridSpec>,
    /// Who takes over from grids that are closed because they are described no more. A row is needed only where that is not the
    /// nearest grid above that stays, and for roots.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = GRIDS_MAX))]
    pub closings: Vec<ClosingSpec>,
    #[serde(default)]
    #[schemars(length(max = DEPARTMENTS_MAX))]
    pub departments: Vec<DepartmentSpec>,
    /// Which administrative grids serve which party grid.
    #[serde(default)]
    #[schemars(length(max = MAPPINGS_MAX))]
    pub mappings: Vec<Mapping>,
    /// The rectangle in which every place of the district lies. A place outside it is refused where an issue is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// How many grids, departments and entries of the map may be closed or ended because they are not described; 0 where it is not
    /// given. A successor in the map of the same grid ends nothing.
    #[serde(default, skip_serializing_if = "is_none_allowed")]
    pub allow_closing: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_none_allowed(allow_closing: &u32) -> bool {
    *allow_closing == 0
}

/// The levels of one tree, from its root down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelPlan {
    pub root: GridCode,
    /// Its levels, 1 to 8; the first is that of the root.
    #[schemars(length(max = LEVELS_MAX))]
    pub levels: Vec<Level>,
}

/// The intended state of a grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridSpec {
    /// Unique in both networks.
    pub code: GridCode,
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
    pub name: String,
    pub network: Network,
    /// The grid above it; absent for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GridCode>,
    /// The name of its level: the one directly below the level of its parent.
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
    pub level: String,
    /// Whether it mostly holds households or organisations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GridKind>,
    /// The party organisation it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_org: Option<PartyOrg>,
    /// Reason for its boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub reason: Option<String>,
}

/// How a grid is closed that is described no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClosingSpec {
    /// The grid that is closed.
    pub grid: GridCode,
    /// The grid that takes over its open cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<GridCode>,
    /// Parts of it that other grids take over, at most 100. The first one that contains the place of a case counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = PARTS_MAX))]
    pub parts: Vec<GridPart>,
    /// Why it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub reason: Option<String>,
}

/// The intended state of a department.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DepartmentSpec {
    pub code: DepartmentCode,
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
    pub name: String,
    /// The matters on its list of authority.
    #[serde(default)]
    #[schemars(length(max = MATTERS_MAX))]
    pub matters: BTreeSet<MatterCode>,
}

/// One entry of the map between the networks (N:M).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    pub party: GridCode,
    /// An administrative grid that serves it.
    pub administrative: GridCode,
}
