//! A disk is full. Reading still works, nothing that was acknowledged is lost, and with room again everything continues by itself.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Load, Manners, Stage, Who};
use testkit::bus;
use testkit::client::eventually;
use testkit::mount::Mount;
use testkit::nats::{CORE, NatsServer, NatsSetup};
use testkit::postgres::{Postgres, PostgresSetup};
use testkit::sample;
use testkit::system::{Store, SystemSetup};
use tokio::time::Instant;

use super::{PATIENCE, RESUME_PATIENCE, clients, grow, milliseconds, sample_on, settle};
use crate::scenario::{Outcome, Run};

/// Room for a log in SQLite, in MiB; its write-ahead log alone grows to 80.
const SQLITE_MIB: u64 = 192;
/// Room for the data of a PostgreSQL.
const POSTGRES_MIB: u64 = 160;
/// Room for the write-ahead log of a PostgreSQL with small files.
const WAL_MIB: u64 = 32;
/// Room for NATS, which takes at most three quarters of it.
const NATS_MIB: u64 = 192;

/// How many clients there are while the disk of NATS is full.
const CLIENTS_BESIDE_NATS: usize = 2;

/// More than the file of a stream can take when its disk is full.
const NO_ROOM_BYTES: usize = 256 * 1024;

/// How long the disk stays full.
const FULL_FOR: Duration = Duration::from_secs(5);

/// How long it may take until the log notices that its disk is full.
const NOTICE_PATIENCE: Duration = Duration::from_secs(30);

/// How long nothing is recorded before we say that the log stands still.
const STANDSTILL: Duration = Duration::from_secs(1);

/// Between two readings.
const READ_PAUSE: Duration = Duration::from_millis(100);

/// The disk of the log.
pub(super) async fn of_the_log(run: &mut Run) -> anyhow::Result<Outcome> {
    if let Some(why) = Mount::is_impossible().await? {
        return Ok(Outcome::skipped(why));
    }
    let times = run.pick(1, 5);
    match run.store {
        Store::Sqlite => {
            let disk = Mount::tmpfs(SQLITE_MIB).await?;
            let store_url = Some(format!("sqlite:{}", disk.path().join("log.db").display()));
            let stage = Stage::start(SystemSetup { store_url, ..run.setup()? }).await?;
            filled(run, &stage, &disk, times).await
        }
        Store::Postgres => {
            let disk = Mount::tmpfs(POSTGRES_MIB).await?;
            // The write-ahead log has a disk of its own: without room there PostgreSQL stops, and nobody can read.
            let wal = testkit::scratch::Scratch::create("wal")?;
            testkit::mount::let_through(wal.path())?;
            let data_dir = Some(disk.path().join("data"));
            let wal_dir = Some(wal.path().join("wal"));
            let postgres =
                Postgres::start_with(PostgresSetup { data_dir, wal_dir, ..PostgresSetup::default() }).await?;
            let stage = Stage::start(sample_on(run, &postgres).await?).await?;
            filled(run, &stage, &disk, times).await
        }
    }
}

async fn filled(run: &mut Run, stage: &Stage, disk: &Mount, times: u64) -> anyhow::Result<Outcome> {
    let mut load = clients(stage, run);
    let (mut readings, mut longest) = (0, Duration::ZERO);
    run.bar.set_length(times);
    for _ in 0..times {
        grow(stage, &mut load, 100, PATIENCE).await?;
        disk.fill()?;
        readings += read_while_full(stage, &mut load).await?;
        disk.make_room()?;
        longest = longest.max(grow(stage, &mut load, 20, RESUME_PATIENCE).await?);
        run.bar.inc(1);
    }
    let counted = [("times full", times), ("readings", readings), ("ms to resume at most", milliseconds(longest))];
    settle(stage, load, counted).await
}

