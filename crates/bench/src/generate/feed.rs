//! Commands of many cases in turn, as they come in life: thousands of cases are open at once.

use chrono::{DateTime, TimeDelta, Utc};
use kernel::envelope::{self, Header, Provenance};
use kernel::{CaseId, Clock as _, CommandId, CorrelationId, EventId, StreamId, SystemClock, Version};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::{Builder, Uuid};

use super::histories::{Histories, Names};

/// How many events go to the database at once.
const CHUNK_EVENTS: usize = 10_000;
/// How many chunks may wait for the database.
const CHUNKS_WAITING: usize = 4;
/// The most cases that are open at once.
const OPEN_MAX: u64 = 20_000;
/// How many cases are remembered.
const SAMPLE: u64 = 1000;
/// The time that everything took, ending now.
const SPAN: TimeDelta = TimeDelta::days(60);

/// An event as the log has it.
#[derive(Debug)]
pub(crate) struct EventRow {
    /// Its place in the log.
    pub(crate) position: u64,
    /// Its stream.
    pub(crate) stream: String,
    /// Its number in the stream.
    pub(crate) version: u32,
    /// Its id.
    pub(crate) id: Uuid,
    /// Its stored name.
    pub(crate) kind: &'static str,
    /// When it was recorded.
    pub(crate) time: DateTime<Utc>,
    /// Its CloudEvents JSON.
    pub(crate) bytes: Vec<u8>,
}

/// Whose the generated commands are.
pub(crate) const PRINCIPAL: &str = "generated";

/// A command as the log has it.
#[derive(Debug)]
pub(crate) struct CommandRow {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its stream.
    pub(crate) stream: String,
    /// The version of the stream after it.
    pub(crate) version: u32,
    /// The position of its first event.
    pub(crate) first: u64,
    /// How many events it led to.
    pub(crate) events: u32,
    /// When it was handled.
    pub(crate) time: DateTime<Utc>,
}

/// What goes to the database at once.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// In order of position.
    pub(crate) events: Vec<EventRow>,
    /// In order of position.
    pub(crate) commands: Vec<CommandRow>,
}

/// What came out in the end.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    /// How many events.
    pub(crate) events: u64,
    /// The newest position.
    pub(crate) head: u64,
    /// Some of the cases.
    pub(crate) sample: Vec<CaseId>,
}

/// A case on its way.
struct Open {
    history: usize,
    stream: StreamId,
    names: Names,
    next: usize,
    /// How many commands it gets.
    commands: usize,
    version: u32,
}

/// Everything that is to be recorded, one chunk after the other.
pub(crate) struct Feed {
    histories: Histories,
    cases: u64,
    events_per_case: u32,
    begun: u64,
    open: Vec<Open>,
    open_max: usize,
    random: Random,
    time: DateTime<Utc>,
    pace: TimeDelta,
    totals: Totals,
}

impl Feed {
    /// Of `cases` cases with at most `events_per_case` events each, after the position `head`.
    pub(crate) fn new(histories: Histories, cases: u64, events_per_case: u32, head: u64) -> Self {
        let expected = i64::try_from(cases * u64::from(events_per_case.clamp(1, 13))).unwrap_or(i64::MAX);
        let pace = TimeDelta::microseconds(SPAN.num_microseconds().unwrap_or(0) / expected.max(1));
        Self {
            histories,
            cases,
            events_per_case,
            begun: 0,
            open: Vec::new(),
            open_max: usize::try_from((cases / 4).clamp(1, OPEN_MAX)).unwrap_or(1),
            // The head is in it, so that a log that is filled twice gets other cases.
            random: Random(0x5eed ^ (head << 20)),
            time: SystemClock.now() - SPAN,
            pace,
            totals: Totals { head, ..Totals::default() },
        }
    }

