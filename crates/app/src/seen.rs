//! Cases as this process saw them last, so that a command need not read its case from the log again.
//!
//! What is remembered may be old: another process may have moved the case on. That is found out where it matters. An
//! append names the version it was decided on and is refused by the log if there is a newer one; and a refusal that was
//! decided on something remembered is decided again on the log, before anybody hears of it.

use std::sync::Arc;

use case::{Case, CaseCommand, CaseEvent};
use chrono::{DateTime, Utc};
use esrs::AggregateState;
use esrs::store::StoreEvent;
use kernel::{CaseId, Event as _, StreamId, Version};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::event::read_as;
use crate::port::{EventLog, Receipt};
use crate::Error;

/// About so many bytes of events are remembered: 96 MiB.
const BYTES_MAX: u64 = 96 * 1024 * 1024;
/// What the rest of an entry weighs.
const ENTRY_BYTES: u64 = 512;
/// What a case of a few events weighs, for the size of the table.
const CASE_BYTES_USUAL: u64 = 4 * 1024;

/// A case at one of its versions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) case: Case,
    pub(crate) version: Version,
    /// Time of its newest event.
    pub(crate) newest: Option<DateTime<Utc>>,
    /// Bytes of its events, which is about what the case takes in memory.
    bytes: u64,
}

impl Seen {
    /// As esrs has it.
    pub(crate) fn state(&self, id: CaseId) -> Result<AggregateState<Case>, Error> {
        let sequence_number = i32::try_from(self.version.0)
            .map_err(|_| Error::Unreadable(format!("case {id} has more events than esrs can count")))?;
        let state = AggregateState::with_id(id.uuid());
        if sequence_number == 0 {
            return Ok(state);
        }
        // esrs sets the number of a state only where it applies an event: this one stands for all of them.
        let all = StoreEvent {
            id: id.uuid(),
            aggregate_id: id.uuid(),
            payload: (),
            occurred_on: self.newest.unwrap_or_default(),
            sequence_number,
            version: None,
        };
        Ok(state.apply_store_events(vec![all], |_, ()| self.case.clone()))
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<CaseId, Arc<Seen>> for ByBytes {
    fn weight(&self, _: &CaseId, seen: &Arc<Seen>) -> u64 {
        ENTRY_BYTES + seen.bytes
    }
}

/// What this process remembers.
pub(crate) struct Cases(Cache<CaseId, Arc<Seen>, ByBytes>);

impl Default for Cases {
    fn default() -> Self {
        let usual = usize::try_from(BYTES_MAX / CASE_BYTES_USUAL).unwrap_or(usize::MAX);
        Self(Cache::with_weighter(usual, BYTES_MAX, ByBytes))
    }
}

impl Cases {
    /// The case as it is remembered, and whether it is certainly of now. What is not remembered is read.
    ///
    /// A discovery is taken to be the first one until the log says otherwise, unless it brings a reporter: sealing
    /// asks the vault, and there a repeat must not look like a first time.
    pub(crate) async fn see(
        &self,
        log: &dyn EventLog,
        id: CaseId,
        command: &CaseCommand,
    ) -> Result<(Arc<Seen>, bool), Error> {
        if let Some(seen) = self.0.get(&id) {
            return Ok((seen, false));
        }
        match command {
            CaseCommand::DiscoverIssue(discover) if discover.reporter.is_none() => Ok((Arc::default(), false)),
            _ => Ok((self.look(log, id).await?, true)),
        }
    }

    /// The case as it stands in the log now.
    pub(crate) async fn look(&self, log: &dyn EventLog, id: CaseId) -> Result<Arc<Seen>, Error> {
        let before = self.0.get(&id).unwrap_or_default();
        let stream = StreamId::new(CaseEvent::CATEGORY, id.uuid());
        let recorded = log.stream(&stream, before.version).await?;
        if recorded.is_empty() {
            return Ok(before);
        }
        let mut seen = Arc::unwrap_or_clone(before);
        for event in &recorded {
            seen.case = seen.case.evolve(read_as::<CaseEvent>(event)?);
            seen.version = event.version;
            seen.newest = Some(event.time);
            seen.bytes += event.bytes.len() as u64;
        }
        let seen = Arc::new(seen);
        self.0.insert(id, Arc::clone(&seen));
        Ok(seen)
    }

    /// Remembers what became of a case by a command that was recorded just now, at `time`.
    pub(crate) fn moved(&self, id: CaseId, before: &Seen, case: Case, receipt: &Receipt, time: DateTime<Utc>) {
        /// Events are a little longer than what a case keeps of them.
        const EVENT_BYTES_USUAL: u64 = 800;
        if receipt.replayed {
            // Recorded earlier: what was decided now is not what happened.
            self.0.remove(&id);
            return;
        }
        let bytes = before.bytes + u64::from(receipt.events) * EVENT_BYTES_USUAL;
        let newest = if receipt.events == 0 { before.newest } else { Some(time) };
        self.0.insert(id, Arc::new(Seen { case, version: receipt.version, newest, bytes }));
    }

    /// Forgets a case whose state is in doubt.
    pub(crate) fn forget(&self, id: CaseId) {
        self.0.remove(&id);
    }
}
