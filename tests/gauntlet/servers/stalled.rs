//! No silent lag: a role that has work and makes no progress says so.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Stage, database_of};
use testkit::client::{Client, eventually};
use testkit::postgres::{Address, Postgres};
use testkit::process::{Process, Program, Signal};
use testkit::tools;

use super::{PATIENCE, clients, grow, milliseconds, sample_on, settle};
use crate::scenario::{Outcome, Run};

/// The view whose table is locked. No command asks it: that of cases is looked at when one is registered.
const VIEW: &str = "department_order";

/// What the session that holds the lock is called.
const SESSION: &str = "gauntlet lock";

/// What the roles are called in readiness and metrics.
const ROLES: [&str; 2] = ["publisher", "view department_order"];

/// How long it may take until both have said it: half a minute without progress, and some for looking.
const NOTICE_PATIENCE: Duration = Duration::from_secs(45);

/// How long they must not say it: a role that is merely slow is not stalled.
const SILENCE: Duration = Duration::from_secs(15);

/// The publisher's server stands still and the view's table is locked; both are named, and neither for longer.
pub(super) async fn play(run: &mut Run) -> anyhow::Result<Outcome> {
    let postgres = Postgres::start().await?;
    let mut stage = Stage::start(sample_on(run, &postgres).await?).await?;
    let mut load = clients(&stage, run);
    grow(&stage, &mut load, 50, PATIENCE).await?;
    ensure!(stalled(&stage.http()).await?.is_empty(), "a role counts as stalled though all goes well");

    stage.system.nats_mut().signal(Signal::Stop)?;
    let lock = lock_view(&stage).await?;
    let began = tokio::time::Instant::now();
    grow(&stage, &mut load, 20, PATIENCE).await.context("new cases need neither the stream nor the views")?;
    // What waits now is enough: more of it would only have to be compared at the end.
    load.stop().await?;
    let early = stalled(&stage.http()).await?;
    ensure!(early.is_empty() || began.elapsed() > SILENCE, "too early stalled: {early:?}");
    let http = stage.http();
    let mut seen = String::new();
    let noticed = eventually("both roles are named", NOTICE_PATIENCE, async || {
        let ready = http.get("", "/readyz").await?;
        let stalled = stalled(&http).await?;
        seen = format!("{} {}, stalled: {stalled:?}", ready.status, ready.text);
        let is_named = ROLES.iter().all(|role| ready.text.contains(role) && stalled.iter().any(|found| found == role));
        Ok((ready.status == 503 && is_named).then_some(()))
    });
    noticed.await.with_context(|| seen.clone())?;
    let took = began.elapsed();

    release(&postgres).await?;
    drop(lock);
    stage.system.nats_mut().signal(Signal::Continue)?;
    let again = eventually("all is well again", PATIENCE, async || {
        let ready = http.get("", "/readyz").await?;
        seen = format!("{} {}", ready.status, ready.text);
        Ok((ready.status == 200 && stalled(&http).await?.is_empty()).then_some(()))
    });
    again.await.with_context(|| seen.clone())?;
    let mut load = clients(&stage, run);
    grow(&stage, &mut load, 20, PATIENCE).await?;
    settle(&stage, load, [("ms to notice", milliseconds(took))]).await
}

/// A session that holds a lock on the table of the view until it is dropped.
async fn lock_view(stage: &Stage) -> anyhow::Result<Process> {
    let tables = Tables::of(&stage.system);
    let builds = tables.builds().await?;
    let build = builds.iter().find(|build| build.name == VIEW).with_context(|| format!("no view {VIEW}"))?;
    let sql = format!(
        "set application_name = '{SESSION}'; set search_path = views; begin; lock table {} in access exclusive mode; select pg_sleep(600)",
        build.table
    );
    let (psql, url) = (tools::postgresql_bin().await?.join("psql"), stage.system.store_url());
    let Address { port, user, password } = url.parse()?;
    let session = Program::new("psql", psql, stage.system.dir().join("lock.log"))
        .args(["--no-psqlrc", "--quiet", "--host=127.0.0.1", "--username", &user, "--port", &port.to_string()])
        .args(["--dbname", database_of(url)?, "--command", &sql])
        .env("PGPASSWORD", password)
        .end_with(Signal::Terminate)
        .spawn()?;
    // Views are written again and again: the lock is there when nothing of this view moves any more.
    let mut last = None;
    eventually("the view stands still", PATIENCE, async || {
        let now = tables.builds().await?.into_iter().find(|build| build.name == VIEW).map(|build| build.position);
        let stands_still = now == last && now.is_some() && now < Some(tables.head().await?);
        last = now;
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(stands_still.then_some(()))
    })
    .await?;
    Ok(session)
}

/// Ends that session. Its client's end alone would not: the server notices that when the session next says something.
async fn release(postgres: &Postgres) -> anyhow::Result<()> {
    let sql = format!("select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{SESSION}'");
    let ended = postgres.query("postgres", &sql).await?;
    ensure!(ended.trim() == "t", "the session with the lock is not there: {ended}");
    Ok(())
}

/// The roles whose metric says that they are stalled.
async fn stalled(http: &Client) -> anyhow::Result<Vec<String>> {
    let metrics = http.get("", "/metrics").await?;
    ensure!(metrics.status == 200, "no metrics: {} {}", metrics.status, metrics.text);
    let role = |line: &str| {
        let rest = line.strip_prefix("dualgrid_role_stalled{role=\"")?;
        let (role, value) = rest.split_once("\"}")?;
        (value.trim() == "1").then(|| role.to_owned())
    };
    Ok(metrics.text.lines().filter_map(role).collect())
}
