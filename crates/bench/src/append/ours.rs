//! dualgrid's log, through its ports.

use std::sync::{Arc, OnceLock};

use anyhow::anyhow;
use app::port::{Append, EventLog, NewEvent, Recording};
use app::seen::Remembered;
use async_trait::async_trait;
use esrs::Aggregate;
use esrs::manager::AggregateManager;
use kernel::digest::Digest;
use kernel::envelope::Provenance;
use kernel::{Actor, Clock as _, CommandId, CorrelationId, EventId, StreamId, SystemClock, SystemEntropy, Version};
use log::{CommandStore, LogStores, Options};

use super::driver::{Side, Writer};
use super::event::{CATEGORY, CloudEvent, DeskEvent, KIND, Noted, Place, fresh};

/// An aggregate that notes what it is told.
pub(crate) struct Desk;

/// Nothing is refused.
#[derive(Debug, thiserror::Error)]
#[error("never")]
pub(crate) struct Never;

impl Aggregate for Desk {
    const NAME: &'static str = "desk";
    type State = u32;
    type Command = Noted;
    type Event = DeskEvent;
    type Error = Never;

    fn handle_command(_: &u32, note: Noted) -> Result<Vec<DeskEvent>, Never> {
        Ok(vec![note.into()])
    }

    fn apply_event(notes: u32, DeskEvent::Noted(_): DeskEvent) -> u32 {
        notes + 1
    }
}

/// The log, opened as the program opens it.
pub(crate) struct Ours {
    log: Arc<dyn EventLog>,
    stores: LogStores,
    /// As the use cases remember what they have seen.
    seen: Arc<Remembered<Desk>>,
}

impl Ours {
    /// Opens or creates the log at `url`.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let log = log::open(url, &Options::default()).await?.log;
        let stores = LogStores::new(Arc::clone(&log), Arc::new(SystemEntropy));
        Ok(Self { stores, log, seen: Arc::default() })
    }

    /// Writers that append bytes under command ids.
    pub(crate) fn appending(&self, writers: usize) -> Side {
        let writer = |_| Box::new(Appending { log: Arc::clone(&self.log), place: Place::start() }) as Box<dyn Writer>;
        Side::new((0..writers).map(writer).collect())
    }

    /// Writers that load the stream, decide and append, with esrs' manager on dualgrid's store.
    pub(crate) fn managing(&self, writers: usize) -> Side {
        let writer = |_| {
            let (log, stores, seen) = (Arc::clone(&self.log), self.stores.clone(), Arc::clone(&self.seen));
            Box::new(Managing { log, stores, seen, place: Place::start() }) as Box<dyn Writer>
        };
        Side::new((0..writers).map(writer).collect())
    }
}

struct Appending {
    log: Arc<dyn EventLog>,
    place: Place,
}

#[async_trait]
impl Writer for Appending {
    async fn append(&mut self) -> anyhow::Result<()> {
        let (id, command, now) = (fresh(), fresh(), SystemClock.now());
        let event = CloudEvent::new(id, command, self.place.stream, self.place.version + 1, now);
        let append = Append {
            command: CommandId::new(command),
            request: Digest::from_bytes([7; 32]),
            stream: StreamId::new(CATEGORY, self.place.stream),
            expected: Version(self.place.version),
            events: vec![NewEvent { id: EventId::new(id), kind: KIND, time: now, bytes: event.bytes()?.into() }],
            at: now,
        };
        self.log.append(append).await?;
        self.place.advance();
        Ok(())
    }
}

struct Managing {
    log: Arc<dyn EventLog>,
    stores: LogStores,
    seen: Arc<Remembered<Desk>>,
    place: Place,
}

#[async_trait]
impl Writer for Managing {
    async fn append(&mut self) -> anyhow::Result<()> {
        let (id, command) = (self.place.stream, CommandId::new(fresh()));
        // As the use cases load: what is remembered is checked by the version at the append.
        let seen = match self.seen.recall(id) {
            Some(seen) => seen,
            None => self.seen.look(&*self.log, id).await?,
        };
        let recording = Recording {
            provenance: Provenance {
                installation: "bench".to_owned(),
                actor: Actor::system("bench"),
                command,
                correlation: CorrelationId::new(command.uuid()),
                traceparent: None,
            },
            request: Digest::from_bytes([7; 32]),
            at: SystemClock.now(),
            newest: seen.newest,
            receipt: Arc::new(OnceLock::new()),
        };
        let store: CommandStore<Desk> = self.stores.open(recording.clone());
        let manager = AggregateManager::new(store);
        let state = manager.handle_command(seen.aggregate_state(id)?, Noted::sample()).await??;
        let receipt = recording.receipt.get().ok_or_else(|| anyhow!("no receipt"))?;
        self.seen.moved(id, &seen, state, receipt, recording.event_time());
        self.place.advance();
        Ok(())
    }
}
