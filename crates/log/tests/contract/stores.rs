//! esrs stores on a log: what is loaded is what was persisted, and what cannot be is an error.

use std::sync::{Arc, OnceLock};

use app::port::{EventLog, Recording, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use esrs::manager::AggregateManager;
use esrs::store::EventStore as _;
use esrs::{Aggregate, AggregateState};
use kernel::digest::Digest;
use kernel::envelope::{self, Provenance};
use kernel::{Actor, CommandId, CorrelationId, DepartmentCode, Position, StreamId, SystemEntropy, Version};
use log::{CommandStore, LogStores, MemoryLog};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::place::{append, at};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
struct Added {
    amount: u32,
    department: Option<DepartmentCode>,
}

kernel::events! {
    /// The events of a sum.
    pub enum SumEvent in "sum" {
        Added = "cn.dualgrid.sum.added.v1",
    }
    department = |SumEvent::Added(added)| added.department.as_ref();
}

#[derive(Debug, thiserror::Error)]
#[error("nothing to add")]
struct NothingToAdd;

/// An aggregate that adds; adding 0 changes nothing.
struct Sum;

impl Aggregate for Sum {
    const NAME: &'static str = "sum";
    type State = u32;
    type Command = Vec<u32>;
    type Event = SumEvent;
    type Error = NothingToAdd;

    fn handle_command(_: &u32, amounts: Vec<u32>) -> Result<Vec<SumEvent>, NothingToAdd> {
        let department = Some(DepartmentCode::try_new("CGZF").unwrap());
        Ok(amounts.into_iter().map(|amount| Added { amount, department: department.clone() }.into()).collect())
    }
    fn apply_event(sum: u32, SumEvent::Added(added): SumEvent) -> u32 {
        sum + added.amount
    }
}

const ID: Uuid = Uuid::from_u128(7);

struct World {
    log: Arc<dyn EventLog>,
    stores: LogStores,
}

impl World {
    fn new() -> Self {
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::new());
        Self { stores: LogStores::new(Arc::clone(&log), Arc::new(SystemEntropy)), log }
    }

    fn stream() -> StreamId {
        StreamId::new("sum", ID)
    }

    /// Loads, decides and persists, as `app` does.
    async fn add(&self, command: &str, now: DateTime<Utc>, amounts: &[u32]) -> Result<(u32, Recording), StoreError> {
        let recording = recording(command, now);
        let store: CommandStore<Sum> = self.stores.open(recording.clone());
        let manager = AggregateManager::new(store);
        let state = manager.load(ID).await?.unwrap_or_else(|| AggregateState::with_id(ID));
        let sum = manager.handle_command(state, amounts.to_vec()).await?.unwrap();
        Ok((sum, recording))
    }
}

fn recording(command: &str, now: DateTime<Utc>) -> Recording {
    Recording {
        provenance: Provenance {
            installation: "sample".to_owned(),
            actor: Actor::system("test"),
            command: CommandId::named(command),
            correlation: CorrelationId::named(command),
            traceparent: None,
        },
        request: Digest::of(command.as_bytes()),
        at: now,
        newest: None,
        receipt: Arc::new(OnceLock::new()),
    }
}

#[tokio::test]
async fn what_is_persisted_is_loaded_again() {
    let world = World::new();
    let (sum, recording) = world.add("a", at(0), &[1, 2]).await.unwrap();
    assert_eq!(sum, 3);
    let receipt = recording.receipt.get().unwrap();
    assert_eq!((receipt.version, receipt.first, receipt.events), (Version(2), Some(Position(1)), 2));
    assert_eq!(world.add("b", at(1), &[10]).await.unwrap().0, 13);
    let recorded = world.log.stream(&World::stream(), Version(0)).await.unwrap();
    let envelope = envelope::decode(&recorded[1].bytes).unwrap();
    assert_eq!((envelope.id, &*envelope.kind), (recorded[1].id, recorded[1].kind.as_str()));
    assert_eq!((envelope.streamversion, envelope.commandid), (Version(2), CommandId::named("a")));
    assert_eq!(envelope.department, Some(DepartmentCode::try_new("CGZF").unwrap()));
    assert_eq!(recorded[1].id.uuid().get_version_num(), 7);
}

