//! dualgrid's log, through its port.

use std::sync::Arc;

use app::adapter::{self, Recording};
use app::memory::Memory;
use app::port::{Append, EventLog, Fingerprint, NewEvent, Part};
use async_trait::async_trait;
use kernel::digest::Digest;
use kernel::envelope::Provenance;
use kernel::{
    Actor, Clock as _, CommandId, Context, CorrelationId, Entropy, EventId, Facts, StreamId, SystemClock,
    SystemEntropy, Version,
};
use log::Options;

use super::desk::{Desk, Note};
use super::driver::{Side, Writer};
use super::event::{CATEGORY, CloudEvent, KIND, Place, fresh};

/// The log, opened as the program opens it.
pub(crate) struct Ours {
    log: Arc<dyn EventLog>,
    /// What the use cases remember.
    memory: Arc<Memory>,
    entropy: Arc<dyn Entropy>,
}

impl Ours {
    /// Opens or creates the log at `url`.
    pub(crate) async fn open(url: &str) -> anyhow::Result<Self> {
        let log = log::open(url, &Options::default()).await?.log;
        Ok(Self { log, memory: Arc::default(), entropy: Arc::new(SystemEntropy) })
    }

    /// Writers that append bytes under command ids.
    pub(crate) fn appending(&self, writers: usize) -> Side {
        let writer = |_| Box::new(Appending { log: Arc::clone(&self.log), place: Place::start() }) as Box<dyn Writer>;
        Side::new((0..writers).map(writer).collect())
    }

    /// Writers that load the stream, decide and append, as a command is handled.
    pub(crate) fn managing(&self, writers: usize) -> Side {
        let writer = |_| {
            let (log, memory, entropy) = (Arc::clone(&self.log), Arc::clone(&self.memory), Arc::clone(&self.entropy));
            Box::new(Managing { log, memory, entropy, place: Place::start() }) as Box<dyn Writer>
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
        let part = Part {
            stream: StreamId::new(CATEGORY, self.place.stream),
            expected: Version(self.place.version),
            events: vec![NewEvent { id: EventId::new(id), kind: KIND, time: now, bytes: event.bytes()?.into() }],
        };
        self.log.append(append(CommandId::new(command), part, now)).await?;
        self.place.advance();
        Ok(())
    }
}

fn append(command: CommandId, part: Part, at: chrono::DateTime<chrono::Utc>) -> Append {
    let (principal, request) = ("bench".to_owned(), Fingerprint::of(Digest::from_bytes([7; 32])));
    Append { principal, command, request, parts: vec![part], at, incarnation: None }
}

struct Managing {
    log: Arc<dyn EventLog>,
    memory: Arc<Memory>,
    entropy: Arc<dyn Entropy>,
    place: Place,
}

#[async_trait]
impl Writer for Managing {
    async fn append(&mut self) -> anyhow::Result<()> {
        let (id, command, now) = (self.place.stream, CommandId::new(fresh()), SystemClock.now());
        // As the use cases load: what is remembered is checked by the version at the append.
        let seen = match self.memory.recall::<Desk>(CATEGORY, id) {
            Some(seen) => seen,
            None => self.memory.look::<Desk>(&*self.log, id).await?,
        };
        let actor = Actor::system("bench");
        let recording = Recording {
            provenance: Provenance {
                installation: "bench".to_owned(),
                actor: actor.clone(),
                command,
                correlation: CorrelationId::new(command.uuid()),
                causation: None,
                traceparent: None,
            },
            at: now,
        };
        let context = Context { id, at: now, today: now.date_naive(), by: actor, facts: Facts::default() };
        let (state, part, _) =
            adapter::decide(&*seen, Note::sample().into(), context, &recording, &self.entropy).await?;
        let (events, time) = (u32::try_from(part.events.len())?, part.events.last().map(|event| event.time));
        self.log.append(append(command, part, now)).await?;
        self.memory.moved(id, &*seen, state, events, time);
        self.place.advance();
        Ok(())
    }
}
