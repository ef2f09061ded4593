//! The power is lost: what was not flushed is gone. Nothing that was acknowledged may be among it.
//!
//! A program dies with its machine and can say nothing after that. Here it outlives its disk, and a flush that is under
//! way while ext4 is shut down may come back as done though it is not. So whoever would pass that on is held still before
//! the disk stops, and gets no word out any more.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{Load, Stage};
use testkit::mount::Mount;
use testkit::postgres::{Postgres, PostgresSetup};
use testkit::process::Signal;
use testkit::proxy::Proxy;
use testkit::system::{Store, SystemSetup};

use super::disk_full::{nats_on, sequence};
use super::{PATIENCE, RESUME_PATIENCE, clients, grow, sample_on, settle};
use crate::scenario::{Outcome, Run};

/// Room for everything that one scenario stores, in MiB.
const DISK_MIB: u64 = 768;

/// A file that nobody flushes. Its name may come onto the disk together with what others flush; what is in it must be
/// gone, or no power was lost.
const CANARY: &str = "canary";
/// How long it takes at most until whoever is held still does not move any more.
const STILLNESS: Duration = Duration::from_millis(50);

/// What is in it.
const UNFLUSHED: &str = "nobody flushes this";

/// The log's disk stops, its server dies, and both come back.
pub(super) async fn of_the_log(run: &mut Run) -> anyhow::Result<Outcome> {
    if let Some(why) = Mount::is_ext4_impossible().await? {
        return Ok(Outcome::skipped(why));
    }
    let disk = Mount::ext4(DISK_MIB).await?;
    match run.store {
        Store::Sqlite => of_sqlite(run, &disk).await,
        Store::Postgres => of_postgres(run, &disk).await,
    }
}

async fn of_sqlite(run: &mut Run, disk: &Mount) -> anyhow::Result<Outcome> {
    let losses = run.pick(1, 20);
    let store_url = Some(format!("sqlite:{}", disk.path().join("log.db").display()));
    let mut stage = Stage::start(SystemSetup { store_url, ..run.setup()? }).await?;
    let mut load = clients(&stage, run);
    run.bar.set_length(losses);
    for _ in 0..losses {
        run_for_a_while(run, &stage, &mut load).await?;
        stage.system.signal(Signal::Stop)?;
        tokio::time::sleep(STILLNESS).await;
        lose(disk).await?;
        stage.system.kill()?;
        come_back(disk).await?;
        stage.system.restart().await?;
        grow(&stage, &mut load, 1, RESUME_PATIENCE).await?;
        run.bar.inc(1);
    }
    settle(&stage, load, [("losses of power", losses)]).await
}

async fn of_postgres(run: &mut Run, disk: &Mount) -> anyhow::Result<Outcome> {
    let losses = run.pick(1, 20);
    let data_dir = Some(disk.path().join("data"));
    let mut postgres = Postgres::start_with(PostgresSetup { data_dir, ..PostgresSetup::default() }).await?;
    // initdb does not flush what it makes here.
    disk.flush().await?;
    let proxy = Proxy::before_postgres(postgres.port()).await?;
    let mut setup = sample_on(run, &postgres).await?;
    setup.store_url = setup.store_url.map(|url| postgres.url_at(&url, proxy.address().port()));
    let stage = Stage::start(setup).await?;
    let mut load = clients(&stage, run);
    run.bar.set_length(losses);
    for _ in 0..losses {
        run_for_a_while(run, &stage, &mut load).await?;
        proxy.stall();
        tokio::time::sleep(STILLNESS).await;
        lose(disk).await?;
        postgres.stop_immediately().await?;
        proxy.cut_all();
        tokio::time::sleep(STILLNESS).await;
        proxy.flow();
        come_back(disk).await?;
        postgres.start_again().await?;
        grow(&stage, &mut load, 1, RESUME_PATIENCE).await?;
        run.bar.inc(1);
    }
    settle(&stage, load, [("losses of power", losses)]).await
}

/// NATS forgets what it acknowledged: it is a copy, and is made whole again.
pub(super) async fn of_nats(run: &mut Run) -> anyhow::Result<Outcome> {
    if let Some(why) = Mount::is_ext4_impossible().await? {
        return Ok(Outcome::skipped(why));
    }
    let losses = run.pick(1, 20);
    let disk = Mount::ext4(DISK_MIB).await?;
    let nats = nats_on(disk.path().join("nats"), true).await?;
    let mut stage = Stage::start(SystemSetup { nats: Some(nats), ..run.setup()? }).await?;
    let mut load = clients(&stage, run);
    let mut forgotten = 0;
    run.bar.set_length(losses);
    for _ in 0..losses {
        run_for_a_while(run, &stage, &mut load).await?;
        let before = sequence(&stage).await.context("NATS does not say how far it is")?;
        lose(&disk).await?;
        stage.system.nats_mut().kill()?;
        come_back(&disk).await?;
        // Nobody publishes until we have seen what is left.
        stage.system.signal(Signal::Stop)?;
        stage.system.nats_mut().start_again().await.context("NATS does not start with what is left")?;
        let after = sequence(&stage).await.unwrap_or_default();
        stage.system.signal(Signal::Continue)?;
        forgotten += before.saturating_sub(after);
        grow(&stage, &mut load, 20, PATIENCE).await?;
        run.bar.inc(1);
    }
    settle(&stage, load, [("losses of power", losses), ("messages forgotten by NATS", forgotten)]).await
}

async fn run_for_a_while(run: &mut Run, stage: &Stage, load: &mut Load) -> anyhow::Result<()> {
    let more = 20 + run.randomness.below(150);
    grow(stage, load, more, PATIENCE).await.map(drop)
}

async fn lose(disk: &Mount) -> anyhow::Result<()> {
    // A new file: what replaces the text of another is flushed by ext4 itself.
    let mut file = File::create_new(canary(disk)).context("could not create the canary")?;
    file.write_all(UNFLUSHED.as_bytes()).context("could not write the canary")?;
    disk.lose_power().await
}

async fn come_back(disk: &Mount) -> anyhow::Result<()> {
    disk.mount_again().await?;
    let is_there = std::fs::read_to_string(canary(disk)).is_ok_and(|text| text == UNFLUSHED);
    ensure!(!is_there, "what nobody flushed outlived the loss of power");
    match std::fs::remove_file(canary(disk)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("could not remove the canary"),
        _ => Ok(()),
    }
}

fn canary(disk: &Mount) -> PathBuf {
    disk.path().join(CANARY)
}