#[tokio::test]
async fn a_command_without_events_fills_the_receipt() {
    let world = World::new();
    let (_, recording) = world.add("a", at(0), &[]).await.unwrap();
    assert_eq!(recording.receipt.get().map(|receipt| receipt.events), Some(0));
}

#[tokio::test]
async fn a_command_that_lost_the_race_against_itself_gets_the_first_receipt_and_no_events() {
    let world = World::new();
    let slow: CommandStore<Sum> = world.stores.open(recording("a", at(0)));
    assert!(slow.by_aggregate_id(ID).await.unwrap().is_empty());
    world.add("a", at(0), &[1, 2]).await.unwrap();
    let slow_again = recording("a", at(1));
    let store: CommandStore<Sum> = world.stores.open(slow_again.clone());
    let mut state = AggregateState::with_id(ID);
    let event = Added { amount: 5, department: None }.into();
    assert!(store.persist(&mut state, vec![event]).await.unwrap().is_empty());
    assert!(slow_again.receipt.get().unwrap().replayed);
    assert_eq!(slow_again.receipt.get().unwrap().events, 2);
    assert_eq!(world.log.head().await.unwrap(), Position(2));
}

#[tokio::test]
async fn a_stale_decision_is_a_conflict_and_a_reused_id_is_refused() {
    let world = World::new();
    world.add("a", at(0), &[1]).await.unwrap();
    let store: CommandStore<Sum> = world.stores.open(recording("b", at(0)));
    let event = || vec![Added { amount: 5, department: None }.into()];
    let stale = store.persist(&mut AggregateState::with_id(ID), event()).await;
    assert!(matches!(stale, Err(StoreError::Conflict { expected: Version(0), .. })));
    let mut other_body = recording("a", at(0));
    other_body.request = Digest::of(b"other");
    let store: CommandStore<Sum> = world.stores.open(other_body);
    let reused = store.persist(&mut AggregateState::with_id(ID), event()).await;
    assert!(matches!(reused, Err(StoreError::CommandReused(_))));
}

#[tokio::test]
async fn a_clock_that_goes_back_a_little_is_held_and_one_that_goes_back_far_is_refused() {
    let world = World::new();
    world.add("a", at(100), &[1]).await.unwrap();
    world.add("b", at(95), &[1]).await.unwrap();
    let recorded = world.log.stream(&World::stream(), Version(0)).await.unwrap();
    assert_eq!(recorded[1].time, at(100));
    assert!(String::from_utf8_lossy(&recorded[1].bytes).contains(":40.123456Z"));
    let refused = world.add("c", at(95) - TimeDelta::microseconds(1), &[1]).await;
    assert!(matches!(refused, Err(StoreError::ClockWentBack { newest, .. }) if newest == at(100)));
    assert_eq!(world.log.head().await.unwrap(), Position(2));
}

#[tokio::test]
async fn an_unknown_event_stops_the_load() {
    let world = World::new();
    world.add("a", at(0), &[1]).await.unwrap();
    let bytes = world.log.stream(&World::stream(), Version(0)).await.unwrap()[0].bytes.clone();
    let newer = String::from_utf8_lossy(&bytes).replace("added.v1", "added.v2");
    let mut unknown = append("newer", &World::stream(), 1, 1);
    unknown.events[0].bytes = newer.into();
    world.log.append(unknown).await.unwrap();
    match world.add("b", at(0), &[1]).await {
        Err(StoreError::Unreadable { position: Position(2), reason, .. }) => assert!(reason.contains("added.v2")),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn nothing_is_locked_and_nothing_is_deleted() {
    let world = World::new();
    let store: CommandStore<Sum> = world.stores.open(recording("a", at(0)));
    assert!(matches!(store.lock(ID).await.map(drop), Err(StoreError::NotSupported(_))));
    assert!(matches!(store.delete(ID).await, Err(StoreError::NotSupported(_))));
}
