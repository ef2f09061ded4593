//! A log in memory with events that look like real ones.

use std::sync::{Mutex, MutexGuard, PoisonError};

use app::port::{Append, AppendError, EventLog, Failure, Receipt};
use async_trait::async_trait;
use chrono::DateTime;
use kernel::digest::Digest;
use kernel::envelope::{Header, Provenance, encode};
use kernel::{
    Actor, Audience, CaseId, CommandId, CorrelationId, DepartmentCode, EventId, GridCode, OrderId, Position, Recorded,
    Role, Scope, StreamId, Version,
};
use serde_json::json;
use tokio::sync::watch;

/// Reads like the log does; writing is done by the tests.
pub(crate) struct VecLog {
    events: Mutex<Vec<Recorded>>,
    committed: watch::Sender<Position>,
}

/// The two departments of the tests; every third event is about the first, every fifth about the second.
pub(crate) const ONE: &str = "CGZF";
pub(crate) const OTHER: &str = "LHSR";

pub(crate) fn code(text: &str) -> DepartmentCode {
    DepartmentCode::try_new(text).unwrap()
}

impl VecLog {
    pub(crate) fn new() -> Self {
        Self { events: Mutex::default(), committed: watch::Sender::new(Position::START) }
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
            let event = recorded(Position(kept.len() as u64 + 1), "case_filed", None, "");
            kept.push(event);
        }
    }

    /// Appends one event, told apart from the same of another log by `mark`.
    pub(crate) fn push(&self, name: &str, department: Option<&str>, mark: &str) {
        let mut kept = self.kept();
        let event = recorded(Position(kept.len() as u64 + 1), name, department.map(code), mark);
        let position = event.position;
        kept.push(event);
        drop(kept);
        self.committed.send_replace(position);
    }

    /// The newest events are lost, as after a restore of an old backup.
    pub(crate) fn lose(&self, count: usize) {
        let mut kept = self.kept();
        let rest = kept.len() - count;
        kept.truncate(rest);
    }
}

fn recorded(position: Position, name: &str, department: Option<DepartmentCode>, mark: &str) -> Recorded {
    let case = CaseId::named("case");
    let id = EventId::named(&format!("{position}/{mark}"));
    let stream = StreamId::new("case", case.uuid());
    let (version, time) = (Version(1), DateTime::from_timestamp(1_800_000_000, 0).unwrap());
    let kind = format!("cn.dualgrid.case.{name}.v1");
    let data = serde_json::value::to_raw_value(&json!({
        "order": { "order": OrderId::named(&position.to_string()), "case": case, "title": "占道经营" },
        "mark": mark,
        "text": "x".repeat(120),
    }));
    let provenance = Provenance {
        installation: "test".into(),
        actor: Actor { id: "staff-1".into(), role: Role::Dispatcher, scope: Scope::Everywhere },
        command: CommandId::named(mark),
        correlation: CorrelationId::named(mark),
        causation: None,
        traceparent: None,
    };
    let street = GridCode::try_new("JAS").unwrap();
    let audience = department.as_ref().map_or(Audience::Street(&street), Audience::Order);
    let header = Header { id, kind: &kind, stream: &stream, version, time, audience };
    let bytes = encode(&header, &provenance, &data.unwrap()).unwrap().into();
    Recorded { position, stream, version, id, kind, time, bytes }
}

#[async_trait]
impl EventLog for VecLog {
    async fn append(&self, _: Append) -> Result<Receipt, AppendError> {
        unreachable!("the bus never writes to the log")
    }

    async fn outcome(&self, _: CommandId) -> Result<Option<(Receipt, Digest)>, Failure> {
        unreachable!("the bus never asks for outcomes")
    }

    async fn stream(&self, _: &StreamId, _: Version) -> Result<Vec<Recorded>, Failure> {
        unreachable!("the bus never reads one stream")
    }

    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        let from = usize::try_from(after.0).unwrap();
        Ok(self.kept().iter().skip(from).take(limit).cloned().collect())
    }

    async fn head(&self) -> Result<Position, Failure> {
        Ok(Position(self.len()))
    }

    fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }
}
