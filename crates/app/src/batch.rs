//! Consecutive events of the log, each decoded once for all who read them.

use kernel::{AnyEvent, Position, Read, Recorded};

use crate::event::{Decode, Unreadable};
use crate::port::{EventLog, Failure};

/// Consecutive events, and what was decoded of those that somebody wants.
#[derive(Default)]
pub struct Batch {
    recorded: Vec<Recorded>,
    events: Vec<Option<Result<AnyEvent, Unreadable>>>,
}

impl Batch {
    /// Reads at most `limit` events after a position, and decodes those of the wanted categories.
    ///
    /// # Errors
    /// Where the log is out of reach. An event that cannot be decoded stops only those who want it.
    pub async fn read(
        log: &dyn EventLog,
        decode: Decode,
        wanted: &[&'static str],
        after: Position,
        limit: usize,
    ) -> Result<Self, Failure> {
        let recorded = log.after(after, limit).await?;
        let is_wanted = |event: &Recorded| wanted.contains(&event.stream.category());
        let events = recorded.iter().map(|event| is_wanted(event).then(|| decode(event))).collect();
        Ok(Self { recorded, events })
    }

    /// How many events it has; none at the end of the log.
    pub fn len(&self) -> usize {
        self.recorded.len()
    }

    /// Whether the log had no more.
    pub fn is_empty(&self) -> bool {
        self.recorded.is_empty()
    }

    /// Position of its last event.
    pub fn last(&self) -> Option<Position> {
        self.recorded.last().map(|event| event.position)
    }

    /// The events of these categories after a position, up to the first one that cannot be read.
    pub fn of(&self, categories: &[&'static str], after: Position) -> Part<'_> {
        let mut part = Part { events: Vec::new(), unreadable: None };
        for (recorded, event) in self.recorded.iter().zip(&self.events) {
            if recorded.position <= after || !categories.contains(&recorded.stream.category()) {
                continue;
            }
            match event {
                Some(Ok(event)) => part.events.push(Read::new(recorded, &**event)),
                Some(Err(unreadable)) => {
                    part.unreadable = Some(unreadable);
                    break;
                }
                None => {}
            }
        }
        part
    }
}

/// The events of a batch that one view folds.
pub struct Part<'a> {
    pub events: Vec<Read<'a>>,
    /// The event before which the view stops.
    pub unreadable: Option<&'a Unreadable>,
}