/// Reads until commands have failed for some time. Every reading must be answered.
async fn read_while_full(stage: &Stage, load: &mut Load) -> anyhow::Result<u64> {
    let (http, auditor) = (stage.http(), stage.token(Who::Auditor));
    let (mut log, mut noticed) = (Log::of(stage), None);
    let (mut readings, started) = (0, Instant::now());
    while noticed.is_none_or(|noticed: Instant| noticed.elapsed() < FULL_FOR) {
        load.check()?;
        for path in ["/events?after=0&limit=50", "/events/1", "/cases?grid=JAS"] {
            let request = http.raw().get(http.url(path)).header("Accept", "application/json");
            let answer = http.send(auditor, request).await;
            let answer = answer.with_context(|| format!("{path} while the disk is full"))?;
            ensure!(answer.status == 200, "{path} while the disk is full: {} {}", answer.status, answer.text);
            readings += 1;
        }
        if noticed.is_none() && log.stands_still().await {
            noticed = Some(Instant::now());
        }
        ensure!(noticed.is_some() || started.elapsed() < NOTICE_PATIENCE, "commands are taken though the disk is full");
        tokio::time::sleep(READ_PAUSE).await;
    }
    Ok(readings)
}

/// The head of a log whose clients never rest.
struct Log {
    tables: Tables,
    last: Option<u64>,
    since: Instant,
}

impl Log {
    fn of(stage: &Stage) -> Self {
        Self { tables: Tables::of(&stage.system), last: None, since: Instant::now() }
    }

    /// Whether nothing was recorded for some time. A database that does not answer records nothing.
    async fn stands_still(&mut self) -> bool {
        let now = self.tables.head().await.ok();
        if now.is_some() && now != self.last {
            (self.last, self.since) = (now, Instant::now());
        }
        self.since.elapsed() >= STANDSTILL
    }
}

/// The disk of the write-ahead log. PostgreSQL cannot continue then, nor be read from; what matters is what comes after.
pub(super) async fn of_the_wal(run: &mut Run) -> anyhow::Result<Outcome> {
    if let Some(why) = Mount::is_impossible().await? {
        return Ok(Outcome::skipped(why));
    }
    let times = run.pick(1, 5);
    let disk = Mount::tmpfs(WAL_MIB).await?;
    let setup = PostgresSetup {
        wal_dir: Some(disk.path().join("wal")),
        wal_segment_mib: Some(1),
        // Nothing is kept ready: the next file needs room.
        settings: "min_wal_size = '2MB'\nmax_wal_size = '8MB'\nwal_recycle = off\n".to_owned(),
        ..PostgresSetup::default()
    };
    let mut postgres = Postgres::start_with(setup).await?;
    let stage = Stage::start(sample_on(run, &postgres).await?).await?;
    let mut load = clients(&stage, run);
    let (mut started_again, mut longest) = (0, Duration::ZERO);
    run.bar.set_length(times);
    for _ in 0..times {
        grow(&stage, &mut load, 100, PATIENCE).await?;
        disk.fill()?;
        let mut log = Log::of(&stage);
        eventually("commands are not taken any more", PATIENCE, async || {
            load.check()?;
            Ok(log.stands_still().await.then_some(()))
        })
        .await?;
        tokio::time::sleep(FULL_FOR).await;
        disk.make_room()?;
        let room = Instant::now();
        started_again += supervise(&mut postgres, &stage).await?;
        grow(&stage, &mut load, 20, RESUME_PATIENCE).await.with_context(|| postgres.log_tail())?;
        longest = longest.max(room.elapsed());
        run.bar.inc(1);
    }
    let counted = [
        ("times full", times),
        ("times its supervisor had to start it", started_again),
        ("ms to resume at most", milliseconds(longest)),
    ];
    settle(&stage, load, counted).await
}

