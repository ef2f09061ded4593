//! Nothing can be recorded for a while, or everybody wants the same case: every command is answered, and none is lied about.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{LogLock, World, discovery};
use futures::future::try_join_all;
use serde_json::{Value, json};
use testkit::client::{Answer, command_id, eventually};
use testkit::system::Store;
use uuid::Uuid;

/// How long readiness may take to notice that nothing can be recorded, or that it can again.
const PATIENCE: Duration = Duration::from_mins(2);
/// How many commands are sent while nothing can be recorded.
const COMMANDS: usize = 5;
/// How many clerks work on one case.
const CLERKS: usize = 20;
/// How often each of them reports.
const REPORTS: usize = 3;

#[tokio::test]
async fn a_lock_on_sqlite_is_told_and_every_command_is_answered() -> anyhow::Result<()> {
    locked(Store::Sqlite).await
}

#[tokio::test]
async fn a_lock_on_postgresql_is_told_and_every_command_is_answered() -> anyhow::Result<()> {
    locked(Store::Postgres).await
}

async fn locked(store: Store) -> anyhow::Result<()> {
    let world = World::start(store).await?;
    let lock = LogLock::take(&world.system).await?;
    let mut commands: Vec<(Uuid, Value)> = Vec::new();
    for number in 0..COMMANDS {
        commands.push((command_id()?, discovery("JAS-R01-M01", &format!("锁住时上报 {number}"))));
    }
    // The lock is let go only after the answers: without a limit there would be none.
    for answer in try_join_all(commands.iter().map(|(id, body)| discover(&world, *id, body))).await? {
        let code = answer.problem_code().unwrap_or_default().to_owned();
        ensure!(answer.status == 503 && answer.header("retry-after").is_some(), "{} {}", answer.status, answer.text);
        ensure!(
            ["outcome-unknown", "unavailable"].contains(&code.as_str()),
            "the outcome is lied about: {}",
            answer.text
        );
    }
    eventually("readiness says that nothing can be recorded", PATIENCE, async || {
        let ready = world.http().get("", "/readyz").await?;
        let is_told = ready.status == 503 && ready.body["checks"]["log"]["ok"] == false;
        let metrics = world.http().get("", "/metrics").await?.text;
        Ok((is_told && metrics.contains("dualgrid_role_stalled{role=\"log\"} 1")).then_some(()))
    })
    .await?;
    drop(lock);
    eventually("it is ready again", PATIENCE, async || {
        Ok((world.http().get("", "/readyz").await?.status == 200).then_some(()))
    })
    .await?;
    let mut cases = Vec::new();
    for (id, body) in &commands {
        let answer = discover(&world, *id, body).await?;
        ensure!(answer.status == 201, "sent again: {} {}", answer.status, answer.text);
        cases.push(answer.body["id"].as_str().context("no case")?.to_owned());
    }
    for case in cases {
        let shown = world.http().get(&world.auditor, &format!("/cases/{case}/history")).await?.accepted()?;
        ensure!(shown["items"].as_array().is_some_and(|items| items.len() == 1), "not recorded once: {shown}");
    }
    Ok(())
}

async fn discover(world: &World, id: Uuid, body: &Value) -> anyhow::Result<Answer> {
    world.http().command(&world.leader, "/cases/discover-issue", id, body.clone()).await
}

#[tokio::test]
async fn twenty_clerks_work_on_one_case_at_once_on_sqlite() -> anyhow::Result<()> {
    many_clerks(Store::Sqlite).await
}

#[tokio::test]
async fn twenty_clerks_work_on_one_case_at_once_on_postgresql() -> anyhow::Result<()> {
    many_clerks(Store::Postgres).await
}

async fn many_clerks(store: Store) -> anyhow::Result<()> {
    let world = World::start(store).await?;
    let clerk = world.system.token("lhsr-1", "department_clerk", &["--department", "LHSR"]).await?;
    // Half of them come through another process, which knows who is registered by then.
    let peer = world.system.peer(&["api"], Vec::new()).await?;
    let doors = [world.http(), peer.http()];
    let case = world.dispatch("JAS-R01-M01", "WM-0101", "LHSR").await?;
    let order = world.order(case, "LHSR").await?;
    world.command(&clerk, case, "accept-order", json!({ "order": order })).await?.accepted()?;
    let shown = world.case(case).await?;
    let day = shown["discovered_at"].as_str().and_then(|moment| moment.get(..10)).context("a case without a day")?;
    let before = version(&world, case).await?;
    let report = async |number: usize| -> anyhow::Result<()> {
        for time in 0..REPORTS {
            let text = format!("第{number}位经办人第{time}次反馈");
            let body = json!({ "order": order, "day": day, "text": text });
            let path = format!("/cases/{case}/record-progress");
            let answer = doors[number % doors.len()].command(&clerk, &path, command_id()?, body).await?;
            ensure!(answer.status == 200, "clerk {number}: {} {}", answer.status, answer.text);
        }
        Ok(())
    };
    try_join_all((0..CLERKS).map(report)).await?;
    let after = version(&world, case).await?;
    ensure!(after == before + (CLERKS * REPORTS) as u64, "{before}, then {after}");
    drop(peer);
    Ok(())
}

async fn version(world: &World, case: Uuid) -> anyhow::Result<u64> {
    world.case(case).await?["version"].as_u64().context("a case without version")
}

#[tokio::test]
async fn a_process_that_never_reached_nats_stops_at_once() -> anyhow::Result<()> {
    let mut world = World::start(Store::Sqlite).await?;
    world.system.stop().await?;
    world.system.nats_mut().stop().await?;
    world.system.restart().await?;
    // What some role waits for, and what is given up after 30 seconds, is in the log.
    world.system.stop().await?;
    let log = std::fs::read_to_string(world.system.log_path())?;
    ensure!(!log.contains("some roles did not end in time"), "a role waited for NATS:\n{log}");
    Ok(())
}
