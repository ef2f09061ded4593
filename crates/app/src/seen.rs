//! Aggregates as this process saw them last, so that a command need not read its aggregate from the log again.
//!
//! What is remembered may be old: another process may have moved the aggregate on. That is found out where it matters. An
//! append names the version it was decided on and is refused by the log if there is a newer one; and a refusal that was
//! decided on something remembered is decided again on the log, before anybody hears of it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use esrs::store::StoreEvent;
use esrs::{Aggregate, AggregateState};
use kernel::{Event, StreamId, Version};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::Error;
use crate::event::read_as;
use crate::port::{EventLog, Receipt};

/// About so many bytes of events are remembered: 96 MiB.
const BYTES_MAX: u64 = 96 * 1024 * 1024;
/// What the rest of an entry weighs.
const ENTRY_BYTES: u64 = 512;
/// What an aggregate of a few events weighs, for the size of the table.
const AGGREGATE_BYTES_USUAL: u64 = 4 * 1024;
/// What an event adds where its bytes are not at hand.
const EVENT_BYTES_USUAL: u64 = 800;

/// An aggregate at one of its versions.
#[derive(Clone, Debug, Default)]
pub struct Seen<S> {
    /// Its state.
    pub state: S,
    /// The version it is at.
    pub version: Version,
    /// Time of its newest event.
    pub newest: Option<DateTime<Utc>>,
    /// Bytes of its events, which is about what it takes in memory.
    bytes: u64,
}

impl<S: Clone + Default> Seen<S> {
    /// As esrs has it.
    ///
    /// # Errors
    /// Where it has more events than esrs can count.
    pub fn aggregate_state(&self, id: Uuid) -> Result<AggregateState<S>, Error> {
        let sequence_number = i32::try_from(self.version.0)
            .map_err(|_| Error::Unreadable(format!("{id} has more events than esrs can count")))?;
        let state = AggregateState::with_id(id);
        if sequence_number == 0 {
            return Ok(state);
        }
        // esrs sets the number of a state only where it applies an event: this one stands for all of them.
        let all = StoreEvent {
            id,
            aggregate_id: id,
            payload: (),
            occurred_on: self.newest.unwrap_or_default(),
            sequence_number,
            version: None,
        };
        Ok(state.apply_store_events(vec![all], |_, ()| self.state.clone()))
    }
}

#[derive(Clone)]
struct ByBytes;

impl<S> Weighter<Uuid, Arc<Seen<S>>> for ByBytes {
    fn weight(&self, _: &Uuid, seen: &Arc<Seen<S>>) -> u64 {
        ENTRY_BYTES + seen.bytes
    }
}

/// The aggregates of one kind that this process remembers.
pub struct Remembered<A: Aggregate>(Cache<Uuid, Arc<Seen<A::State>>, ByBytes>);

impl<A: Aggregate> Default for Remembered<A> {
    fn default() -> Self {
        let usual = usize::try_from(BYTES_MAX / AGGREGATE_BYTES_USUAL).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(usual, BYTES_MAX, ByBytes))
    }
}

impl<A> Remembered<A>
where
    A: Aggregate,
    A::State: Clone + Default,
    A::Event: Event,
{
    /// As it was seen last, if it is remembered.
    pub fn recall(&self, id: Uuid) -> Option<Arc<Seen<A::State>>> {
        self.0.get(&id)
    }

    /// As it stands in the log now. What is remembered is not read again.
    pub async fn look(&self, log: &dyn EventLog, id: Uuid) -> Result<Arc<Seen<A::State>>, Error> {
        let before = self.recall(id).unwrap_or_default();
        let stream = StreamId::new(A::Event::CATEGORY, id);
        let recorded = log.stream(&stream, before.version).await?;
        if recorded.is_empty() {
            return Ok(before);
        }
        let mut seen = Arc::unwrap_or_clone(before);
        for event in &recorded {
            seen.state = A::apply_event(seen.state, read_as::<A::Event>(event)?);
            seen.version = event.version;
            seen.newest = Some(event.time);
            seen.bytes += event.bytes.len() as u64;
        }
        let seen = Arc::new(seen);
        self.0.insert(id, Arc::clone(&seen));
        Ok(seen)
    }

    /// Remembers what became of an aggregate by a command that was recorded just now, with events of `time`.
    pub fn moved(&self, id: Uuid, before: &Seen<A::State>, state: A::State, receipt: &Receipt, time: DateTime<Utc>) {
        if receipt.replayed {
            // Recorded earlier: what was decided now is not what happened.
            self.forget(id);
            return;
        }
        let bytes = before.bytes + u64::from(receipt.events) * EVENT_BYTES_USUAL;
        let newest = if receipt.events == 0 { before.newest } else { Some(time) };
        self.0.insert(id, Arc::new(Seen { state, version: receipt.version, newest, bytes }));
    }

    /// Forgets an aggregate whose state is in doubt.
    pub fn forget(&self, id: Uuid) {
        self.0.remove(&id);
    }
}
