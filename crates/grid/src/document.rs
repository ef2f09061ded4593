//! The district as one document.

use chrono::{DateTime, Utc};
use kernel::facts::Bounds;
use kernel::{DepartmentCode, MatterCode};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{GridNode, Mapping};

/// The district as it is at one moment.
///
/// Everybody who works in the district may read it. Who holds which post is in the register of persons.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct DistrictDocument {
    /// The moment that the document shows.
    pub at: DateTime<Utc>,
    /// The active grids of both networks, ordered by code.
    pub grids: Vec<GridNode>,
    /// The active departments, ordered by code.
    pub departments: Vec<DepartmentEntry>,
    /// The map between the networks (党建–行政): which administrative grids serve which party grid, ordered by code.
    pub mappings: Vec<Mapping>,
    /// The rectangle in which every place of the district lies; null where none was drawn.
    pub bounds: Option<Bounds>,
}

/// A department as it is at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DepartmentEntry {
    pub code: DepartmentCode,
    pub name: String,
    /// The matters on its list of authority (权责清单), ordered by code.
    pub matters: Vec<MatterCode>,
}
