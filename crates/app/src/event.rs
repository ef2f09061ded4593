//! A recorded event, read: of whichever aggregate it is.

use case::CaseEvent;
use grid::DistrictEvent;
use kernel::event::ReadError;
use kernel::{CaseId, Event, Recorded, envelope};
use rules::RulesEvent;

/// An event of any aggregate.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyEvent {
    /// Of a case.
    Case(Box<CaseEvent>),
    /// Of the district.
    District(DistrictEvent),
    /// Of the rules.
    Rules(RulesEvent),
}

/// Why a recorded event cannot be read. A reader stops here.
#[derive(Debug, thiserror::Error)]
#[error("event {position} cannot be read: {reason}")]
pub struct Unreadable {
    /// The event.
    pub position: kernel::Position,
    /// Why.
    pub reason: String,
}

/// A recorded event with its data read.
#[derive(Clone, Debug)]
pub struct Read<'a> {
    /// As recorded.
    pub recorded: &'a Recorded,
    /// The event itself.
    pub event: AnyEvent,
}

impl Read<'_> {
    /// The case it belongs to, if it is of a case.
    pub fn case(&self) -> Option<(CaseId, &CaseEvent)> {
        match &self.event {
            AnyEvent::Case(event) => Some((CaseId::new(self.recorded.stream.id()), event)),
            _ => None,
        }
    }
}

/// Reads an event of one aggregate.
pub fn read_as<E: Event>(recorded: &Recorded) -> Result<E, Unreadable> {
    let unreadable = |reason: String| Unreadable { position: recorded.position, reason };
    let envelope = envelope::decode(&recorded.bytes).map_err(|error| unreadable(error.to_string()))?;
    E::read(&recorded.kind, envelope.data.get()).map_err(|error| {
        unreadable(match error {
            ReadError::UnknownType(_) => error.to_string(),
            ReadError::Data { source, .. } => source.to_string(),
        })
    })
}

/// Reads an event of whichever aggregate its stream belongs to.
pub fn read(recorded: &Recorded) -> Result<Read<'_>, Unreadable> {
    let event = match recorded.stream.category() {
        CaseEvent::CATEGORY => AnyEvent::Case(Box::new(read_as(recorded)?)),
        DistrictEvent::CATEGORY => AnyEvent::District(read_as(recorded)?),
        RulesEvent::CATEGORY => AnyEvent::Rules(read_as(recorded)?),
        other => {
            let reason =
                format!("no aggregate has streams of category {other:?}; a newer dualgrid may have written it");
            return Err(Unreadable { position: recorded.position, reason });
        }
    };
    Ok(Read { recorded, event })
}

impl From<Unreadable> for crate::Error {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error.to_string())
    }
}
