//! A district on which a command tries out its events before it gives them away.

use chrono::{DateTime, Utc};

use crate::{District, DistrictEvent, Refusal};

/// The district as it would be, and the events that lead there.
pub(crate) struct Draft {
    pub(crate) district: District,
    events: Vec<DistrictEvent>,
}

impl Draft {
    /// A draft with nothing changed yet.
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

    /// The events, if the trees hold from that moment on.
    pub(crate) fn finish(self, from: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        if !self.events.is_empty() {
            self.district.check_trees(from)?;
        }
        Ok(self.events)
    }
}

/// Refuses a change before the last one that is known.
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
