//! A grid at one moment.

use chrono::{DateTime, Utc};
use kernel::{GridCode, PartyOrgCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{NAME_LEN_MAX, TEXT_LEN_MAX};

/// One of the two networks (双网).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// 党建网格: discovers and deliberates.
    Party,
    /// 行政网格: responds and disposes.
    Administrative,
}

/// What a grid mostly contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GridKind {
    /// 居民区: households.
    Residential,
    /// 商务区、商务楼宇: member organisations instead of households.
    Business,
}

/// The party organisation (党组织) that a grid is bound to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartyOrg {
    pub code: PartyOrgCode,
    /// Its name, for example 居民区党总支.
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
    pub name: String,
}

/// The most levels of a tree.
pub const LEVELS_MAX: u8 = 8;

/// One level of a tree, from the root down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// What grids of this level are called, for example 微网格.
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
    pub name: String,
    /// Whether every grid of this level must be bound to a party organisation.
    #[serde(default)]
    pub party_org_required: bool,
    /// Whether grids of this level have the grid centre (街道网格中心) that receives and dispatches. At most one level of a
    /// tree has it; where none says so, the root has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub centre: bool,
    /// Purpose of the level, for example 加强党的建设.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub duty: Option<String>,
}

/// A grid at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GridNode {
    pub code: GridCode,
    pub name: String,
    pub network: Network,
    /// The grid above it; absent for a root.
    pub parent: Option<GridCode>,
    /// Depth in the tree: 1 for the root, at most 8.
    pub level: u8,
    /// The district's name for that level.
    pub level_name: String,
    /// Whether it mostly holds households or organisations.
    pub kind: Option<GridKind>,
    /// The party organisation it is bound to.
    pub party_org: Option<PartyOrg>,
    /// Reason for its boundary.
    pub reason: Option<String>,
    /// The levels of its tree; empty unless it is a root.
    pub levels: Vec<Level>,
    /// Start of validity.
    pub valid_from: DateTime<Utc>,
    /// When it was closed; `None` while it is active.
    pub valid_until: Option<DateTime<Utc>>,
}
