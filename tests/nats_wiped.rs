//! Everything that NATS stored is deleted in the middle, or something else stands there. It is only a copy: the stream
//! equals the log again.

use anyhow::ensure;
use dualgrid_tests::{World, stream_becomes_log, stream_equals_log};
use testkit::nats::CORE;
use testkit::stories::{Timeline, health_certificates};
use testkit::system::Store;

#[tokio::test]
async fn a_wiped_stream_equals_the_log_again_on_sqlite() -> anyhow::Result<()> {
    wiped(Store::Sqlite).await
}

#[tokio::test]
async fn a_wiped_stream_equals_the_log_again_on_postgresql() -> anyhow::Result<()> {
    wiped(Store::Postgres).await
}

async fn wiped(store: Store) -> anyhow::Result<()> {
    let mut world = World::start(store).await?;
    for number in 0..10 {
        world.discover("JAS-R01-M01", &format!("清空前 {number}")).await?;
    }
    let before = stream_equals_log(&world.system, &world.auditor).await?;

    world.system.nats_mut().wipe().await?;
    for number in 0..10 {
        world.discover("JAS-R01-M02", &format!("清空后 {number}")).await?;
    }
    let after = stream_equals_log(&world.system, &world.auditor).await?;
    ensure!(after == before + 10, "{before} events before, {after} after");

    // Departments find their consumers again, too.
    health_certificates::play(&world.system, &Timeline::start()).await?;
    stream_equals_log(&world.system, &world.auditor).await.map(drop)
}

#[tokio::test]
async fn a_stream_that_was_wiped_while_the_process_was_away_equals_the_log_again() -> anyhow::Result<()> {
    let mut world = World::start(Store::Sqlite).await?;
    world.discover("JAS-R01-M01", "停机前").await?;
    let before = stream_equals_log(&world.system, &world.auditor).await?;
    world.system.stop().await?;
    world.system.nats_mut().wipe().await?;
    world.system.restart().await?;
    ensure!(stream_equals_log(&world.system, &world.auditor).await? == before, "events came from nowhere");
    Ok(())
}

#[tokio::test]
async fn what_another_wrote_into_the_stream_does_not_stay_there() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    world.discover("JAS-R01-M01", "他人写入前").await?;
    stream_equals_log(&world.system, &world.auditor).await?;
    let core = world.system.nats().connect(CORE).await?;
    core.request("dg.evt.district.case_closed", "{\"forged\":true}".into()).await?;
    world.discover("JAS-R01-M01", "他人写入后").await?;
    stream_becomes_log(&world.system, &world.auditor).await.map(drop)
}
