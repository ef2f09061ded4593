//! Events that the stream holds and the log does not: the log went back in time, and this is their only copy.
//!
//! The publisher deletes nothing then. It says what it found and halts the log, in which every process obeys, until an operator
//! has brought the events back or accepted that they are lost.

use app::losses::{accepted, read};
use app::port::Lost;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Info, State};
use chrono::DateTime;
use kernel::{EventId, Position, Recorded, StreamId, Version, envelope};

use super::Publisher;
use crate::Error;
use crate::header::POSITION;
use crate::stream;
use crate::subject::subject_of;

/// What the stream holds beside the log.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The epoch of the log that the stream holds.
    pub epoch: u32,
    /// The last position up to which stream and log agree.
    pub common: Position,
    /// The events after it that the log does not have at these positions.
    pub events: Vec<Recorded>,
}

impl Publisher {
    /// What the stream holds and the log does not. `None` where there is no stream.
    ///
    /// # Errors
    /// Where NATS or the log does not answer, or the stream belongs to another installation.
    pub async fn beside_the_log(&self) -> Result<Option<Beside>, Error> {
        let Some(stream) = stream::find(&self.jetstream).await? else { return Ok(None) };
        let found = stream.cached_info();
        self.origin().await?.refuse_foreign(&found.config)?;
        let common = self.common_prefix(&found.state).await?;
        let mut events = Vec::new();
        let mut from = common;
        while let Some(event) = self.next_lost(from, &found.state).await? {
            from = event.position;
            events.push(event);
        }
        Ok(Some(Beside { epoch: stream::epoch(&found.config), common, events }))
    }

    /// Halts the log if the stream holds events that the log does not have. `prefix`: how far they are known to agree.
    pub(super) async fn stop_where_events_are_lost(&self, state: &State, prefix: Position) -> Result<(), Error> {
        let Some(first) = self.next_lost(prefix, state).await? else { return Ok(()) };
        let lost = Lost { after: Position(first.position.0 - 1), to: Position(state.last_sequence) };
        Err(self.halt(lost).await?)
    }

    /// The stream belongs to a later epoch than the log: nothing is published from here.
    pub(super) async fn stop_in_older_epoch(&self, found: &Info) -> Result<Error, Error> {
        let prefix = self.common_prefix(&found.state).await?;
        let first = self.next_lost(prefix, &found.state).await?;
        let head = self.log.head().await?;
        let lost = first.map_or(Lost { after: head, to: head }, |first| Lost {
            after: Position(first.position.0 - 1),
            to: Position(found.state.last_sequence),
        });
        self.halt(lost).await
    }

    async fn halt(&self, lost: Lost) -> Result<Error, Error> {
        let losses = read(&*self.log).await?;
        self.log.halt(lost, accepted(&losses)).await?;
        Ok(Error::WentBack(lost))
    }

    /// The first message after `from` that is an event, and not the one at its position of the log.
    async fn next_lost(&self, from: Position, state: &State) -> Result<Option<Recorded>, Error> {
        for sequence in from.0 + 1..=state.last_sequence {
            let Some(message) = self.message(sequence).await? else { continue };
            if let Some(event) = event_in(sequence, &message)
                && !self.is_its_event(sequence, &message).await?
            {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }
}

/// The event in a message, if it is one that a publisher may have sent: its envelope, its subject and its position fit.
fn event_in(sequence: u64, message: &StreamMessage) -> Option<Recorded> {
    let position = message.headers.get(POSITION)?.as_str().parse().ok()?;
    let envelope = envelope::decode(&message.payload).ok()?;
    let event = Recorded {
        position: Position(position),
        stream: StreamId::clone(&envelope.subject),
        version: Version(envelope.streamversion.0),
        id: EventId::new(envelope.id.uuid()),
        kind: envelope.kind.clone().into_owned(),
        time: DateTime::parse_from_rfc3339(&envelope.time).ok()?.to_utc(),
        bytes: message.payload.clone(),
    };
    let fits = position == sequence && subject_of(&event).is_ok_and(|subject| subject == message.subject.as_str());
    fits.then_some(event)
}
