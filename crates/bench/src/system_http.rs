//! Whole commands over HTTP: token, load, decide, append, answer; 64 clients, each with one kept-alive connection.
//!
//! The server is a process of its own, as it is in production. The clients are one thread of ours: they take from the
//! same cores, but little. Every answer has to be of the 2xx family and record something, and what the answers say was
//! recorded has to be in the log.

mod growth;
mod lifecycle;
mod load;
mod people;
mod wire;

use std::time::Duration;

use anyhow::{Context as _, ensure};
use kernel::{CaseId, Clock as _, SystemClock};
use testkit::system::{Store, System, SystemSetup};
use tokio::time::Instant;

use crate::context::Context;
use crate::measure::{Latencies, Series};
use crate::parts::is_asked_for;
use crate::report::Report;
use load::{Plan, Seen};
pub(crate) use people::People;
pub(crate) use wire::Wire;

/// How many clients there are.
const CLIENTS: usize = 64;
/// How many windows are measured: their median counts.
const WINDOWS: u32 = 5;
/// Caches are filled and connections made before the first window.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long views and the stream may need to follow when the load is over.
const PATIENCE: Duration = Duration::from_mins(5);

/// Measures.
pub(crate) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    if is_asked_for("api") {
        // The way of a command: token, load, decide, append, answer. Views and the stream have their own figures, and may run
        // elsewhere.
        context.say("commands on PostgreSQL, the role api");
        let api = measure_fresh(context, Store::Postgres, &["api"]).await?;
        report.add(api.per_s.figure("http_commands_per_s", "commands over HTTP, 64 clients", "/s").at_least(5_000.0));
        report.add(api.p50.figure("http_p50_ms", "the same: half of the answers within", "ms"));
        report.add(api.p99.figure("http_p99_ms", "the same: 99 % of the answers within", "ms").at_most(40.0));
    }
    if is_asked_for("all") {
        context.say("commands on PostgreSQL, all roles in one process");
        let all = measure_fresh(context, Store::Postgres, &[]).await?;
        let what = "the same with all roles on the same two cores";
        report.add(all.per_s.figure("http_all_roles_commands_per_s", what, "/s"));
        report.add(all.p99.figure("http_all_roles_p99_ms", "the same: 99 % of the answers within", "ms"));
        let catch_up = Series(vec![all.catch_up.as_secs_f64()]);
        report.add(catch_up.figure("http_catch_up_s", "the same: views and stream caught up after", "s"));
    }
    if is_asked_for("sqlite") {
        context.say("commands on SQLite, all roles");
        let sqlite = measure_fresh(context, Store::Sqlite, &[]).await?;
        report.add(sqlite.per_s.figure("http_sqlite_commands_per_s", "commands over HTTP, on SQLite", "/s"));
        report.add(sqlite.p99.figure("http_sqlite_p99_ms", "the same: 99 % of the answers within", "ms"));
    }
    if is_asked_for("growth") {
        growth::run(context, report).await?;
    }
    Ok(())
}

/// What the windows gave.
#[derive(Debug, Default)]
struct Measured {
    per_s: Series,
    p50: Series,
    p99: Series,
    /// How long views and stream needed after the last command.
    catch_up: Duration,
}

/// A new system with the sample district, and load on it.
async fn measure_fresh(context: &Context, store: Store, roles: &[&str]) -> anyhow::Result<Measured> {
    let roles: Vec<String> = roles.iter().map(|role| (*role).to_owned()).collect();
    let follows = roles.is_empty();
    let system = System::start(SystemSetup { roles, ..SystemSetup::sample(store)? }).await?;
    let mut measured = measure(&system, Vec::new(), Course::of(context)).await?;
    if follows {
        measured.catch_up = caught_up(&system).await?;
    }
    Ok(measured)
}

/// How long load is measured.
#[derive(Debug, Clone, Copy)]
struct Course {
    warm_up: Duration,
    window: Duration,
    windows: u32,
}

impl Course {
    fn of(context: &Context) -> Self {
        let window = context.size(Duration::from_millis(1_200), Duration::from_secs(5));
        Self { warm_up: WARM_UP, window, windows: WINDOWS }
    }
}

/// Load on a system that runs.
async fn measure(system: &System, old: Vec<CaseId>, course: Course) -> anyhow::Result<Measured> {
    let people = People::of(system, "JAS").await?;
    let before = head(system).await?;
    let plan = Plan {
        address: system.http().address(),
        evidence: people.upload(system).await?,
        people,
        day: today(),
        clients: CLIENTS,
        course,
        old,
        seed: testkit::random::seed()?,
    };
    let with_old = !plan.old.is_empty();
    let seen = load::run(plan).await?;
    let recorded = head(system).await? - before;
    ensure!(recorded == seen.events, "the log grew by {recorded} events, the answers name {}", seen.events);
    ensure!(!with_old || seen.old > 0, "no command was about an old case");
    Ok(windows(&seen, course))
}

/// Throughput and times of each window.
#[expect(clippy::cast_precision_loss, reason = "a count of commands")]
fn windows(seen: &Seen, Course { warm_up, window, windows }: Course) -> Measured {
    let mut measured = Measured::default();
    for number in 0..windows {
        let begin = warm_up + window * number;
        let inside = seen.samples.iter().filter(|sample| (begin..begin + window).contains(&sample.at));
        let latencies = Latencies::of(inside.map(|sample| sample.took));
        measured.per_s.0.push(latencies.count() as f64 / window.as_secs_f64());
        measured.p50.0.push(latencies.percentile_ms(0.5));
        measured.p99.0.push(latencies.percentile_ms(0.99));
    }
    measured
}

/// The position of the newest event, from a connection of our own.
pub(crate) async fn head(system: &System) -> anyhow::Result<u64> {
    let opened = log::open(system.store_url(), &log::Options::default()).await.context("could not open the log")?;
    Ok(opened.log.head().await?.0)
}

/// Waits until every view and the stream have come to the head, and says how long that took.
async fn caught_up(system: &System) -> anyhow::Result<Duration> {
    let begin = Instant::now();
    let opened = log::open(system.store_url(), &log::Options::default()).await.context("could not open the log")?;
    let head = opened.log.head().await?;
    let client = system.nats().connect(testkit::nats::CORE).await?;
    testkit::client::eventually("views and stream have followed", PATIENCE, async || {
        if testkit::bus::last_sequence(&client).await? != Some(head.0) {
            return Ok(None);
        }
        let builds = opened.views.builds().await?;
        let is_there =
            |view: &str| builds.iter().any(|build| build.active && build.view == view && build.position >= head);
        Ok(app::registry::views().iter().all(|view| is_there(view.name())).then_some(()))
    })
    .await?;
    Ok(begin.elapsed())
}

/// The day in the district's time, for progress that is reported.
fn today() -> String {
    let now = SystemClock.now() + chrono::TimeDelta::hours(8);
    now.date_naive().to_string()
}
