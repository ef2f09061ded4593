//! Scenarios about servers: they stop, lose their data, lie, stand still, or have no room.

mod answers;
mod copied;
mod disk_full;
mod failover;
mod nats;
mod power;
mod rebuild;
mod restored;
mod stalled;
mod stops;

pub(crate) use copied::Copied;
pub(crate) use failover::Pair;

use std::time::Duration;

use anyhow::Context as _;
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Load, Manners, Stage, check};
use testkit::client::eventually;
use testkit::postgres::Postgres;
use testkit::process::tail;
use testkit::system::{Store, SystemSetup};
use tokio::time::Instant;

use crate::scenario::{BOTH, Outcome, Run, Scenario};

/// How many clients there are.
const CLIENTS: usize = 8;

/// How long it may take until commands are taken again after a server is back.
const RESUME_PATIENCE: Duration = Duration::from_secs(30);

/// How long a load may need to give so many commands while nothing is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many lines of a program's log a failure shows.
const LINES_SHOWN: usize = 20;

/// Every one.
pub(crate) fn scenarios() -> Vec<Scenario> {
    of_servers().into_iter().chain(of_machines()).collect()
}

/// Servers stop, are replaced, and hold something else than before.
fn of_servers() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "postgres-stopped",
            about: "PostgreSQL is stopped immediately and started again, under load",
            stores: &[Store::Postgres],
            waits: false,
            run: |run| Box::pin(stops::play(run)),
        },
        Scenario {
            name: "answers-lost",
            about: "the connection is cut after a COMMIT was sent, before its answer",
            stores: &[Store::Postgres],
            waits: false,
            run: |run| Box::pin(answers::play(run)),
        },
        Scenario {
            name: "nats-wrong",
            about: "NATS is wiped, restored from an old copy, written to by others, while publishers compete and stop",
            stores: BOTH,
            waits: true,
            run: |run| Box::pin(nats::play(run)),
        },
        Scenario {
            name: "restore-behind-nats",
            about: "the log is put back to an older copy: its events are brought back from NATS, then given up",
            stores: BOTH,
            waits: false,
            run: |run| Box::pin(restored::play(run)),
        },
        Scenario {
            name: "failover-sync",
            about: "PostgreSQL fails over to a standby that was waited for, under load: nothing is lost",
            stores: &[Store::Postgres],
            waits: false,
            run: |run| Box::pin(failover::to_a_standby_that_has_everything(run)),
        },
        Scenario {
            name: "failover-async",
            about: "PostgreSQL fails over to a standby that lacks events: everybody stops until they are back or given up",
            stores: &[Store::Postgres],
            waits: false,
            run: |run| Box::pin(failover::of_a_standby_that_lacks_events(run)),
        },
        Scenario {
            name: "rebuild-race",
            about: "two publishers recreate the stream again and again: one at a time, and departments go on where they were",
            stores: BOTH,
            waits: false,
            run: |run| Box::pin(rebuild::play(run)),
        },
    ]
}

/// Disks are full, power is lost, and nothing moves.
fn of_machines() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "disk-full",
            about: "the disk of the log is full, and has room again",
            stores: BOTH,
            waits: true,
            run: |run| Box::pin(disk_full::of_the_log(run)),
        },
        Scenario {
            name: "wal-disk-full",
            about: "the disk of PostgreSQL's write-ahead log is full, and has room again",
            stores: &[Store::Postgres],
            waits: true,
            run: |run| Box::pin(disk_full::of_the_wal(run)),
        },
        Scenario {
            name: "nats-disk-full",
            about: "the disk of NATS is full, and has room again",
            stores: &[Store::Sqlite],
            waits: true,
            run: |run| Box::pin(disk_full::of_nats(run)),
        },
        Scenario {
            name: "power-lost",
            about: "the log's machine loses its power",
            stores: BOTH,
            waits: false,
            run: |run| Box::pin(power::of_the_log(run)),
        },
        Scenario {
            name: "nats-power-lost",
            about: "the machine of a NATS that flushes at its default interval loses its power",
            stores: &[Store::Sqlite],
            waits: false,
            run: |run| Box::pin(power::of_nats(run)),
        },
        Scenario {
            name: "roles-stalled",
            about: "a role with waiting work that makes no progress is seen in readiness and metrics",
            stores: &[Store::Postgres],
            waits: true,
            run: |run| Box::pin(stalled::play(run)),
        },
    ]
}

/// The sample system with log and vault on a PostgreSQL of our own.
async fn sample_on(run: &Run, postgres: &Postgres) -> anyhow::Result<SystemSetup> {
    Ok(SystemSetup {
        store_url: Some(postgres.create_database().await?),
        vault_url: Some(postgres.create_database().await?),
        ..run.setup()?
    })
}

/// A stage with running clients, which all go to its own process.
fn clients(stage: &Stage, run: &mut Run) -> Load {
    stage.load(CLIENTS, Manners::default(), &mut run.randomness, &[stage.http()])
}

/// Waits until the log has so many more events, and says how long that took. A database that is away is waited for.
pub(crate) async fn grow(stage: &Stage, load: &mut Load, more: u64, patience: Duration) -> anyhow::Result<Duration> {
    let (tables, started) = (Tables::of(&stage.system), Instant::now());
    let mut first = None;
    let what = format!("the log has {more} more events");
    eventually(&what, patience, async || {
        load.check()?;
        let Ok(head) = tables.head().await else { return Ok(None) };
        let from = *first.get_or_insert(head);
        Ok((head >= from + more).then_some(()))
    })
    .await
    .with_context(|| format!("the log began at {first:?} and the clients are not served; {}", said(stage)))?;
    Ok(started.elapsed())
}

/// Ends the load, checks everything, and gives what was counted.
async fn settle(
    stage: &Stage,
    load: Load,
    counted: impl IntoIterator<Item = (&'static str, u64)>,
) -> anyhow::Result<Outcome> {
    load.stop().await?;
    conclude(stage, counted).await
}

/// Checks everything, and gives what was counted. Nobody writes meanwhile.
async fn conclude(stage: &Stage, counted: impl IntoIterator<Item = (&'static str, u64)>) -> anyhow::Result<Outcome> {
    let found = check::everything(stage).await?;
    found.nothing_wrong().with_context(|| said(stage))?;
    Ok(Outcome::counted(counted.into_iter().chain(found.counted())))
}

/// The last lines of what the program said, for a failure.
fn said(stage: &Stage) -> String {
    format!("dualgrid said:\n{}", tail(&stage.system.log_path(), LINES_SHOWN))
}

/// Whole milliseconds, for the table.
fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
