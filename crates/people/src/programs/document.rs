//! The register as one document.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{GrantedAudience, Nkey, ProgramId, SourceName};

/// The register as it stood at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ProgramsDocument {
    /// The moment that the document shows.
    pub at: DateTime<Utc>,
    /// Every program that was registered by then, departments first, ordered by code and name; closed ones too.
    pub programs: Vec<Program>,
}

/// A program as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Program {
    pub id: ProgramId,
    /// Its public keys; none of a program that is closed.
    pub keys: BTreeSet<Nkey>,
    /// What it receives, where it is an integrator. A department receives its own orders.
    pub audiences: BTreeSet<GrantedAudience>,
    /// The sources whose numbers it hands in, where it is a connector and open.
    pub sources: BTreeSet<SourceName>,
    /// Why it was closed; null while it is open.
    pub closed: Option<String>,
}
