//! How long it takes from a commit until every view has passed it, in another process than the one that appends.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use app::port::{Build, ViewStore};
use testkit::system::System;
use tokio::time::Instant;

use crate::appends::{Committed, Sample, paced};
use crate::context::Context;
use crate::measure::Latencies;
use crate::report::{Figure, Report};

/// How many events a second.
const EVENTS_PER_S: u32 = 2_000;
/// How often the checkpoints are looked at: so exact is the lag.
const LOOK_EVERY: Duration = Duration::from_millis(4);
/// How long the views may need when the load is over.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures.
pub(super) async fn run(context: &Context, system: &System, report: &mut Report) -> anyhow::Result<()> {
    let mut projector = system.peer(&["projector"], Vec::new()).await?;
    let opened = log::open(system.store_url(), &log::Options::default()).await?;
    let mut builds = Vec::new();
    for view in app::view::all() {
        let active = opened.views.active(&view.spec()).await?;
        builds.push(active.context("a view has no build")?.0);
    }
    let sample = Sample::issue_discovered()?;
    let duration = context.size(Duration::from_secs(6), Duration::from_secs(10));
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let load = async {
        let committed = paced(&opened.log, &sample, EVENTS_PER_S, duration).await?;
        // Whoever looks has failed, and says so.
        let _ = stop.send(committed.last().map_or(0, |last| last.position));
        Ok::<_, anyhow::Error>(committed)
    };
    let (committed, passed) = tokio::try_join!(load, watch(&*opened.views, &builds, stopped))?;
    let lags = lags(&committed, &passed)?;
    let figure = |key, what, share| Figure::new(key, what, lags.percentile_ms(share), "ms");
    report.add(figure("live_lag_p50_ms", "commit to visible at 2,000 events/s: half within", 0.5));
    report.add(figure("live_lag_p99_ms", "commit to visible at 2,000 events/s: 99 % within", 0.99).at_most(200.0));
    projector.stop().await
}

/// When every view had passed which position, until all of them have passed the last.
async fn watch(
    views: &dyn ViewStore,
    builds: &[Build],
    mut stopped: tokio::sync::oneshot::Receiver<u64>,
) -> anyhow::Result<Vec<Committed>> {
    let mut passed: Vec<Committed> = Vec::new();
    let mut last = None;
    let mut deadline = None;
    loop {
        let mut position = u64::MAX;
        for build in builds {
            position = position.min(views.checkpoint(build).await?.0);
        }
        if passed.last().is_none_or(|before| before.position < position) {
            passed.push(Committed { position, at: Instant::now() });
        }
        if last.is_none()
            && let Ok(end) = stopped.try_recv()
        {
            (last, deadline) = (Some(end), Some(Instant::now() + PATIENCE));
        }
        if last.is_some_and(|last| position >= last) {
            return Ok(passed);
        }
        ensure!(deadline.is_none_or(|deadline| Instant::now() < deadline), "the views stay behind");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// From each commit to the first look at which every view had passed it.
fn lags(committed: &[Committed], passed: &[Committed]) -> anyhow::Result<Latencies> {
    let mut looks = passed.iter().peekable();
    let mut lags = Vec::with_capacity(committed.len());
    for commit in committed {
        while looks.next_if(|look| look.position < commit.position).is_some() {}
        let look = looks.peek().context("a commit that no view has passed")?;
        lags.push(look.at.saturating_duration_since(commit.at));
    }
    Ok(Latencies::of(lags))
}
