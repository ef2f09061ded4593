//! What was withdrawn before it was in force, so that a repeat can be told and no id is given twice.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{Calendar, ConsentRule};

/// What was withdrawn before it was in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Withdrawn {
    pub(crate) moments: BTreeSet<DateTime<Utc>>,
    /// Their ids stay theirs: due times may name them.
    pub(crate) calendars: Vec<Calendar>,
    pub(crate) consent_rules: Vec<ConsentRule>,
}
