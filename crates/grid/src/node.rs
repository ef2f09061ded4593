//! A grid as it is at one time.

use chrono::{DateTime, Utc};
use kernel::{GridCode, PartyOrgCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the two networks (双网).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// 党建网格: discovers and deliberates.
    Party,
    /// 行政网格: responds and disposes.
    Administrative,
}

/// What a grid mostly consists of.
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
    /// Its code.
    pub code: PartyOrgCode,
    /// Its name, for example 居民区党总支.
    pub name: String,
}

/// One level of a tree, from the root down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// What grids of this level are called, for example 微网格.
    pub name: String,
    /// Whether every grid of this level must be bound to a party organisation.
    #[serde(default)]
    pub party_org_required: bool,
    /// What the level is there for, for example 加强党的建设.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duty: Option<String>,
}

/// A grid as it is at one time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GridNode {
    /// Its code.
    pub code: GridCode,
    /// Its name.
    pub name: String,
    /// The network it belongs to.
    pub network: Network,
    /// The grid above it; none for a root.
    pub parent: Option<GridCode>,
    /// Its depth: 1 is a root.
    pub level: u8,
    /// What the district calls that level.
    pub level_name: String,
    /// Households or organisations, where it matters.
    pub kind: Option<GridKind>,
    /// The party organisation it is bound to.
    pub party_org: Option<PartyOrg>,
    /// Why it was drawn this way.
    pub reason: Option<String>,
    /// The levels of the whole tree, where this is a root; empty otherwise.
    pub levels: Vec<Level>,
    /// When it was established.
    pub valid_from: DateTime<Utc>,
    /// When it was closed.
    pub valid_until: Option<DateTime<Utc>>,
}
