//! A log in memory with events that look like real ones.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use app::port::{Append, AppendError, EventLog, Failure, Fingerprint, Lost, Receipt};
use async_trait::async_trait;
use chrono::DateTime;
use kernel::envelope::{Header, Provenance, encode};
use kernel::{
    Actor, Audience, CaseId, CommandId, CorrelationId, DepartmentCode, EventId, GridCode, OrderId, Position, Recorded,
    Role, Scope, StreamId, Version,
};
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

/// Reads like the log does; writing is done by the tests.
pub(crate) struct VecLog {
    events: Mutex<Vec<Recorded>>,
    committed: watch::Sender<Position>,
    lost: Mutex<Option<Lost>>,
    floors: Mutex<BTreeMap<String, Position>>,
    rebuilder: Mutex<Option<Uuid>>,
    reads: AtomicU64,
}

/// The two departments of the tests; every third event is about the first, every fifth about the second.
pub(crate) const ONE: &str = "CGZF";
pub(crate) const OTHER: &str = "LHSR";

pub(crate) fn code(text: &str) -> DepartmentCode {
    DepartmentCode::try_new(text).unwrap()
}

impl VecLog {
    pub(crate) fn new() -> Self {
        Self {
            events: Mutex::default(),
            committed: watch::Sender::new(Position::START),
            lost: Mutex::default(),
            floors: Mutex::default(),
            rebuilder: Mutex::default(),
            reads: AtomicU64::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn events(&self) -> Vec<Recorded> {
        self.kept().clone()
    }

    pub(crate) fn len(&self) -> u64 {
        self.kept().len() as u64
    }

    /// Appends `count` events of several kinds.
    pub(crate) fn grow(&self, count: usize) {
        for _ in 0..count {
            match self.len() + 1 {
                third if third % 3 == 0 => self.push("order_dispatched", Some(ONE), ""),
                fifth if fifth % 5 == 0 => self.push("order_accepted", Some(OTHER), ""),
                _ => self.push("case_filed", None, ""),
            }
        }
    }

    /// Appends `count` events as another process would: nobody here is told.
    pub(crate) fn grow_silently(&self, count: usize) {
        for _ in 0..count {
            let mut kept = self.kept();
            let event = recorded(&kept, "case_filed", None, "");
            kept.push(event);
        }
    }

    /// Appends one event, told apart from the same of another log by `mark`.
    pub(crate) fn push(&self, name: &str, department: Option<&str>, mark: &str) {
        let mut kept = self.kept();
        let event = recorded(&kept, name, department.map(code), mark);
        let position = event.position;
        kept.push(event);
        drop(kept);
        self.committed.send_replace(position);
    }

    /// Appends so many events of one command.
    pub(crate) fn push_command(&self, command: &str, events: usize) {
        let mut kept = self.kept();
        for _ in 0..events {
            let event = recorded_by(&kept, "case_filed", None, "", command);
            kept.push(event);
        }
        let position = Position(kept.len() as u64);
        drop(kept);
        self.committed.send_replace(position);
    }

    /// An operator accepts that what was lost is lost: the epoch begins with the next position.
    pub(crate) fn accept_loss(&self, epoch: u32, after: u64) {
        let mut kept = self.kept();
        let position = Position(kept.len() as u64 + 1);
        let stream = app::losses::stream();
        let is_of = |event: &&Recorded| event.stream == stream;
        let version = Version(u32::try_from(kept.iter().filter(is_of).count()).unwrap() + 1);
        let data = json!({ "epoch": epoch, "after": after, "to": after + 1 });
        let kind = "cn.dualgrid.log.loss_accepted.v1";
        kept.push(made(
            position,
            &stream,
            version,
            kind,
            Audience::Internal,
            &data,
            ("accepted", &position.to_string()),
        ));
        drop(kept);
        *self.lost.lock().unwrap() = None;
        self.committed.send_replace(position);
    }

    /// How far consumers have come, as it is kept beside the log.
    pub(crate) fn kept_floors(&self) -> BTreeMap<String, Position> {
        self.floors.lock().unwrap().clone()
    }

    /// How often the log was read.
    pub(crate) fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    /// Readers are told of a position that does not exist.
    pub(crate) fn claim(&self, position: u64) {
        self.committed.send_replace(Position(position));
    }

    /// The newest events are lost, as after a restore of an old backup.
    pub(crate) fn lose(&self, count: usize) {
        let mut kept = self.kept();
        let rest = kept.len() - count;
        kept.truncate(rest);
    }
}

/// An event of the one case, by a command of its own.
fn recorded(before: &[Recorded], name: &str, department: Option<DepartmentCode>, mark: &str) -> Recorded {
    let position = Position(before.len() as u64 + 1);
    recorded_by(before, name, department, mark, &format!("{position}/{mark}"))
}

fn recorded_by(
    before: &[Recorded],
    name: &str,
    department: Option<DepartmentCode>,
    mark: &str,
    command: &str,
) -> Recorded {
    let position = Position(before.len() as u64 + 1);
    let case = CaseId::named("case");
    let stream = StreamId::new("case", case.uuid());
    let kind = format!("cn.dualgrid.case.{name}.v1");
    let data = json!({
        "order": { "order": OrderId::named(&position.to_string()), "case": case, "title": "占道经营" },
        "mark": mark,
        "text": "x".repeat(120),
    });
    let street = GridCode::try_new("JAS").unwrap();
    let audience = department.as_ref().map_or(Audience::Street(&street), Audience::Order);
    let newest = before.iter().rev().find(|event| event.stream == stream).map_or(0, |event| event.version.0);
    made(position, &stream, Version(newest + 1), &kind, audience, &data, (mark, command))
}

fn made(
    position: Position,
    stream: &StreamId,
    version: Version,
    kind: &str,
    audience: Audience<'_>,
    data: &Value,
    (mark, command): (&str, &str),
) -> Recorded {
    let id = EventId::named(&format!("{position}/{mark}"));
    let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
    let data = serde_json::value::to_raw_value(data);
    let provenance = Provenance {
        installation: "test".into(),
        actor: Actor { id: "staff-1".into(), role: Role::Dispatcher, scope: Scope::Everywhere, seconded_by: None },
        command: CommandId::named(command),
        correlation: CorrelationId::named(mark),
        causation: None,
        traceparent: None,
    };
    let header = Header { id, kind, stream, version, time, audience };
    let bytes = encode(&header, &provenance, &data.unwrap()).unwrap().into();
    Recorded { position, stream: stream.clone(), version, id, kind: kind.to_owned(), time, bytes }
}

#[async_trait]
impl EventLog for VecLog {
    async fn append(&self, _: Append) -> Result<Receipt, AppendError> {
        unreachable!("the bus never writes to the log")
    }

    async fn outcome(&self, _: &str, _: CommandId) -> Result<Option<(Receipt, Fingerprint)>, Failure> {
        unreachable!("the bus never asks for outcomes")
    }

    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure> {
        let is_of = |event: &&Recorded| event.stream == *stream && event.version > after;
        Ok(self.kept().iter().filter(is_of).cloned().collect())
    }

    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let from = usize::try_from(after.0).unwrap();
        Ok(self.kept().iter().skip(from).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<Position, Failure> {
        Ok(Position(self.len()))
    }

    async fn lost(&self) -> Result<Option<Lost>, Failure> {
        Ok(*self.lost.lock().unwrap())
    }

    async fn halt(&self, lost: Lost, accepted: Version) -> Result<(), Failure> {
        let losses = self.stream(&app::losses::stream(), Version(0)).await?;
        if losses.len() == accepted.0 as usize {
            self.lost.lock().unwrap().get_or_insert(lost);
        }
        Ok(())
    }

    async fn lease_rebuild(&self, holder: Uuid, lasts: Duration) -> Result<bool, Failure> {
        let mut rebuilder = self.rebuilder.lock().unwrap();
        let is_free = rebuilder.is_none_or(|other| other == holder);
        if is_free {
            *rebuilder = Some(holder).filter(|_| !lasts.is_zero());
        }
        Ok(is_free)
    }

    async fn floors(&self) -> Result<BTreeMap<String, Position>, Failure> {
        Ok(self.kept_floors())
    }

    async fn raise_floors(&self, floors: BTreeMap<String, Position>) -> Result<(), Failure> {
        let mut kept = self.floors.lock().unwrap();
        for (consumer, position) in floors {
            let floor = kept.entry(consumer).or_insert(position);
            *floor = position.max(*floor);
        }
        Ok(())
    }

    fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }
}