    /// Makes the chunks on a thread of its own, each turned into `T` there; the totals come at the end.
    pub(crate) fn run<T: Send + 'static>(
        mut self,
        tasks: &mut JoinSet<anyhow::Result<Totals>>,
        turn: impl Fn(Chunk) -> T + Send + 'static,
    ) -> mpsc::Receiver<T> {
        let (sender, receiver) = mpsc::channel(CHUNKS_WAITING);
        tasks.spawn_blocking(move || {
            loop {
                let chunk = self.chunk()?;
                // Whoever does not want more has failed and says so.
                if chunk.events.is_empty() || sender.blocking_send(turn(chunk)).is_err() {
                    return Ok(self.totals);
                }
            }
        });
        receiver
    }

    /// The next events; none when all is done.
    fn chunk(&mut self) -> anyhow::Result<Chunk> {
        let mut chunk = Chunk::default();
        while chunk.events.len() < CHUNK_EVENTS {
            while self.open.len() < self.open_max && self.begun < self.cases {
                let case = self.begin();
                self.open.push(case);
            }
            if self.open.is_empty() {
                break;
            }
            let index = self.random.below(self.open.len());
            let mut case = self.open.swap_remove(index);
            self.command(&mut case, &mut chunk)?;
            if case.next < case.commands {
                self.open.push(case);
            }
        }
        Ok(chunk)
    }

    fn begin(&mut self) -> Open {
        let history = self.random.below(self.histories.0.len());
        let case = CaseId::new(self.uuid());
        if self.begun.is_multiple_of((self.cases / SAMPLE).max(1)) && self.totals.sample.len() < 1000 {
            self.totals.sample.push(case);
        }
        self.begun += 1;
        let found = &self.histories.0[history];
        let (mut commands, mut events) = (0, 0);
        for given in &found.commands {
            events += given.events.len();
            if events > self.events_per_case as usize {
                break;
            }
            commands += 1;
        }
        // Every case is at least discovered.
        let mut commands = commands.max(1);
        if self.random.below(4) == 0 {
            commands = 1 + self.random.below(commands);
        }
        let names = self.histories.0[history].names(case);
        Open { history, stream: StreamId::new("case", case.uuid()), names, next: 0, commands, version: 0 }
    }

    fn command(&mut self, case: &mut Open, chunk: &mut Chunk) -> anyhow::Result<()> {
        let (command, first) = (self.uuid(), self.totals.head + 1);
        let (history, next) = (case.history, case.next);
        let provenance = Provenance {
            installation: "sample".to_owned(),
            actor: self.histories.0[history].commands[next].actor.clone(),
            command: CommandId::new(command),
            correlation: CorrelationId::new(command),
            causation: None,
            traceparent: None,
        };
        let count = self.histories.0[history].commands[next].events.len();
        for index in 0..count {
            let id = self.uuid();
            let template = &self.histories.0[history].commands[next].events[index];
            case.version += 1;
            self.totals.head += 1;
            let header = Header {
                id: EventId::new(id),
                kind: template.kind,
                stream: &case.stream,
                version: Version(case.version),
                time: self.time,
                audience: self.histories.0[history].audience_of(template),
            };
            let data = RawValue::from_string(template.data(&case.names))?;
            chunk.events.push(EventRow {
                position: self.totals.head,
                stream: case.stream.as_str().to_owned(),
                version: case.version,
                id,
                kind: template.kind,
                time: self.time,
                bytes: envelope::encode(&header, &provenance, &data)?,
            });
        }
        let events = u32::try_from(count)?;
        chunk.commands.push(CommandRow {
            id: command,
            stream: case.stream.as_str().to_owned(),
            version: case.version,
            first,
            events,
            time: self.time,
        });
        self.totals.events += u64::from(events);
        self.time += self.pace * i32::try_from(count)?;
        case.next += 1;
        Ok(())
    }

    /// An id of version 7, as the product makes them.
    fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 10];
        bytes[..8].copy_from_slice(&self.random.next().to_le_bytes());
        bytes[8..].copy_from_slice(&self.random.next().to_le_bytes()[..2]);
        let millis = u64::try_from(self.time.timestamp_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

/// `SplitMix64`: the same cases in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }
}
