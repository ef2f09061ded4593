//! A department and the matters that it owns.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{DepartmentCode, MatterCode};
use schemars::JsonSchema;
use serde::Serialize;

/// The time during which a department owns a matter: `from` included, `until` excluded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Ownership {
    pub matter: MatterCode,
    pub from: DateTime<Utc>,
    /// End of the ownership; `None` while it lasts.
    pub until: Option<DateTime<Utc>>,
}

/// An administrative department (专业部门) at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Department {
    pub code: DepartmentCode,
    pub name: String,
    /// Its list of authority (权责清单), with former entries.
    pub ownerships: Vec<Ownership>,
}

impl Department {
    /// Whether the matter is on its list of authority at that moment.
    pub fn owns(&self, matter: &MatterCode, at: DateTime<Utc>) -> bool {
        self.ownerships
            .iter()
            .any(|own| own.matter == *matter && own.from <= at && own.until.is_none_or(|until| at < until))
    }

    /// The matters that it owns at that moment.
    pub fn matters(&self, at: DateTime<Utc>) -> BTreeSet<MatterCode> {
        self.ownerships.iter().map(|own| &own.matter).filter(|matter| self.owns(matter, at)).cloned().collect()
    }

    /// The same department, owning exactly `matters` from `from` on.
    pub(crate) fn owning(mut self, matters: &BTreeSet<MatterCode>, from: DateTime<Utc>) -> Self {
        for own in self.ownerships.iter_mut().filter(|own| own.until.is_none() && !matters.contains(&own.matter)) {
            own.until = Some(from);
        }
        let held = self.matters(from);
        let gained = matters.difference(&held).cloned();
        self.ownerships.extend(gained.map(|matter| Ownership { matter, from, until: None }));
        self
    }
}
