//! NATS stops in the middle. Commands are still accepted, and published later, in order.

use anyhow::{Context as _, ensure};
use dualgrid_tests::{World, registration, stream_equals_log};
use testkit::bus;
use testkit::nats::CORE;
use testkit::stories::{Timeline, second_cycle};
use testkit::system::Store;

/// How many cases are found while NATS is away.
const MEANWHILE: usize = 20;

#[tokio::test]
async fn what_was_recorded_without_nats_is_published_later_on_sqlite() -> anyhow::Result<()> {
    without_nats(Store::Sqlite).await
}

#[tokio::test]
async fn what_was_recorded_without_nats_is_published_later_on_postgresql() -> anyhow::Result<()> {
    without_nats(Store::Postgres).await
}

async fn without_nats(store: Store) -> anyhow::Result<()> {
    let mut world = World::start(store).await?;
    world.discover("JAS-R01-M01", "NATS在线").await?;
    let before = stream_equals_log(&world.system, &world.auditor).await?;

    world.system.nats_mut().stop().await?;
    for number in 0..MEANWHILE {
        let case = world.discover("JAS-R01-M02", &format!("NATS离线 {number}")).await?;
        let answer = world.command(&world.leader, case, "register-issue", registration("WM-0101")).await?.accepted()?;
        ensure!(answer["events"].as_u64() >= Some(1), "{answer}");
    }
    let health = world.http().get("", "/healthz").await?;
    ensure!(health.status == 200, "without NATS the process is still alive: {}", health.text);

    world.system.nats_mut().start_again().await?;
    let after = stream_equals_log(&world.system, &world.auditor).await?;
    ensure!(after >= before + 2 * MEANWHILE, "{before} events before, {after} after");
    // Departments hear and are heard again.
    second_cycle::play(&world.system, &Timeline::start()).await.context("after NATS came back")?;
    stream_equals_log(&world.system, &world.auditor).await.map(drop)
}

#[tokio::test]
async fn a_system_that_starts_without_nats_takes_commands_and_publishes_later() -> anyhow::Result<()> {
    let mut world = World::start(Store::Sqlite).await?;
    world.system.kill()?;
    world.system.nats_mut().kill()?;
    world.system.restart().await?;
    world.discover("JAS-R01-M01", "开机时NATS不在").await?;
    world.system.nats_mut().start_again().await?;
    let events = stream_equals_log(&world.system, &world.auditor).await?;
    let client = world.system.nats().connect(CORE).await?;
    ensure!(bus::last_sequence(&client).await? == Some(events as u64), "something wrote after the comparison");
    Ok(())
}
