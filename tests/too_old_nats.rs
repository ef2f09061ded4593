//! A nats-server that is too old is refused with a clear message, at the start and while the process runs.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{World, stream_equals_log};
use testkit::bus;
use testkit::client::eventually;
use testkit::nats::{CORE, NatsServer, NatsSetup};
use testkit::system::{Store, System, SystemSetup};
use testkit::{sample, tools};

const PATIENCE: Duration = Duration::from_mins(1);

/// The version that is refused, and the first that is taken.
const VERSIONS: [&str; 2] = ["2.12.6", "2.12.7"];

#[tokio::test]
async fn a_process_does_not_start_with_a_server_that_is_too_old_and_says_why() -> anyhow::Result<()> {
    let binary = Some(tools::nats_server_too_old().await?);
    let departments = sample::department_codes()?;
    let nats = NatsServer::start(NatsSetup { departments, binary, ..NatsSetup::default() }).await?;
    let setup = SystemSetup { nats: Some(nats), ..SystemSetup::sample(Store::Sqlite)? };
    let error = System::start(setup).await.err().context("it started with a nats-server that is too old")?;
    let said = format!("{error:#}");
    ensure!(VERSIONS.iter().all(|version| said.contains(version)), "it does not say why: {said}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_becomes_too_old_gets_nothing_until_it_is_replaced() -> anyhow::Result<()> {
    let mut world = World::start(Store::Sqlite).await?;
    stream_equals_log(&world.system, &world.auditor).await?;
    let nats = world.system.nats_mut();
    nats.use_binary(tools::nats_server_too_old().await?);
    nats.wipe().await?;
    world.discover("JAS-R01-M01", "NATS退回旧版").await?;
    eventually("readiness says what is wrong", PATIENCE, async || {
        let ready = world.http().get("", "/readyz").await?;
        Ok(VERSIONS.iter().all(|version| ready.text.contains(version)).then_some(()))
    })
    .await?;
    let log = std::fs::read_to_string(world.system.log_path())?;
    let is_said = log.lines().any(|line| VERSIONS.iter().all(|version| line.contains(version)));
    ensure!(is_said, "the log does not say what is wrong:\n{log}");
    let client = world.system.nats().connect(CORE).await?;
    ensure!(bus::last_sequence(&client).await?.is_none(), "something was published to a server that was refused");

    let nats = world.system.nats_mut();
    nats.use_binary(tools::nats_server().await?);
    nats.wipe().await?;
    stream_equals_log(&world.system, &world.auditor).await.map(drop)
}
