//! The catalogue of matters as one document, as of a moment.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::Matter;

/// The catalogue of matters as of a moment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MattersDocument {
    /// The moment.
    pub at: DateTime<Utc>,
    /// The version of the rules by which the catalogue is what it is at that moment: it counts publications, and is 0 before
    /// the first one holds.
    pub rules_version: u32,
    /// The matters in force, by code.
    pub matters: Vec<Matter>,
}
