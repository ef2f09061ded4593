//! Sixty views at once: built anew from the whole log, and kept up to date by the reader of the product. Both happen in a
//! process of its own: this program, started again.

use std::process::Stdio;

use anyhow::{Context as _, ensure};
use app::health::Health;
use app::lanes::Sources;
use app::projector::Reader;
use app::rebuild::{ROWS_HELD_MAX, rebuild};
use app::registry;
use clap::ValueEnum;
use testkit::system::System;
use tokio::process::Command;

use super::followed::{SIXTY, sixty};
use super::{lag, rebuild as watched};
use crate::context::Context;
use crate::report::{Figure, Report};

/// The variable that names the log.
pub(crate) const LOG: &str = "DUALGRID_BENCH_LOG";

/// What the other process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    Rebuild,
    Follow,
}

/// What the other process is.
pub(crate) async fn run_task(task: Task, url: &str) -> anyhow::Result<()> {
    let opened = log::open(url, &log::Options::default()).await?;
    let sources = Sources { log: opened.log, views: opened.views, decode: registry::decode };
    let folds = sixty().into_iter().map(|view| view.fold).collect();
    match task {
        Task::Rebuild => {
            let rebuilt = rebuild(&sources, folds, ROWS_HELD_MAX, |_, _| {}).await?;
            let failed: Vec<&str> = rebuilt.failed.iter().map(|(view, _)| *view).collect();
            ensure!(failed.is_empty(), "these views could not be built: {}", failed.join(", "));
        }
        Task::Follow => {
            let (_stop, stopped) = tokio::sync::watch::channel(false);
            Reader::new(sources, folds).follow(&Health::default(), stopped).await;
        }
    }
    Ok(())
}

/// Measures.
pub(super) async fn run(
    context: &Context,
    system: &System,
    events: u64,
    name: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    context.say(format!("rebuilding {SIXTY} views from {events} events, {name}"));
    let rebuilt = watched::watched(command(Task::Rebuild, system)?, events).await?;
    let what = format!("{SIXTY} views built anew from {events} events, {name}");
    report.add(rebuilt.per_s.figure(format!("rebuild_60_views_events_per_s_{name}"), what, "/s"));
    let what = format!("the same: most memory of the process, {name}");
    report.add(Figure::new(format!("rebuild_60_views_rss_mib_{name}"), what, rebuilt.memory_mib, "MiB"));
    context.say(format!("{SIXTY} views behind 2,000 events/s, {name}"));
    let views = sixty();
    let mut follower = command(Task::Follow, system)?.spawn().context("could not start the reader of sixty views")?;
    let lags = tokio::select! {
        lags = lag::measure(context, system, &views) => lags?,
        ended = follower.wait() => anyhow::bail!("the reader of sixty views ended with {}", ended?),
    };
    follower.kill().await.context("could not end the reader of sixty views")?;
    let suffix = if name == "pg" { String::new() } else { format!("_{name}") };
    let what = |share: &str| format!("commit to visible at 2,000 events/s with {SIXTY} views, {name}: {share} within");
    let figure = |of: &str, share: &str, part| {
        Figure::new(format!("live_lag_60_views_{of}_ms{suffix}"), what(share), lags.percentile_ms(part), "ms")
    };
    report.add(figure("p50", "half", 0.5));
    report.add(figure("p99", "99 %", 0.99).at_most(200.0));
    Ok(())
}

fn command(task: Task, system: &System) -> anyhow::Result<Command> {
    let task = task.to_possible_value().context("a task without a name")?;
    let mut command = Command::new(std::env::current_exe().context("this program does not know where it is")?);
    command.args(["--sixty", task.get_name()]).env(LOG, system.store_url());
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    Ok(command)
}
