//! Appends at an even pace, through a log of our own, and when each was committed.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use app::port::{Append, EventLog, Fingerprint, NewEvent, Part};
use bytes::Bytes;
use kernel::digest::Digest;
use kernel::envelope::{self, Header, Provenance};
use kernel::{
    Actor, Audience, Clock as _, CommandId, CorrelationId, DepartmentCode, Entropy as _, EventId, GridCode, Role,
    Scope, StreamId, SystemClock, SystemEntropy, Version,
};
use serde_json::value::RawValue;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

/// How often it is looked which appends are due.
const TICK: Duration = Duration::from_millis(1);

/// When an event was committed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Committed {
    pub(crate) position: u64,
    pub(crate) at: Instant,
}

/// An event that is appended again and again, each time to a stream of its own.
#[derive(Debug)]
pub(crate) struct Sample {
    kind: &'static str,
    data: Box<RawValue>,
    to: Recipient,
}

/// Whom it is for.
#[derive(Debug)]
enum Recipient {
    Department(DepartmentCode),
    Street(GridCode),
}

impl Sample {
    /// The acceptance of an order by a department.
    pub(crate) fn order_accepted(department: &str) -> anyhow::Result<Self> {
        let golden = include_str!("../../case/tests/golden/cn.dualgrid.case.order_accepted.v1.json");
        let department = DepartmentCode::try_new(department)?;
        Self::new("cn.dualgrid.case.order_accepted.v1", golden, Recipient::Department(department))
    }

    /// The discovery of an issue: every view has a row of it, or looks at it.
    pub(crate) fn issue_discovered() -> anyhow::Result<Self> {
        let golden = include_str!("../../case/tests/golden/cn.dualgrid.case.issue_discovered.v1.json");
        let street = GridCode::try_new("JAS")?;
        Self::new("cn.dualgrid.case.issue_discovered.v1", golden, Recipient::Street(street))
    }

    fn new(kind: &'static str, golden: &str, to: Recipient) -> anyhow::Result<Self> {
        let data: serde_json::Value = serde_json::from_str(golden).context("a golden file is no JSON")?;
        Ok(Self { kind, data: serde_json::value::to_raw_value(&data)?, to })
    }

    /// The append of one such event.
    pub(crate) fn append(&self) -> anyhow::Result<Append> {
        let now = SystemClock.now();
        let [command, case, id] = [(); 3].map(|()| SystemEntropy.uuid(now));
        let (stream, id) = (StreamId::new("case", case), EventId::new(id));
        let provenance = Provenance {
            installation: "sample".to_owned(),
            actor: Actor {
                id: "bench".to_owned(),
                role: Role::GridLeader,
                scope: Scope::Everywhere,
                seconded_by: None,
            },
            command: CommandId::new(command),
            correlation: CorrelationId::new(command),
            causation: None,
            traceparent: None,
        };
        let audience = match &self.to {
            Recipient::Department(department) => Audience::Order(department),
            Recipient::Street(street) => Audience::Street(street),
        };
        let header = Header { id, kind: self.kind, stream: &stream, version: Version(1), time: now, audience };
        let bytes = Bytes::from(envelope::encode(&header, &provenance, &self.data)?);
        Ok(Append {
            command: provenance.command,
            principal: provenance.actor.id,
            request: Fingerprint::of(Digest::of(command.as_bytes())),
            parts: vec![Part {
                stream,
                expected: Version(0),
                events: vec![NewEvent { id, kind: self.kind, time: now, bytes }],
            }],
            at: now,
            incarnation: None,
        })
    }
}

/// Appends the sample `per_s` times a second for so long, and gives every commit in the order of positions.
pub(crate) async fn paced(
    log: &Arc<dyn EventLog>,
    sample: &Sample,
    per_s: u32,
    duration: Duration,
) -> anyhow::Result<Vec<Committed>> {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut running = JoinSet::new();
    let (begin, mut sent, mut committed) = (Instant::now(), 0, Vec::new());
    while begin.elapsed() < duration {
        ticks.tick().await;
        let due = begin.elapsed().as_micros() * u128::from(per_s) / 1_000_000;
        while sent < due {
            sent += 1;
            let (log, append) = (Arc::clone(log), sample.append()?);
            running.spawn(async move {
                let receipt = log.append(append).await?;
                Ok::<_, anyhow::Error>((receipt.first, Instant::now()))
            });
        }
        while let Some(ended) = running.try_join_next() {
            committed.push(commit(ended??)?);
        }
    }
    while let Some(ended) = running.join_next().await {
        committed.push(commit(ended??)?);
    }
    committed.sort_by_key(|commit| commit.position);
    Ok(committed)
}

fn commit((first, at): (Option<kernel::Position>, Instant)) -> anyhow::Result<Committed> {
    Ok(Committed { position: first.context("an append recorded nothing")?.0, at })
}
