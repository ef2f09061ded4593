//! A copy of the district to which a command applies its events before it returns them.

use chrono::{DateTime, Utc};

use crate::{District, DistrictEvent, Refusal};

/// The district after the events recorded so far, and those events.
pub(crate) struct Draft {
    pub(crate) district: District,
    events: Vec<DistrictEvent>,
}

impl Draft {
    /// A draft without changes.
    pub(crate) fn of(district: &District) -> Self {
        Self { district: district.clone(), events: vec![] }
    }

    /// Adds one event.
    pub(crate) fn record(&mut self, event: impl Into<DistrictEvent>) {
        let event = event.into();
        self.events.push(event.clone());
        self.district.apply(event);
    }

    /// Adds the events of a command that was decided on this draft.
    pub(crate) fn record_all(&mut self, events: Vec<DistrictEvent>) {
        for event in events {
            self.record(event);
        }
    }

    /// The events, if every tree is valid from that moment on, and whatever is open belongs to a grid.
    pub(crate) fn finish(self, from: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        if !self.events.is_empty() {
            self.district.check_trees(from)?;
            self.district.check_seats(from)?;
        }
        Ok(self.events)
    }
}

/// Refuses a change that is earlier than the last known one.
pub(crate) fn check_order(
    what: impl std::fmt::Display,
    last: Option<DateTime<Utc>>,
    from: DateTime<Utc>,
) -> Result<(), Refusal> {
    match last {
        Some(last) if from < last => Err(Refusal::OutOfOrder { what: what.to_string(), last }),
        _ => Ok(()),
    }
}
