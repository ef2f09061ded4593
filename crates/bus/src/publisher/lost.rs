//! Events that the stream holds and the log does not: the log went back in time, and this is their only copy.
//!
//! The publisher deletes nothing then. It says what it found and halts the log, in which every process obeys, until an operator
//! has brought the events back or accepted that they are lost. A process without a publisher looks at the epoch of the stream now and then.
//!
//! A message counts as such an event only if the log could have recorded it there. Nothing proves that it did: whoever has the password
//! of the core can read the stream and write what follows.

use std::collections::HashSet;
use std::convert::Infallible;

use app::losses::{accepted, read};
use app::port::Lost;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Info, State};
use chrono::DateTime;
use kernel::{EventId, Position, Recorded, StreamId, Version, envelope};
use tokio::time::sleep;

use super::Publisher;
use crate::error::chain;
use crate::header::{CONTINUES, POSITION};
use crate::subject::subject_of;
use crate::{Error, stream};

/// What the stream holds beside the log.
#[derive(Clone, Debug)]
pub struct Beside {
    /// The epoch of the log that the stream holds.
    pub epoch: u32,
    /// The last position up to which stream and log agree.
    pub common: Position,
    /// The events after it that the log does not have at these positions.
    pub events: Vec<Recorded>,
    /// Whether the last of them is not the last one of its command, whose other events are nowhere.
    pub is_halved: bool,
    /// How many messages after the common ones are nothing that the log could have recorded there.
    pub foreign: u64,
    /// The first event of the log for which the stream was made, if this log begins with another one. It is then the copy of
    /// another log: of an earlier one of this installation, or of an installation of the same name.
    pub other_log: Option<String>,
}

/// A look through the messages after those that stream and log have in common.
struct Search {
    common: Position,
    /// The versions of streams that were found so far.
    found: HashSet<(StreamId, Version)>,
}

/// What is at a place of the stream.
enum Met {
    /// The event of the log, or nothing.
    Nothing,
    Lost(Box<Recorded>, bool),
    /// What the log could not have recorded there.
    Foreign,
}

impl Publisher {
    /// What the stream holds and the log does not. `None` where there is no stream.
    ///
    /// # Errors
    /// Where NATS or the log does not answer, or the stream belongs to another installation.
    pub async fn beside_the_log(&self) -> Result<Option<Beside>, Error> {
        let Some(stream) = stream::find(&self.jetstream).await? else { return Ok(None) };
        let info = stream.cached_info();
        let origin = self.origin().await?;
        origin.refuse_foreign(&info.config)?;
        let common = self.common_prefix(&info.state).await?;
        let epoch = stream::epoch(&info.config);
        let other_log = origin.other_first_event(&info.config);
        let mut beside = Beside { epoch, common, events: Vec::new(), is_halved: false, foreign: 0, other_log };
        let mut search = Search { common, found: HashSet::new() };
        for sequence in common.0 + 1..=info.state.last_sequence {
            match self.meet(sequence, &mut search).await? {
                Met::Nothing => {}
                Met::Foreign => beside.foreign += 1,
                Met::Lost(event, continues) => {
                    beside.events.push(*event);
                    beside.is_halved = continues;
                }
            }
        }
        Ok(Some(beside))
    }

    /// Looks now and then at the epoch of the stream, for a process that takes commands and does not publish: where it is higher than
    /// that of the log, the log is an older one and is halted. NATS may be away.
    pub async fn watch_epoch(&self) -> Infallible {
        loop {
            self.connection.connected().await;
            if let Err(error) = self.look_at_epoch().await {
                tracing::warn!(reason = chain(&error), "looked whether NATS has a later epoch of the log");
            }
            sleep(self.options.check_every).await;
        }
    }

