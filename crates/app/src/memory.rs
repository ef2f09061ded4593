//! What this process remembers of aggregates and rows, so that a command need not read its aggregate from the log again. All of
//! it shares one budget.
//!
//! What is remembered may be old: another process may have moved the aggregate on. That is found out where it matters. An
//! append names the version it was decided on and is refused by the log if there is a newer one; and a refusal that was
//! decided on something remembered is decided again on the log, before anybody hears of it.

use std::any::Any;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::{Aggregate, Event as _, Recorded, StreamId, Version};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::Error;
use crate::event::read_as;
use crate::port::EventLog;

/// About so many bytes of events are remembered: 96 MiB.
const BYTES_MAX: u64 = 96 * 1024 * 1024;
/// What the rest of an entry weighs.
const ENTRY_BYTES: u64 = 512;
/// What an aggregate of a few events weighs, for the size of the table.
const AGGREGATE_BYTES_USUAL: u64 = 4 * 1024;
/// What an event adds where its bytes are not at hand.
const EVENT_BYTES_USUAL: u64 = 800;

/// A fold of the events of one stream, at one of its versions.
#[derive(Clone, Debug, Default)]
pub struct Seen<S> {
    /// What was folded.
    pub state: S,
    /// The version it is at.
    pub version: Version,
    /// Time of its newest event.
    pub newest: Option<DateTime<Utc>>,
    /// Bytes of its events, which is about what it takes in memory.
    bytes: u64,
}

impl<S> Seen<S> {
    /// Folds one more event of the stream.
    ///
    /// # Errors
    /// Where the event cannot be read.
    pub fn fold(self, event: &Recorded, fold: impl FnOnce(S, &Recorded) -> Result<S, Error>) -> Result<Self, Error> {
        Ok(Self {
            state: fold(self.state, event)?,
            version: event.version,
            newest: Some(event.time),
            bytes: self.bytes + event.bytes.len() as u64,
        })
    }
}

/// What an entry is of: `case`, or the name of a view.
type Place = (&'static str, Uuid);

#[derive(Clone)]
struct Held {
    bytes: u64,
    seen: Arc<dyn Any + Send + Sync>,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Place, Held> for ByBytes {
    fn weight(&self, _: &Place, held: &Held) -> u64 {
        ENTRY_BYTES + held.bytes
    }
}

/// Everything that this process remembers.
pub struct Memory(Cache<Place, Held, ByBytes>);

impl Default for Memory {
    fn default() -> Self {
        let usual = usize::try_from(BYTES_MAX / AGGREGATE_BYTES_USUAL).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(usual, BYTES_MAX, ByBytes))
    }
}

impl Memory {
    /// What is remembered of a stream under a name, if anything is.
    pub fn recall<S: Send + Sync + 'static>(&self, of: &'static str, id: Uuid) -> Option<Arc<Seen<S>>> {
        self.0.get(&(of, id))?.seen.downcast().ok()
    }

    /// Remembers it.
    pub fn remember<S: Send + Sync + 'static>(&self, of: &'static str, id: Uuid, seen: &Arc<Seen<S>>) {
        let seen_any: Arc<dyn Any + Send + Sync> = Arc::clone(seen) as _;
        self.0.insert((of, id), Held { bytes: seen.bytes, seen: seen_any });
    }

    /// Forgets what is in doubt.
    pub fn forget(&self, of: &'static str, id: Uuid) {
        self.0.remove(&(of, id));
    }

    /// An aggregate as it is in the log now. What is remembered is not read again.
    pub async fn look<A: Aggregate>(&self, log: &dyn EventLog, id: Uuid) -> Result<Arc<Seen<A>>, Error> {
        let before = self.recall::<A>(A::Event::CATEGORY, id).unwrap_or_default();
        let seen = catch_up(log, Arc::clone(&before), id).await?;
        if !Arc::ptr_eq(&before, &seen) {
            self.remember(A::Event::CATEGORY, id, &seen);
        }
        Ok(seen)
    }

    /// Remembers what became of an aggregate by a command that was recorded just now: so many events, of `time`.
    pub fn moved<A: Aggregate>(&self, id: Uuid, before: &Seen<A>, state: A, events: u32, time: Option<DateTime<Utc>>) {
        let bytes = before.bytes + u64::from(events) * EVENT_BYTES_USUAL;
        let version = Version(before.version.0 + events);
        let seen = Seen { state, version, newest: time.or(before.newest), bytes };
        self.remember(A::Event::CATEGORY, id, &Arc::new(seen));
    }
}

/// An aggregate as it is in the log now, from where it was seen last.
pub async fn catch_up<A: Aggregate>(log: &dyn EventLog, before: Arc<Seen<A>>, id: Uuid) -> Result<Arc<Seen<A>>, Error> {
    let recorded = log.stream(&StreamId::new(A::Event::CATEGORY, id), before.version).await?;
    if recorded.is_empty() {
        return Ok(before);
    }
    let before = Arc::unwrap_or_clone(before);
    let evolve = |state: A, event: &Recorded| Ok(state.evolve(read_as::<A::Event>(event)?));
    Ok(Arc::new(recorded.iter().try_fold(before, |seen, event| seen.fold(event, evolve))?))
}
