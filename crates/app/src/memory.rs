//! What this process remembers of aggregates and rows, so that a command need not read its aggregate from the log again. All of
//! it shares one budget.
//!
//! What is remembered may be old: another process may have moved the aggregate on. That is found out where it matters. An
//! append names the version it was decided on and is refused by the log if there is a newer one; and a refusal that was
//! decided on something remembered is decided again on the log, before anybody hears of it. After a failover or a restore the log
//! may be another one, with other events under the same versions: nothing that was read before counts then.

use std::any::Any;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use kernel::{Aggregate, Event as _, Recorded, StreamId, Version};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::watch;
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
    /// The incarnation of the log in which it was read.
    incarnation: u64,
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
            incarnation: self.incarnation,
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
pub struct Memory {
    held: Cache<Place, Held, ByBytes>,
    incarnation: watch::Receiver<u64>,
}

impl Default for Memory {
    fn default() -> Self {
        let usual = usize::try_from(BYTES_MAX / AGGREGATE_BYTES_USUAL).unwrap_or(usize::MAX);
        Self { held: Cache::with_weighter(usual, BYTES_MAX, ByBytes), incarnation: watch::channel(0).1 }
    }
}

impl Memory {
    /// An empty memory of this log. What was read in one incarnation of it is not remembered in the next.
    pub fn of(log: &dyn EventLog) -> Self {
        Self { incarnation: log.incarnation(), ..Self::default() }
    }

    /// The incarnation of the log, to be asked for before anything is read.
    pub fn incarnation(&self) -> u64 {
        *self.incarnation.borrow()
    }

    /// A stream of which nothing was read yet.
    pub fn unread<S: Default>(&self) -> Arc<Seen<S>> {
        Arc::new(Seen { incarnation: self.incarnation(), ..Seen::default() })
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.held.clear();
    }

    /// What is remembered of a stream under a name, if anything is.
    pub fn recall<S: Send + Sync + 'static>(&self, of: &'static str, id: Uuid) -> Option<Arc<Seen<S>>> {
        let seen: Arc<Seen<S>> = self.held.get(&(of, id))?.seen.downcast().ok()?;
        (seen.incarnation == self.incarnation()).then_some(seen)
    }

    /// Remembers it.
    pub fn remember<S: Send + Sync + 'static>(&self, of: &'static str, id: Uuid, seen: &Arc<Seen<S>>) {
        let seen_any: Arc<dyn Any + Send + Sync> = Arc::clone(seen) as _;
        self.held.insert((of, id), Held { bytes: seen.bytes, seen: seen_any });
    }

    /// Forgets what is in doubt.
    pub fn forget(&self, of: &'static str, id: Uuid) {
        self.held.remove(&(of, id));
    }

    /// An aggregate as it is in the log now. What is remembered is not read again.
    pub async fn look<A: Aggregate>(&self, log: &dyn EventLog, id: Uuid) -> Result<Arc<Seen<A>>, Error> {
        let before = self.recall::<A>(A::Event::CATEGORY, id).unwrap_or_else(|| self.unread());
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
        let (newest, incarnation) = (time.or(before.newest), before.incarnation);
        let seen = Seen { state, version, newest, incarnation, bytes };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_in_one_incarnation_of_the_log_is_not_remembered_in_the_next() {
        let number = watch::Sender::new(0);
        let memory = Memory { incarnation: number.subscribe(), ..Memory::default() };
        let (before, id) = (memory.unread::<u32>(), Uuid::nil());
        memory.remember("case", id, &before);
        assert!(memory.recall::<u32>("case", id).is_some());
        number.send_replace(1);
        assert!(memory.recall::<u32>("case", id).is_none());
        // What was decided before and is answered only now.
        memory.remember("case", id, &before);
        assert!(memory.recall::<u32>("case", id).is_none());
        memory.remember("case", id, &memory.unread::<u32>());
        assert!(memory.recall::<u32>("case", id).is_some());
        memory.clear();
        assert!(memory.recall::<u32>("case", id).is_none());
    }
}
