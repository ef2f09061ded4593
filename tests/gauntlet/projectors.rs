//! Two projectors at once, which are killed and stand still in turn: no row is lost, none is applied twice.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Load, Manners, Stage, check};
use testkit::client::eventually;
use testkit::process::Signal;
use testkit::system::{Peer, SystemSetup};
use tokio::time::Instant;

use crate::kills::at_point;
use crate::scenario::{BOTH, Outcome, Run, Scenario};

/// How many clients there are.
const CLIENTS: usize = 2;

/// How many rounds in the small form and in the full one, on each backend.
const ROUNDS: [u64; 2] = [4, 16];

/// How long one stands still in the small form and in the full one.
const STANDSTILL: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];

/// Between two looks at the checkpoints.
const LOOK_EVERY: Duration = Duration::from_millis(200);

const PATIENCE: Duration = Duration::from_mins(1);

/// The scenario.
pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![Scenario {
        name: "projectors",
        about: "two projectors at once, stopped, resumed and killed in turn",
        stores: BOTH,
        waits: true,
        run: |run| Box::pin(projectors(run)),
    }]
}

/// Checkpoints as they were last seen, by build: they never go back.
#[derive(Default)]
struct Checkpoints(BTreeMap<u64, u64>);

impl Checkpoints {
    async fn look(&mut self, tables: &Tables) -> anyhow::Result<()> {
        for build in tables.builds().await? {
            let before = self.0.insert(build.number, build.position).unwrap_or(0);
            let (name, now) = (&build.name, build.position);
            ensure!(now >= before, "the checkpoint of {name} went back from {before} to {now}");
        }
        Ok(())
    }

    async fn look_for(&mut self, tables: &Tables, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.look(tables).await?;
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

async fn projectors(run: &mut Run) -> anyhow::Result<Outcome> {
    let (rounds, standstill) = (run.pick(ROUNDS[0], ROUNDS[1]), run.pick(STANDSTILL[0], STANDSTILL[1]));
    run.bar.set_length(rounds);
    let roles = ["api", "publisher"].map(str::to_owned).to_vec();
    let stage = Stage::start(SystemSetup { roles, ..run.setup()? }).await?;
    let mut peers = Vec::new();
    for _ in 0..2 {
        peers.push(stage.system.peer(&["projector"], Vec::new()).await?);
    }
    let mut load = stage.load(CLIENTS, Manners::default(), &mut run.randomness, &[stage.http()]);
    let (tables, mut checkpoints) = (Tables::of(&stage.system), Checkpoints::default());
    for round in 0..rounds {
        checkpoints.look_for(&tables, Duration::from_millis(run.randomness.below(500))).await?;
        let still = usize::try_from(round % 2)?;
        run.bar.set_message(format!("{still} stands still"));
        peers[still].signal(Signal::Stop)?;
        checkpoints.look_for(&tables, standstill).await?;
        peers[still].signal(Signal::Continue)?;
        // Both continue from what each believes: one of them is behind by seconds.
        checkpoints.look_for(&tables, Duration::from_millis(500)).await?;
        let victim = usize::try_from(run.randomness.below(2))?;
        let point = *run.randomness.pick(&["before-checkpoint", "after-checkpoint", ""]);
        // Who finds that another one moves the checkpoints stands back: it comes to a point only while that one stands still.
        let other = 1 - victim;
        if !point.is_empty() {
            stop_between_writes(&mut peers[other], &tables).await?;
        }
        kill(&stage, &mut peers[victim], point, 1 + run.randomness.below(20)).await?;
        if !point.is_empty() {
            peers[other].signal(Signal::Continue)?;
        }
        checkpoints.look(&tables).await?;
        load.check()?;
        run.bar.inc(1);
    }
    caught_up(&mut load, &tables).await?;
    load.stop().await?;
    let found = check::everything(&stage).await?;
    found.nothing_wrong()?;
    let mut counted = vec![("standstills", rounds), ("kills", rounds)];
    counted.extend(found.counted());
    Ok(Outcome::counted(counted))
}

/// Lets a projector stand still, and not in the middle of a write, where it would let no other write before it continues.
async fn stop_between_writes(peer: &mut Peer, tables: &Tables) -> anyhow::Result<()> {
    eventually("it stands still between two writes", PATIENCE, async || {
        peer.signal(Signal::Stop)?;
        if tables.are_views_free().await? {
            return Ok(Some(()));
        }
        peer.signal(Signal::Continue)?;
        Ok(None)
    })
    .await
}

/// Kills a projector at once, or lets it come to a point; then it starts again.
async fn kill(stage: &Stage, peer: &mut Peer, point: &str, pass: u64) -> anyhow::Result<()> {
    if point.is_empty() {
        peer.kill()?;
    } else {
        match peer.restart(&stage.system, at_point(point, pass)).await {
            Err(error) if format!("{error:#}").contains("signal: 9") => {}
            started => {
                started?;
                peer.wait_for_end(PATIENCE).await.with_context(|| format!("{point} {pass} was not reached"))?;
            }
        }
    }
    peer.restart(&stage.system, Vec::new()).await
}

/// Under load, too, the views come as far as the log was a moment ago.
async fn caught_up(load: &mut Load, tables: &Tables) -> anyhow::Result<()> {
    let head = tables.head().await?;
    eventually("the views follow under load", PATIENCE, async || {
        load.check()?;
        let builds = tables.builds().await?;
        Ok(builds.iter().all(|build| build.position >= head).then_some(()))
    })
    .await
}
