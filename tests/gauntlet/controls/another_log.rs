//! Controls of what protects a log that turns out to be another one: an older copy, or a standby that lacks events.

use anyhow::Context as _;
use dualgrid_tests::check::{self, Findings, Property, Reader};
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Manners, Stage};
use testkit::bus;
use testkit::client::eventually;
use testkit::nats::CORE;
use testkit::system::SystemSetup;

use super::{CLIENTS, PATIENCE, noticed, sabotaged};
use crate::scenario::{Outcome, Run};
use crate::servers::{Copied, Pair, grow};

/// How many events come between two things that happen.
const EVENTS: u64 = 60;

/// Clients that ask until they know, so that they go on with their cases.
const PATIENT: Manners = Manners { repeated: 0, asks_again: 100, commands: None };

/// The process goes on with cases whose newest events the standby does not have. Nobody publishes, so that nobody else notices.
pub(super) async fn known_not_cleared(run: &mut Run) -> anyhow::Result<Outcome> {
    let sabotage = "known-not-cleared";
    let mut pair = Pair::start().await?;
    let (roles, environment) = (vec!["api".to_owned()], sabotaged(sabotage));
    let stage = Stage::start(SystemSetup { roles, environment, ..pair.setup(run).await? }).await?;
    let mut load = stage.load(CLIENTS, PATIENT, &mut run.randomness, &[stage.http()]);
    grow(&stage, &mut load, EVENTS, PATIENCE).await?;
    pair.hold_back().await?;
    grow(&stage, &mut load, EVENTS, PATIENCE).await?;
    pair.fail_over().await?;
    grow(&stage, &mut load, EVENTS, PATIENCE).await?;
    load.stop().await?;
    let mut found = Findings::default();
    check::log(&stage, &mut found).await?;
    noticed(&found, &[Property::Gapless, Property::Kept], sabotage)
}

/// A loss was accepted, and then the log of the epoch before is put in its place. NATS alone has what was recorded since.
pub(super) async fn epoch_ignored(run: &mut Run) -> anyhow::Result<Outcome> {
    let sabotage = "epoch-ignored";
    let roles = ["api", "publisher"].map(str::to_owned).to_vec();
    let mut stage = Stage::start(SystemSetup { roles, ..run.setup()? }).await?;
    let copied = Copied::of(run, &stage);
    under_load(run, &mut stage).await?;
    stage.system.stop().await?;
    let common = Tables::of(&stage.system).head().await?;
    copied.make().await?;
    stage.system.restart().await?;
    under_load(run, &mut stage).await?;
    stage.system.stop().await?;
    copied.put_back().await?;
    let kept = stage.system.dir().join("lost.jsonl");
    let file = kept.to_str().context("a folder that is not UTF-8")?;
    stage.system.run_cli(&["log", "accept-loss", "--save", file]).await?;
    stage.system.restart().await?;
    under_load(run, &mut stage).await?;
    stage.system.stop().await?;
    let before = bus::read_stream(stage.system.nats(), 1).await?;

    copied.put_back().await?;
    copied.delete().await?;
    stage.system.set_environment(sabotaged(sabotage));
    stage.system.restart().await?;
    under_load(run, &mut stage).await?;
    let mut found = Findings::default();
    check::untouched(&stage, &before, &mut found).await?;
    let reader = Reader { after: common + 1, epoch: Some(1) };
    check::sent_back(&stage, reader, common + 1, &mut found).await?;
    noticed(&found, &[Property::Untouched, Property::SentBack], sabotage)
}

/// Clients work for a while, and everything is published.
async fn under_load(run: &mut Run, stage: &mut Stage) -> anyhow::Result<()> {
    let mut load = stage.load(CLIENTS, Manners::default(), &mut run.randomness, &[stage.http()]);
    grow(stage, &mut load, EVENTS, PATIENCE).await?;
    load.stop().await?;
    let (head, client) = (Tables::of(&stage.system).head().await?, stage.system.nats().connect(CORE).await?);
    eventually("NATS has every event", PATIENCE, async || {
        Ok((bus::last_sequence(&client).await.unwrap_or_default() == Some(head)).then_some(()))
    })
    .await
}
