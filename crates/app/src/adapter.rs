//! The one place where dualgrid meets esrs: a kind as esrs sees an aggregate, and a store handle made for one command.
//!
//! The handle does not write. It collects what is persisted as a [`Part`] of one append, so that a command that concerns
//! several aggregates is recorded in one transaction, once the last of them has decided.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use esrs::AggregateState;
use esrs::manager::AggregateManager;
use esrs::store::{EventStore, EventStoreLockGuard, StoreEvent};
use kernel::envelope::{self, EVENT_BYTES_MAX, Header, Provenance};
use kernel::{Aggregate, Context, Difference, Entropy, Event, EventId, GridCode, StreamId, Version};
use uuid::Uuid;

use crate::Error;
use crate::memory::Seen;
use crate::port::{Failure, NewEvent, Part};

/// How far the clock may be behind the newest event of a stream: two machines never agree quite.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);

/// What is recorded beside the events of one command.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Actor, command, correlation and trace.
    pub provenance: Provenance,
    /// When the command is handled; the time of its events.
    pub at: DateTime<Utc>,
}

/// Why a handle did not collect.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The clock is behind the newest event of the stream by more than is tolerated (5 seconds).
    #[error("the clock says {now}, but the newest event of {stream} is of {newest}")]
    ClockWentBack { stream: StreamId, newest: DateTime<Utc>, now: DateTime<Utc> },
    /// A decision made an event that cannot be recorded.
    #[error("an event of {stream} cannot be recorded: {reason}")]
    Unrecordable { stream: StreamId, reason: String },
    /// The command says more than one event can hold.
    #[error(
        "the event {event} would have {bytes} bytes and at most {EVENT_BYTES_MAX} can be published: send less, or spread it over \
         several entries"
    )]
    TooLarge { event: &'static str, bytes: usize },
    /// `load`, `delete` and `lock` of esrs: states are handed in, a log deletes nothing, and decisions are optimistic.
    #[error("a handle for one command does not {0}")]
    NotSupported(&'static str),
}

impl From<CollectError> for Error {
    fn from(error: CollectError) -> Self {
        match error {
            CollectError::ClockWentBack { .. } => Self::ClockWentBack(error.to_string()),
            CollectError::TooLarge { .. } => {
                Self::Malformed { status: 413, code: "event-too-large", detail: error.to_string() }
            }
            CollectError::Unrecordable { .. } | CollectError::NotSupported(_) => {
                Self::Failure(Failure { operation: "decide a command", reason: error.to_string(), passing: false })
            }
        }
    }
}

/// A kind as esrs sees an aggregate.
struct Adapted<A>(PhantomData<fn() -> A>);

/// A command with everything that its decision may know.
struct Instruction<A: Aggregate> {
    command: A::Command,
    context: Context,
}

impl<A: Aggregate> esrs::Aggregate for Adapted<A> {
    const NAME: &'static str = A::Event::CATEGORY;
    type State = A;
    type Command = Instruction<A>;
    type Event = A::Event;
    type Error = A::Refusal;

    fn handle_command(state: &A, instruction: Instruction<A>) -> Result<Vec<A::Event>, A::Refusal> {
        state.decide(&instruction.command, &instruction.context)
    }

    fn apply_event(state: A, event: A::Event) -> A {
        state.evolve(event)
    }
}

/// Decides a command on an aggregate. Returns the aggregate after it, what is to be recorded of it, and what that changes.
///
/// # Errors
/// A refusal of the domain, or [`CollectError`].
pub async fn decide<A: Aggregate>(
    seen: &Seen<A>,
    command: A::Command,
    context: Context,
    recording: &Recording,
    entropy: &Arc<dyn Entropy>,
) -> Result<(A, Part, Vec<Difference>), Error> {
    let (id, collected) = (context.id, Arc::new(Mutex::new(None)));
    let handle = Handle {
        recording: recording.clone(),
        newest: seen.newest,
        entropy: Arc::clone(entropy),
        collected: Arc::clone(&collected),
        aggregate: PhantomData,
    };
    let state = aggregate_state(seen, id)?;
    let decided = AggregateManager::new(handle).handle_command(state, Instruction { command, context }).await?;
    let state = decided.map_err(|refusal| Error::refused(&refusal))?;
    let part = collected.lock().unwrap_or_else(PoisonError::into_inner).take();
    let nothing = || CollectError::NotSupported("decide without persisting");
    let Collected { part, differences } = part.ok_or_else(nothing)?;
    Ok((state, part, differences))
}

/// An aggregate as esrs has it.
fn aggregate_state<A: Aggregate>(seen: &Seen<A>, id: Uuid) -> Result<AggregateState<A>, Error> {
    let number = sequence_number(seen.version).ok_or_else(|| too_many(id))?;
    let state = AggregateState::with_id(id);
    if number == 0 {
        return Ok(state);
    }
    // esrs sets the number of a state only where it applies an event: this one stands for all of them.
    let all = store_event(id, id, (), seen.newest.unwrap_or_default(), number);
    Ok(state.apply_store_events(vec![all], |_, ()| seen.state.clone()))
}

/// A version as esrs counts.
fn sequence_number(version: Version) -> Option<i32> {
    i32::try_from(version.0).ok()
}

fn too_many(id: Uuid) -> Error {
    Error::Unreadable(format!("{id} has more events than esrs can count"))
}

fn store_event<E>(id: Uuid, aggregate_id: Uuid, payload: E, at: DateTime<Utc>, sequence_number: i32) -> StoreEvent<E> {
    StoreEvent { id, aggregate_id, payload, occurred_on: at, sequence_number, version: None }
}

/// What one command leads to on one aggregate.
struct Collected {
    part: Part,
    differences: Vec<Difference>,
}

/// A store handle for one command on one aggregate.
struct Handle<A> {
    recording: Recording,
    /// Time of the newest event of the stream.
    newest: Option<DateTime<Utc>>,
    entropy: Arc<dyn Entropy>,
    collected: Arc<Mutex<Option<Collected>>>,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate> Handle<A> {
    /// The time of the events: that of the command, unless the stream is ahead by a little.
    fn event_time(&self, stream: &StreamId) -> Result<DateTime<Utc>, CollectError> {
        let now = self.recording.at;
        match self.newest {
            Some(newest) if newest.signed_duration_since(now) > CLOCK_TOLERANCE => {
                Err(CollectError::ClockWentBack { stream: stream.clone(), newest, now })
            }
            newest => Ok(newest.map_or(now, |newest| newest.max(now))),
        }
    }

    /// One event as it will be recorded.
    fn encode(
        &self,
        stream: &StreamId,
        version: Version,
        time: DateTime<Utc>,
        street: Option<&GridCode>,
        event: &A::Event,
    ) -> Result<NewEvent, CollectError> {
        let unrecordable = |reason: String| CollectError::Unrecordable { stream: stream.clone(), reason };
        let id = EventId::new(self.entropy.uuid(self.recording.at));
        let audience = event.audience(street).map_err(|error| unrecordable(error.to_string()))?;
        let header = Header { id, kind: event.name(), stream, version, time, audience };
        let bytes = event.data().and_then(|data| envelope::encode(&header, &self.recording.provenance, &data));
        let bytes = Bytes::from(bytes.map_err(|error| unrecordable(error.to_string()))?);
        if bytes.len() > EVENT_BYTES_MAX {
            return Err(CollectError::TooLarge { event: event.name(), bytes: bytes.len() });
        }
        Ok(NewEvent { id, kind: event.name(), time, bytes })
    }
}

/// The street or town of an aggregate, or the one that its first events put it in.
fn street_of<A: Aggregate>(state: &A, events: &[A::Event]) -> Option<GridCode> {
    let street = |state: &A| state.place().and_then(|place| place.street);
    street(state).or_else(|| street(&events.iter().cloned().fold(state.clone(), A::evolve)))
}

#[async_trait]
impl<A: Aggregate> EventStore for Handle<A> {
    type Aggregate = Adapted<A>;
    type Error = CollectError;

    /// Not supported: decisions are optimistic, and a lock would hold a second connection.
    async fn lock(&self, _aggregate_id: Uuid) -> Result<EventStoreLockGuard, CollectError> {
        Err(CollectError::NotSupported("lock aggregates"))
    }

    /// Not supported: what is decided on is handed in.
    async fn by_aggregate_id(&self, _aggregate_id: Uuid) -> Result<Vec<StoreEvent<A::Event>>, CollectError> {
        Err(CollectError::NotSupported("load aggregates"))
    }

    async fn persist(
        &self,
        aggregate_state: &mut AggregateState<A>,
        events: Vec<A::Event>,
    ) -> Result<Vec<StoreEvent<A::Event>>, CollectError> {
        let aggregate_id = *aggregate_state.id();
        let stream = StreamId::new(A::Event::CATEGORY, aggregate_id);
        let time = self.event_time(&stream)?;
        let first = *aggregate_state.sequence_number();
        let expected = Version(u32::try_from(first).unwrap_or_default());
        let street = street_of(aggregate_state.inner(), &events);
        let differences = aggregate_state.inner().differences(&events);
        let (mut encoded, mut stored) = (Vec::with_capacity(events.len()), Vec::with_capacity(events.len()));
        for (number, event) in (first.saturating_add(1)..).zip(events) {
            let version = Version(u32::try_from(number).unwrap_or_default());
            let new = self.encode(&stream, version, time, street.as_ref(), &event)?;
            stored.push(store_event(new.id.uuid(), aggregate_id, event, time, number));
            encoded.push(new);
        }
        let part = Part { stream, expected, events: encoded };
        *self.collected.lock().unwrap_or_else(PoisonError::into_inner) = Some(Collected { part, differences });
        Ok(stored)
    }

    /// Does nothing: the publisher reads the log.
    async fn publish(&self, _store_events: &[StoreEvent<A::Event>]) {}

    /// Not supported: a log deletes nothing.
    async fn delete(&self, _aggregate_id: Uuid) -> Result<(), CollectError> {
        Err(CollectError::NotSupported("delete streams"))
    }
}
