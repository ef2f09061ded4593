//! The description of a whole district, as a person writes it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, GridCode, MatterCode, Role};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{GridKind, Level, Network, PartyOrg};

/// The whole district as of one date. Also the body of `load-district`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistrictDescription {
    /// From when on the district is like this.
    pub effective_from: DateTime<Utc>,
    /// The levels of each tree.
    #[serde(default)]
    pub levels: Vec<LevelPlan>,
    /// Every grid of both networks, in any order.
    #[serde(default)]
    pub grids: Vec<GridSpec>,
    /// Every department.
    #[serde(default)]
    pub departments: Vec<DepartmentSpec>,
    /// Which party grid lies in which administrative grid.
    #[serde(default)]
    pub mappings: Vec<Mapping>,
    /// Every post that is held.
    #[serde(default)]
    pub posts: Vec<PostSpec>,
}

impl DistrictDescription {
    /// The keys of a description, for taking it out of a file that also holds rules.
    pub const KEYS: &'static [&'static str] =
        &["effective_from", "levels", "grids", "departments", "mappings", "posts"];
}

/// The levels of one tree, from its root down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelPlan {
    /// The root of the tree.
    pub root: GridCode,
    /// Its levels; the first is the root's own.
    pub levels: Vec<Level>,
}

/// A grid as it is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GridSpec {
    /// Its code, unique in both networks.
    pub code: GridCode,
    /// Its name.
    pub name: String,
    /// The network it belongs to.
    pub network: Network,
    /// The grid above it; none for a root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GridCode>,
    /// The name of its level; it must be the level right below that of its parent.
    pub level: String,
    /// Households or organisations, where it matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GridKind>,
    /// The party organisation it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub party_org: Option<PartyOrg>,
    /// Why it is drawn this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A department as it is to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DepartmentSpec {
    /// Its code.
    pub code: DepartmentCode,
    /// Its name.
    pub name: String,
    /// Its list of authority.
    #[serde(default)]
    pub matters: BTreeSet<MatterCode>,
}

/// One line of the map between the networks (N:M).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The party grid.
    pub party: GridCode,
    /// An administrative grid that serves it.
    pub administrative: GridCode,
}

/// A post as it is to be held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostSpec {
    /// Where.
    pub grid: GridCode,
    /// As what.
    pub role: Role,
    /// Staff id; never a name.
    pub holder: String,
    /// The department that lends the holder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentCode>,
    /// First moment of the term; otherwise the date of the description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<DateTime<Utc>>,
    /// Planned end of the term.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
}
