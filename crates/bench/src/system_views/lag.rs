//! How long it takes from a commit until every view that changes a row for it has done so, in another process than the one
//! that appends.
//!
//! The checkpoint of a view whose rows do not change is written once a second: it says nothing of a lag.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use app::port::{EventLog, ViewStore};
use app::registry;
use kernel::{Position, Read};
use testkit::system::System;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::followed::{Followed, of_the_product};
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

/// Measures the views of the product, which the role `projector` follows.
pub(super) async fn run(context: &Context, system: &System, report: &mut Report) -> anyhow::Result<()> {
    let mut projector = system.peer(&["projector"], Vec::new()).await?;
    let lags = measure(context, system, &of_the_product()).await?;
    let figure = |key, what, share| Figure::new(key, what, lags.percentile_ms(share), "ms");
    report.add(figure("live_lag_p50_ms", "commit to visible at 2,000 events/s: half within", 0.5));
    report.add(figure("live_lag_p99_ms", "commit to visible at 2,000 events/s: 99 % within", 0.99).at_most(200.0));
    projector.stop().await
}

/// Appends at an even pace while another process follows the log for these views.
pub(super) async fn measure(context: &Context, system: &System, views: &[Followed]) -> anyhow::Result<Latencies> {
    let opened = log::open(system.store_url(), &log::Options::default()).await?;
    follow(&*opened.views, views, opened.log.head().await?.0).await?;
    let sample = Sample::issue_discovered()?;
    let duration = context.size(Duration::from_secs(6), Duration::from_secs(10));
    let (stop, stopped) = oneshot::channel();
    let load = async {
        let committed = paced(&opened.log, &sample, EVENTS_PER_S, duration).await?;
        // Whoever looks has failed, and says so.
        let _ = stop.send(committed.last().map_or(0, |last| last.position));
        Ok::<_, anyhow::Error>(committed)
    };
    let (committed, looks) = tokio::try_join!(load, watch(&*opened.views, views, stopped))?;
    lags(&*opened.log, views, &committed, &looks).await
}

/// Waits until every view is there and has come to a position.
async fn follow(store: &dyn ViewStore, views: &[Followed], position: u64) -> anyhow::Result<()> {
    testkit::client::eventually("every view follows the log", PATIENCE, async || {
        let positions = positions(store, views).await?;
        Ok(positions.iter().all(|at| *at >= position).then_some(()))
    })
    .await
}

/// The position of each view that queries see; 0 where there is none.
async fn positions(store: &dyn ViewStore, views: &[Followed]) -> anyhow::Result<Vec<u64>> {
    let builds = store.builds().await?;
    let position = |view: &Followed| {
        let active = builds.iter().find(|build| build.active && build.view == view.name);
        active.map_or(0, |build| build.position.0)
    };
    Ok(views.iter().map(position).collect())
}

/// Of each view, when it had come to which position, until all of them have passed the last.
async fn watch(
    store: &dyn ViewStore,
    views: &[Followed],
    mut stopped: oneshot::Receiver<u64>,
) -> anyhow::Result<Vec<Vec<Committed>>> {
    let mut looks: Vec<Vec<Committed>> = vec![Vec::new(); views.len()];
    let mut end: Option<(u64, Instant)> = None;
    loop {
        let positions = positions(store, views).await?;
        let at = Instant::now();
        for (looks, position) in looks.iter_mut().zip(&positions) {
            if looks.last().is_none_or(|before| before.position < *position) {
                looks.push(Committed { position: *position, at });
            }
        }
        if end.is_none()
            && let Ok(last) = stopped.try_recv()
        {
            end = Some((last, at + PATIENCE));
        }
        if let Some((last, deadline)) = end {
            if positions.iter().all(|position| *position >= last) {
                return Ok(looks);
            }
            ensure!(at < deadline, "the views stay behind");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// From each commit to the first look at which every view that it concerns had passed it.
async fn lags(
    log: &dyn EventLog,
    views: &[Followed],
    committed: &[Committed],
    looks: &[Vec<Committed>],
) -> anyhow::Result<Latencies> {
    let first = committed.first().context("nothing was committed")?.position;
    let mut events = log.after(Position(first - 1), committed.len()).await?.into_iter();
    let mut looks: Vec<_> = looks.iter().map(|looks| looks.iter().peekable()).collect();
    let mut lags = Vec::with_capacity(committed.len());
    for commit in committed {
        let event =
            events.find(|event| event.position.0 == commit.position).context("a commit that is not in the log")?;
        let decoded = registry::decode(&event)?;
        let read = Read::new(&event, &*decoded);
        let mut visible = None;
        for (view, looks) in views.iter().zip(&mut looks).filter(|(view, _)| view.touches(&read)) {
            while looks.next_if(|look| look.position < commit.position).is_some() {}
            let look = looks.peek().with_context(|| format!("{} has not passed a commit", view.name))?;
            visible = visible.max(Some(look.at));
        }
        let visible = visible.context("an event that concerns no view")?;
        lags.push(visible.saturating_duration_since(commit.at));
    }
    Ok(Latencies::of(lags))
}
