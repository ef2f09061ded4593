//! The log in memory, for tests of the domain and of use cases. It is gone when the process ends.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app::port::{Append, AppendError, EventLog, Failure, Fingerprint, Lost, Part, Receipt};
use async_trait::async_trait;
use kernel::{CommandId, Position, Recorded, StreamId, Version};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::backend::Verdict;
use crate::committed::Committed;
use crate::record::{check, made, version_of};

/// The category of the stream of accepted losses.
const ACCEPTED: &str = "log";

/// A log in memory, with the same rules as the others.
#[derive(Debug)]
pub struct MemoryLog {
    kept: Mutex<Kept>,
    committed: Committed,
}

#[derive(Debug, Default)]
struct Kept {
    events: Vec<Recorded>,
    /// Places in `events`, by stream.
    streams: HashMap<StreamId, Vec<usize>>,
    commands: HashMap<(String, CommandId), (Receipt, Fingerprint)>,
    lost: Option<Lost>,
    floors: BTreeMap<String, Position>,
    rebuilder: Option<(Uuid, Instant)>,
}

impl MemoryLog {
    /// An empty log.
    pub fn new() -> Self {
        Self { kept: Mutex::default(), committed: Committed::at(Position::START) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new()
    }
}

impl Kept {
    fn head(&self) -> Position {
        self.events.last().map_or(Position::START, |event| event.position)
    }

    fn record(&mut self, append: &Append) -> Verdict {
        let key = (append.principal.clone(), append.command);
        if let Some((receipt, request)) = self.commands.get(&key) {
            return Verdict::Found(Receipt { replayed: true, ..receipt.clone() }, *request);
        }
        for (number, part) in append.parts.iter().enumerate() {
            let actual = version_of(self.streams.get(&part.stream).map_or(0, Vec::len));
            if actual != part.expected {
                return Verdict::Conflict(number, actual);
            }
        }
        let is_acceptance = append.parts.iter().all(|part| part.stream.category() == ACCEPTED);
        if let Some(lost) = self.lost.filter(|_| !is_acceptance) {
            return Verdict::Halted(lost);
        }
        self.lost = None;
        let before = self.head();
        for part in append.parts.iter().filter(|part| !part.events.is_empty()) {
            self.push(part);
        }
        let receipt = made(append, before);
        self.commands.insert(key, (receipt.clone(), append.request));
        Verdict::Made(receipt)
    }

    fn push(&mut self, part: &Part) {
        let (mut position, mut version) = (self.head(), part.expected);
        let places = self.streams.entry(part.stream.clone()).or_default();
        for event in &part.events {
            (position, version) = (position.next(), Version(version.0 + 1));
            places.push(self.events.len());
            self.events.push(Recorded {
                position,
                stream: part.stream.clone(),
                version,
                id: event.id,
                kind: event.kind.to_owned(),
                time: event.time,
                bytes: event.bytes.clone(),
            });
        }
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        check(&append)?;
        let (verdict, head) = {
            let mut kept = self.kept();
            (kept.record(&append), kept.head())
        };
        self.committed.made(head);
        verdict.answer(&append)
    }

    async fn outcome(&self, principal: &str, command: CommandId) -> Result<Option<(Receipt, Fingerprint)>, Failure> {
        let found = self.kept().commands.get(&(principal.to_owned(), command)).cloned();
        Ok(found.map(|(receipt, request)| (Receipt { replayed: true, ..receipt }, request)))
    }

    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure> {
        let kept = self.kept();
        let places = kept.streams.get(stream).map_or(&[][..], Vec::as_slice);
        Ok(places.iter().skip(after.0 as usize).map(|&place| kept.events[place].clone()).collect())
    }

    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        let first = usize::try_from(after.0).unwrap_or(usize::MAX);
        Ok(self.kept().events.iter().skip(first).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<Position, Failure> {
        Ok(self.kept().head())
    }

    fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }

    async fn lost(&self) -> Result<Option<Lost>, Failure> {
        Ok(self.kept().lost)
    }

    async fn halt(&self, lost: Lost, accepted: Version) -> Result<(), Failure> {
        let mut kept = self.kept();
        let of_losses = |event: &&Recorded| event.stream.category() == ACCEPTED;
        if kept.lost.is_none() && version_of(kept.events.iter().filter(of_losses).count()) == accepted {
            kept.lost = Some(lost);
        }
        Ok(())
    }

    async fn lease_rebuild(&self, holder: Uuid, lasts: Duration) -> Result<bool, Failure> {
        let (mut kept, now) = (self.kept(), Instant::now());
        let is_free = kept.rebuilder.is_none_or(|(other, until)| other == holder || until < now);
        if is_free {
            kept.rebuilder = Some((holder, now + lasts));
        }
        Ok(is_free)
    }

    async fn floors(&self) -> Result<BTreeMap<String, Position>, Failure> {
        Ok(self.kept().floors.clone())
    }

    async fn raise_floors(&self, floors: BTreeMap<String, Position>) -> Result<(), Failure> {
        let mut kept = self.kept();
        for (consumer, position) in floors {
            let floor = kept.floors.entry(consumer).or_insert(position);
            *floor = position.max(*floor);
        }
        Ok(())
    }
}