/// PostgreSQL recovers by itself, or ends for good while there is no room: then its supervisor starts it. Says how often
/// that was.
async fn supervise(postgres: &mut Postgres, stage: &Stage) -> anyhow::Result<u64> {
    let (tables, mut times, deadline) = (Tables::of(&stage.system), 0, Instant::now() + RESUME_PATIENCE);
    while tables.head().await.is_err() {
        if postgres.has_ended()? {
            postgres.start_again().await?;
            times += 1;
        }
        ensure!(Instant::now() < deadline, "PostgreSQL does not come back:\n{}", postgres.log_tail());
        tokio::time::sleep(READ_PAUSE).await;
    }
    Ok(times)
}

/// The disk of NATS: commands and readings still work, and the stream follows when there is room.
pub(super) async fn of_nats(run: &mut Run) -> anyhow::Result<Outcome> {
    if let Some(why) = Mount::is_impossible().await? {
        return Ok(Outcome::skipped(why));
    }
    let times = run.pick(1, 5);
    let disk = Mount::tmpfs(NATS_MIB).await?;
    let nats = nats_on(disk.path().join("nats"), false).await?;
    let stage = Stage::start(SystemSetup { nats: Some(nats), ..run.setup()? }).await?;
    // Few clients: they go on while nothing but NATS is waited for.
    let mut load = stage.load(CLIENTS_BESIDE_NATS, Manners::default(), &mut run.randomness, &[stage.http()]);
    let mut longest = Duration::ZERO;
    run.bar.set_length(times);
    for time in 0..times {
        grow(&stage, &mut load, 50, PATIENCE).await?;
        disk.fill()?;
        if time % 2 == 0 {
            break_stream(&stage).await?;
        }
        stream_stands_still(&stage, &mut load).await?;
        grow(&stage, &mut load, 50, PATIENCE).await.context("commands do not need NATS")?;
        disk.make_room()?;
        let room = Instant::now();
        follows(&stage).await.with_context(|| testkit::process::tail(&stage.system.nats().log_path(), 15))?;
        longest = longest.max(room.elapsed());
        run.bar.inc(1);
    }
    settle(&stage, load, [("times full", times), ("ms to resume at most", milliseconds(longest))]).await
}

/// A nats-server for the sample district that stores in this folder.
pub(super) async fn nats_on(store_dir: PathBuf, flushes_seldom: bool) -> anyhow::Result<NatsServer> {
    let departments = sample::department_codes()?;
    let setup = NatsSetup { departments, store_dir: Some(store_dir), flushes_seldom, ..NatsSetup::default() };
    NatsServer::start(setup).await
}

/// Sends a message that has no room, whether ours fail before the stream is written to or then. After that nats-server takes
/// nothing more for the stream.
async fn break_stream(stage: &Stage) -> anyhow::Result<()> {
    let client = stage.system.nats().connect(CORE).await?;
    client
        .publish("dg.evt.district.has_no_room", vec![b'x'; NO_ROOM_BYTES].into())
        .await
        .context("could not publish")?;
    client.flush().await.context("could not publish")
}

/// Waits until the log has moved on for some time and the stream has not.
async fn stream_stands_still(stage: &Stage, load: &mut Load) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut last, mut since) = (sequence(stage).await, Instant::now());
    while since.elapsed() < FULL_FOR {
        load.check()?;
        tokio::time::sleep(READ_PAUSE).await;
        let now = sequence(stage).await;
        if now.is_some() && now != last {
            (last, since) = (now, Instant::now());
        }
        if started.elapsed() > PATIENCE {
            bail!("NATS still stores although its disk is full");
        }
    }
    Ok(())
}

/// How far the stream is; none where NATS does not say.
pub(super) async fn sequence(stage: &Stage) -> Option<u64> {
    let client = stage.system.nats().connect(CORE).await.ok()?;
    bus::last_sequence(&client).await.ok()?
}

/// Waits until the stream has what the log has now.
async fn follows(stage: &Stage) -> anyhow::Result<()> {
    let head = Tables::of(&stage.system).head().await?;
    let what = format!("the stream has the event {head}");
    eventually(&what, RESUME_PATIENCE, async || Ok((sequence(stage).await >= Some(head)).then_some(()))).await
}
