//! An esrs store for one command: what esrs has no place for (actor, command id, time) is in the handle.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use app::event::{Unreadable, read_as};
use app::port::{Append, AppendError, EventLog, NewEvent, Receipt, Recording, StoreError};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use esrs::store::{EventStore, EventStoreLockGuard, StoreEvent};
use esrs::{Aggregate, AggregateState};
use kernel::envelope::{self, Header};
use kernel::{Entropy, Event, EventId, Recorded, StreamId, Version};
use uuid::Uuid;

use crate::failure::broken;

/// How far the clock may be behind the newest event of a stream: two machines never agree quite.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);
const OPERATION: &str = "record the events of a command";

/// A store handle for one command on an aggregate `A`.
///
/// One handle is for one stream. Load and persist with the same one, or say in the [`Recording`] of when the newest event
/// is: what is persisted gets a time that is not earlier.
pub struct CommandStore<A> {
    log: Arc<dyn EventLog>,
    entropy: Arc<dyn Entropy>,
    recording: Recording,
    /// Time of the newest event of the stream, as loaded here or by the caller.
    newest: Mutex<Option<DateTime<Utc>>>,
    aggregate: PhantomData<fn() -> A>,
}

impl<A> CommandStore<A> {
    pub(super) fn new(log: Arc<dyn EventLog>, entropy: Arc<dyn Entropy>, recording: Recording) -> Self {
        Self { log, entropy, newest: Mutex::new(recording.newest), recording, aggregate: PhantomData }
    }

    /// The time of the events: that of the command, unless the stream is ahead by a little.
    fn event_time(&self, stream: &StreamId) -> Result<DateTime<Utc>, StoreError> {
        let now = self.recording.at;
        let newest = *self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(newest) = newest.filter(|newest| *newest - now > CLOCK_TOLERANCE) {
            return Err(StoreError::ClockWentBack { stream: stream.clone(), newest, now });
        }
        Ok(self.recording.event_time_after(newest))
    }

    async fn append(&self, append: Append) -> Result<Receipt, StoreError> {
        let receipt = self.log.append(append).await.map_err(|error| match error {
            AppendError::Conflict { stream, expected, .. } => StoreError::Conflict { stream, expected },
            AppendError::CommandReused(command) => StoreError::CommandReused(command),
            AppendError::Failure(failure) => StoreError::Failure(failure),
        })?;
        // Filled already only where the caller persisted twice with one handle; the first receipt stands.
        let _ = self.recording.receipt.set(receipt.clone());
        Ok(receipt)
    }
}

impl<A> CommandStore<A>
where
    A: Aggregate,
    A::Event: Event,
{
    /// One event as it will be stored.
    fn encode(
        &self,
        stream: &StreamId,
        version: Version,
        time: DateTime<Utc>,
        event: &A::Event,
    ) -> Result<NewEvent, serde_json::Error> {
        let id = EventId::new(self.entropy.uuid(self.recording.at));
        let header = Header { id, kind: event.name(), stream, version, time, department: event.department() };
        let bytes = envelope::encode(&header, &self.recording.provenance, &event.data()?)?;
        Ok(NewEvent { id, kind: event.name(), time, bytes: Bytes::from(bytes) })
    }
}

/// A stored event as esrs has it. It is read where every other reader reads it, so that an upcast has one place.
fn decode<E: Event>(recorded: &Recorded) -> Result<StoreEvent<E>, StoreError> {
    let payload = read_as(recorded).map_err(|Unreadable { position, reason }| StoreError::Unreadable {
        stream: recorded.stream.clone(),
        position,
        reason,
    })?;
    Ok(StoreEvent {
        id: recorded.id.uuid(),
        aggregate_id: recorded.stream.id(),
        payload,
        occurred_on: recorded.time,
        sequence_number: sequence_number(recorded.version)?,
        version: None,
    })
}

/// A version as esrs counts.
fn sequence_number(version: Version) -> Result<i32, StoreError> {
    let number = i32::try_from(version.0);
    number.map_err(|_| broken(OPERATION, "a stream has more events than esrs can count").into())
}

#[async_trait]
impl<A> EventStore for CommandStore<A>
where
    A: Aggregate,
    A::Event: Event,
    A::State: Send,
{
    type Aggregate = A;
    type Error = StoreError;

    /// Not supported: decisions are optimistic, and a lock would hold a second connection.
    async fn lock(&self, _aggregate_id: Uuid) -> Result<EventStoreLockGuard, StoreError> {
        Err(StoreError::NotSupported("lock aggregates"))
    }

    async fn by_aggregate_id(&self, aggregate_id: Uuid) -> Result<Vec<StoreEvent<A::Event>>, StoreError> {
        let stream = StreamId::new(A::Event::CATEGORY, aggregate_id);
        let recorded = self.log.stream(&stream, Version(0)).await?;
        let newest = recorded.last().map(|event| event.time);
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = newest;
        recorded.iter().map(decode).collect()
    }

    /// Records the events and fills the receipt.
    ///
    /// Where the receipt says `replayed`, the same command was recorded before, here or elsewhere, and what was
    /// decided now is not recorded: the answer is an empty list, and `aggregate_state` stays what was loaded. The
    /// receipt is the answer then, not the state.
    async fn persist(
        &self,
        aggregate_state: &mut AggregateState<A::State>,
        events: Vec<A::Event>,
    ) -> Result<Vec<StoreEvent<A::Event>>, StoreError> {
        let aggregate_id = *aggregate_state.id();
        let stream = StreamId::new(A::Event::CATEGORY, aggregate_id);
        let time = self.event_time(&stream)?;
        let expected = u32::try_from(*aggregate_state.sequence_number());
        let expected = Version(expected.map_err(|_| broken(OPERATION, "esrs counts below zero"))?);
        let versions = || (expected.0 + 1..).map(Version);
        let encoded: Result<Vec<NewEvent>, _> =
            versions().zip(&events).map(|(version, event)| self.encode(&stream, version, time, event)).collect();
        let encoded = encoded.map_err(|error| broken(OPERATION, error.to_string()))?;
        let ids: Vec<EventId> = encoded.iter().map(|event| event.id).collect();
        let receipt = self
            .append(Append {
                command: self.recording.provenance.command,
                request: self.recording.request,
                stream,
                expected,
                events: encoded,
                at: self.recording.at,
            })
            .await?;
        if receipt.replayed {
            return Ok(Vec::new());
        }
        let stored = |((version, id), payload): ((Version, EventId), A::Event)| {
            Ok(StoreEvent {
                id: id.uuid(),
                aggregate_id,
                payload,
                occurred_on: time,
                sequence_number: sequence_number(version)?,
                version: None,
            })
        };
        versions().zip(ids).zip(events).map(stored).collect()
    }

    /// Does nothing: the publisher reads the log.
    async fn publish(&self, _store_events: &[StoreEvent<A::Event>]) {}

    /// Not supported: a log deletes nothing.
    async fn delete(&self, _aggregate_id: Uuid) -> Result<(), StoreError> {
        Err(StoreError::NotSupported("delete streams"))
    }
}
