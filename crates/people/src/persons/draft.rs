//! A copy of the register to which a description applies its events before it returns them.

use kernel::Aggregate as _;

use super::{Persons, PersonsEvent};

/// The register after the events recorded so far, and those events.
pub(super) struct Draft {
    pub(super) persons: Persons,
    pub(super) events: Vec<PersonsEvent>,
}

impl Draft {
    /// A draft without changes.
    pub(super) fn of(persons: &Persons) -> Self {
        Self { persons: persons.clone(), events: vec![] }
    }

    /// Adds one event.
    pub(super) fn record(&mut self, event: impl Into<PersonsEvent>) {
        let event = event.into();
        self.events.push(event.clone());
        self.persons = std::mem::take(&mut self.persons).evolve(event);
    }
}
