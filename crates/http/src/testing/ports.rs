//! A log in memory, and ports that are out of reach.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use app::port::evidence_store::{Pieces, Received};
use app::port::uploads::{Entered, Exceeded, Leaving, Quotas, Upload, Uploads};
use app::port::view_store::Registered;
use app::port::{
    Append, AppendError, Build, Either, EventLog, EvidenceError, EvidenceStore, Failure, FilledRows, FindError,
    Fingerprint, Loaded, Move, Query, Receipt, Row, RowPage, Saved, Vault, VaultError, ViewSpec, ViewStore, Wanted,
};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{
    Actor, CommandId, DepartmentCode, EventId, Evidence, PersonId, PersonKey, Position, Recorded, StreamId, Version,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::NOW;

fn away() -> Failure {
    let reason = "postgres://dualgrid:secret@db.internal:5432/log is away".into();
    Failure { operation: "reach the store", reason, passing: true }
}

/// Events that a test puts there.
#[derive(Debug, Default)]
pub(crate) struct Log {
    events: Mutex<Vec<Recorded>>,
    committed: watch::Sender<Position>,
    incarnation: watch::Sender<u64>,
    reads: AtomicUsize,
    /// The registers of persons and programs, which have no positions here.
    registers: Mutex<Vec<Recorded>>,
    /// Whether the registers cannot be read.
    is_unreadable: AtomicBool,
}

/// Who asks for the stream of this aggregate sees a panic.
pub(crate) const PANICS: uuid::Uuid = uuid::Uuid::max();

impl Log {
    /// Records an event with this text and wakes readers.
    pub(crate) fn record(&self, text: &str) {
        self.record_in(StreamId::new("case", uuid::Uuid::nil()), "cn.dualgrid.case.order_accepted.v1", text);
    }

    /// Records that a loss was accepted, with which an epoch begins.
    pub(crate) fn accept_loss(&self, epoch: u32, after: u64) {
        let kind = "cn.dualgrid.log.loss_accepted.v1";
        let text = format!(r#"{{"type":"{kind}","data":{{"epoch":{epoch},"after":{after},"to":{after}}}}}"#);
        self.record_in(app::losses::stream(), kind, &text);
    }

    fn record_in(&self, stream: StreamId, kind: &str, text: &str) {
        let mut events = self.events();
        let position = Position(events.len() as u64 + 1);
        events.push(Recorded {
            position,
            stream,
            version: Version(u32::try_from(position.0).expect("few events")),
            id: EventId::named(&position.to_string()),
            kind: kind.into(),
            time: NOW,
            bytes: Bytes::copy_from_slice(text.as_bytes()),
        });
        drop(events);
        self.committed.send_replace(position);
    }

    /// The newest events are gone, and nobody is told.
    pub(crate) fn lose(&self, count: usize) {
        let mut events = self.events();
        let rest = events.len() - count;
        events.truncate(rest);
    }

    /// It may be another log than before.
    pub(crate) fn begin_again(&self) {
        self.incarnation.send_modify(|number| *number += 1);
    }

    /// Enters persons, each with one post.
    pub(crate) fn register(&self, actors: &[Actor]) {
        for Actor { id, role, scope, .. } in actors {
            let entered = json!({"person": id, "name": null, "seconded_by": null, "since": DateTime::UNIX_EPOCH});
            self.change("persons", "person_entered", &entered);
            self.appoint(id, "only", json!({"role": role, "scope": scope}));
        }
    }

    /// Gives a person a post.
    pub(crate) fn appoint(&self, id: &str, post: &str, place: Value) {
        let mut event =
            json!({"person": id, "post": post, "from": DateTime::UNIX_EPOCH, "until": null, "deputy_for": null});
        event.as_object_mut().expect("an object").extend(place.as_object().expect("an object").clone());
        self.change("persons", "person_appointed", &event);
    }

    /// Records an event of one of the registers.
    pub(crate) fn change(&self, register: &str, event: &str, data: &Value) {
        let mut all = self.registers.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = StreamId::new(register, uuid::Uuid::new_v5(&kernel::id::NAMESPACE, register.as_bytes()));
        let number = all.iter().filter(|event| event.stream == stream).count() + 1;
        let kind = format!("cn.dualgrid.{register}.{event}.v1");
        let text = json!({"type": kind, "data": data}).to_string();
        all.push(Recorded {
            position: Position(1_000_000 + number as u64),
            stream,
            version: Version(u32::try_from(number).expect("few events")),
            id: EventId::named(&text),
            kind: kind.as_str().into(),
            time: NOW,
            bytes: Bytes::from(text),
        });
    }

    /// From now on the registers cannot be read.
    pub(crate) fn lose_registers(&self) {
        self.is_unreadable.store(true, Ordering::Relaxed);
    }

    /// How often events were read.
    pub(crate) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    fn events(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl EventLog for Log {
    async fn append(&self, _: Append) -> Result<Receipt, AppendError> {
        Err(away().into())
    }
    async fn outcome(&self, _: &str, _: CommandId) -> Result<Option<(Receipt, Fingerprint)>, Failure> {
        Ok(None)
    }
    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure> {
        if matches!(stream.category(), "persons" | "programs") {
            if self.is_unreadable.load(Ordering::Relaxed) {
                return Err(away());
            }
            let all = self.registers.lock().unwrap_or_else(PoisonError::into_inner);
            let own = all.iter().filter(|event| event.stream == *stream && event.version > after);
            return Ok(own.cloned().collect());
        }
        assert_ne!(stream.id(), PANICS, "王小明 lives in storey 4");
        let losses = app::losses::stream();
        Ok(self.events().iter().filter(|event| event.stream == *stream && *stream == losses).cloned().collect())
    }
    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let events = self.events();
        Ok(events.iter().filter(|event| event.position > after).take(limit).cloned().collect())
    }
    async fn head(&self) -> Result<Position, Failure> {
        Err(away())
    }
    fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }
    fn incarnation(&self) -> watch::Receiver<u64> {
        self.incarnation.subscribe()
    }
}

/// Whatever is asked of it fails.
pub(crate) struct Away;

#[async_trait]
impl ViewStore for Away {
    async fn builds(&self) -> Result<Vec<Registered>, Failure> {
        Err(away())
    }
    async fn begin(&self, _: &ViewSpec) -> Result<Build, Failure> {
        Err(away())
    }
    async fn load(&self, wanted: &[Wanted]) -> Vec<Loaded> {
        wanted.iter().map(|_| Loaded::Failed(away())).collect()
    }
    async fn save(&self, _: &[Move]) -> Result<Vec<Saved>, Failure> {
        Err(away())
    }
    async fn begin_bulk(&self, _: &ViewSpec) -> Result<Build, Failure> {
        Err(away())
    }
    async fn fill(&self, _: &Build, _: FilledRows) -> Result<(), Failure> {
        Err(away())
    }
    async fn finish_bulk(&self, _: &Build, _: Position) -> Result<(), Failure> {
        Err(away())
    }
    async fn activate(&self, _: &Build) -> Result<(), Failure> {
        Err(away())
    }
    async fn abandon(&self, _: &Build) -> Result<(), Failure> {
        Err(away())
    }
    async fn get(&self, _: &ViewSpec, _: &str) -> Result<Option<Row>, Failure> {
        Err(away())
    }
    async fn find_either(&self, _: &ViewSpec, _: &Either) -> Result<RowPage, FindError> {
        Err(away().into())
    }
    async fn find(&self, _: &ViewSpec, _: &Query) -> Result<RowPage, FindError> {
        Err(away().into())
    }
}

#[async_trait]
impl Vault for Away {
    async fn key(&self, _: PersonId) -> Result<Option<PersonKey>, VaultError> {
        Err(away().into())
    }
    async fn keep(&self, _: PersonId, _: &PersonKey) -> Result<PersonKey, VaultError> {
        Err(away().into())
    }
    async fn erase(&self, _: &[PersonId]) -> Result<u64, Failure> {
        Err(away())
    }
    async fn check(&self) -> Result<(), Failure> {
        Err(away())
    }
}

#[async_trait]
impl EvidenceStore for Away {
    async fn receive(&self, _: &str, _: Pieces) -> Result<Box<dyn Received>, EvidenceError> {
        Err(away().into())
    }
    async fn find(&self, _: Digest) -> Result<Option<Evidence>, EvidenceError> {
        Err(away().into())
    }
    async fn read(&self, _: Digest, _: Range<u64>) -> Result<Option<Pieces>, EvidenceError> {
        Err(away().into())
    }
    async fn remove(&self, _: Digest) -> Result<(), Failure> {
        Err(away())
    }
}

#[async_trait]
impl Uploads for Away {
    async fn enter(&self, _: &Upload, _: Quotas) -> Result<Entered, Failure> {
        Err(away())
    }
    async fn exceeded(
        &self,
        _: &str,
        _: Option<&DepartmentCode>,
        _: DateTime<Utc>,
        _: Quotas,
    ) -> Result<Option<Exceeded>, Failure> {
        Err(away())
    }
    async fn hold(&self, _: Digest, _: &str, _: DateTime<Utc>) -> Result<Option<Upload>, Failure> {
        Err(away())
    }
    async fn of(&self, _: Digest) -> Result<Vec<Upload>, Failure> {
        Err(away())
    }
    async fn over(&self, _: DateTime<Utc>, _: u32) -> Result<Vec<Upload>, Failure> {
        Err(away())
    }
    async fn begin_removal(&self, _: Digest, _: &str, _: DateTime<Utc>) -> Result<bool, Failure> {
        Err(away())
    }
    async fn continue_removal(&self, _: Digest, _: &str) -> Result<Leaving, Failure> {
        Err(away())
    }
    async fn remove(&self, _: Digest, _: &str) -> Result<(), Failure> {
        Err(away())
    }
    async fn keep(&self, _: Digest, _: &str) -> Result<(), Failure> {
        Err(away())
    }
}
