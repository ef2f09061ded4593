//! The register as one document.

use chrono::{DateTime, Utc};
use kernel::DepartmentCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::register::State;
use super::{PersonCode, Persons, Post};

/// The register as it stood at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PersonsDocument {
    /// The moment that the document shows.
    pub at: DateTime<Utc>,
    /// Every person who was entered by then, ordered by id; those who have left too.
    pub persons: Vec<PersonShown>,
}

/// A person as they stand. Nobody is named: the register shows ids.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PersonShown {
    pub id: PersonCode,
    pub standing: Standing,
    /// Why they were suspended, reinstated or ended last; null where they were not.
    pub reason: Option<String>,
    /// Since when they stand so, or the department is so.
    pub since: DateTime<Utc>,
    /// The department that lends them (派出单位).
    pub seconded_by: Option<DepartmentCode>,
    /// Tokens and sessions that were issued before this moment are refused; null where none are.
    pub sessions_from: Option<DateTime<Utc>>,
    /// The posts that are in force or to come.
    pub posts: Vec<Post>,
}

/// Whether a person can act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They act in the posts that are in force.
    Active,
    /// They cannot act, for a while.
    Suspended,
    /// They have left.
    Ended,
}

impl Persons {
    /// The register as of `at`.
    pub(super) fn document(&self, at: DateTime<Utc>) -> PersonsDocument {
        let shown = |(id, person): (&PersonCode, &super::register::Person)| {
            let (since, standing) = person.standings.iter().rev().find(|(from, _)| *from <= at)?;
            let (is, reason) = match &standing.state {
                State::Active { reinstated } => (Standing::Active, reinstated.clone()),
                State::Suspended { reason } => (Standing::Suspended, Some(reason.clone())),
                State::Ended { reason } => (Standing::Ended, Some(reason.clone())),
            };
            Some(PersonShown {
                id: id.clone(),
                standing: is,
                reason,
                since: *since,
                seconded_by: standing.seconded_by.clone(),
                sessions_from: person.sessions_from.filter(|from| *from <= at),
                posts: person.open_posts(at).cloned().collect(),
            })
        };
        PersonsDocument { at, persons: self.persons.iter().filter_map(shown).collect() }
    }
}