    async fn look_at_epoch(&self) -> Result<(), Error> {
        if self.log.lost().await?.is_some() {
            return Ok(());
        }
        // The stream first: its epoch is raised after that of the log.
        let Some(stream) = stream::find(&self.jetstream).await? else { return Ok(()) };
        let (found, accepted) = (stream.cached_info(), self.accepted().await?);
        let origin = self.origin().await?;
        if stream::epoch(&found.config) <= origin.epoch {
            return Ok(());
        }
        origin.refuse_foreign(&found.config)?;
        Err(self.stop_in_older_epoch(found, accepted).await?)
    }

    /// How often losses were accepted: to be asked for before what is decided on.
    pub(super) async fn accepted(&self) -> Result<Version, Error> {
        Ok(accepted(&read(&*self.log).await?))
    }

    /// Halts the log if the stream holds events that the log does not have. `prefix`: how far they are known to agree.
    pub(super) async fn stop_where_events_are_lost(
        &self,
        state: &State,
        prefix: Position,
        accepted: Version,
    ) -> Result<(), Error> {
        let Some(first) = self.first_lost(prefix, state).await? else { return Ok(()) };
        let lost = Lost { after: Position(first.0 - 1), to: Position(state.last_sequence) };
        Err(self.halt(lost, accepted).await?)
    }

    /// The stream belongs to a later epoch than the log: nothing is published from here.
    pub(super) async fn stop_in_older_epoch(&self, found: &Info, accepted: Version) -> Result<Error, Error> {
        let prefix = self.common_prefix(&found.state).await?;
        let first = self.first_lost(prefix, &found.state).await?;
        let head = self.log.head().await?;
        let lost = first.map_or(Lost { after: head, to: head }, |first| Lost {
            after: Position(first.0 - 1),
            to: Position(found.state.last_sequence),
        });
        self.halt(lost, accepted).await
    }

    /// Nothing happens where another loss was accepted meanwhile.
    async fn halt(&self, lost: Lost, accepted: Version) -> Result<Error, Error> {
        self.log.halt(lost, accepted).await?;
        Ok(Error::WentBack(lost))
    }

    /// The position of the first event after `common` that the log does not have there.
    async fn first_lost(&self, common: Position, state: &State) -> Result<Option<Position>, Error> {
        let mut search = Search { common, found: HashSet::new() };
        for sequence in common.0 + 1..=state.last_sequence {
            if let Met::Lost(event, _) = self.meet(sequence, &mut search).await? {
                return Ok(Some(event.position));
            }
        }
        Ok(None)
    }

    async fn meet(&self, sequence: u64, search: &mut Search) -> Result<Met, Error> {
        let Some(message) = self.message(sequence).await? else { return Ok(Met::Nothing) };
        if self.is_its_event(sequence, &message).await? {
            return Ok(Met::Nothing);
        }
        let Some(event) = event_in(sequence, &message) else { return Ok(Met::Foreign) };
        if !self.could_be_recorded(&event, search).await? {
            return Ok(Met::Foreign);
        }
        search.found.insert((event.stream.clone(), event.version));
        Ok(Met::Lost(Box::new(event), message.headers.get(CONTINUES).is_some()))
    }

    /// Whether a log that agrees with ours up to the common position could have an event there: its version follows one that is in the
    /// log or was found, and is not taken by a common event. In doubt it could.
    async fn could_be_recorded(&self, event: &Recorded, search: &Search) -> Result<bool, Error> {
        let Version(version) = event.version;
        if search.found.contains(&(event.stream.clone(), Version(version.saturating_sub(1)))) {
            return Ok(true);
        }
        let near = self.log.stream(&event.stream, Version(version.saturating_sub(2))).await?;
        let is_before = |known: &Recorded| known.version.0 + 1 == version && known.position < event.position;
        let takes = |known: &Recorded| known.version.0 == version && known.position <= search.common;
        Ok((version == 1 || near.iter().any(is_before)) && !near.iter().any(takes))
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
    let is_of_its_stream = event.kind.split('.').nth(2) == Some(event.stream.category());
    let fits = position == sequence
        && event.version > Version(0)
        && is_of_its_stream
        && subject_of(&event).is_ok_and(|subject| subject == message.subject.as_str());
    fits.then_some(event)
}
