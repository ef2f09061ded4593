//! The log is put back to an older copy, and NATS has more than it: the events are brought back, or given up in a new epoch.

use std::path::Path;

use anyhow::{Context as _, ensure};
use dualgrid_tests::check;
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Stage, Who, read_log};
use serde::Deserialize;
use testkit::bus;
use testkit::client::eventually;
use testkit::nats::CORE;
use uuid::Uuid;

use super::copied::Copied;
use super::{PATIENCE, clients, conclude, grow};
use crate::scenario::{Outcome, Run};

/// First everything is brought back, and nothing that was acknowledged is lost. Then the same is given up, and everything that is
/// left agrees.
pub(super) async fn play(run: &mut Run) -> anyhow::Result<Outcome> {
    let rounds = run.pick(1, 5);
    let mut stage = Stage::start(run.setup()?).await?;
    let (mut brought_back, mut given_up) = (0, 0);
    run.bar.set_length(rounds + 1);
    for _ in 0..rounds {
        brought_back += lose(run, &mut stage).await?;
        let said = stage.system.run_cli(&["log", "recover", "--from-nats"]).await?;
        ensure!(said.contains("were brought back"), "it said: {said}");
        stage.system.restart().await?;
        run.bar.inc(1);
    }
    let outcome = conclude(&stage, [("events brought back", brought_back)]).await?;
    given_up += lose(run, &mut stage).await?;
    let kept = stage.system.dir().join("lost.jsonl");
    let kept_text = kept.to_str().context("a folder that is not UTF-8")?;
    stage.system.run_cli(&["log", "accept-loss", "--save", kept_text]).await?;
    let lost = commands_in(&kept)?;
    ensure!(lost.len() as u64 == given_up, "{} events were kept of {given_up}", lost.len());
    stage.given_up.extend(lost);
    stage.system.restart().await?;
    let log = read_log(&stage.http(), stage.token(Who::Auditor)).await?;
    let accepted = log.last().is_some_and(|event| event.text.contains("cn.dualgrid.log.loss_accepted.v1"));
    ensure!(accepted, "the log does not say that a loss was accepted");
    check::everything(&stage).await?.nothing_wrong()?;
    let mut counted = outcome.counted;
    counted.push(("events given up", given_up));
    Ok(Outcome::counted(counted))
}

/// The command of each event that was kept.
fn commands_in(kept: &Path) -> anyhow::Result<Vec<Uuid>> {
    #[derive(Deserialize)]
    struct Kept {
        event: Event,
    }
    #[derive(Deserialize)]
    struct Event {
        commandid: Uuid,
    }
    let command = |line: &str| {
        let kept: Kept = serde_json::from_str(line).context("a line of lost events is no JSON")?;
        Ok(kept.event.commandid)
    };
    std::fs::read_to_string(kept)?.lines().map(command).collect()
}

/// The log loses what was recorded, acknowledged and published after a moment. Gives the number of those events.
async fn lose(run: &mut Run, stage: &mut Stage) -> anyhow::Result<u64> {
    let copied = Copied::of(run, stage);
    under_load(run, stage).await?;
    stage.system.stop().await?;
    let before = Tables::of(&stage.system).head().await?;
    copied.make().await?;
    stage.system.restart().await?;
    under_load(run, stage).await?;
    let after = Tables::of(&stage.system).head().await?;
    let client = stage.system.nats().connect(CORE).await?;
    eventually("NATS has every event", PATIENCE, async || {
        Ok((bus::last_sequence(&client).await.unwrap_or_default() == Some(after)).then_some(()))
    })
    .await?;
    stage.system.stop().await?;
    copied.put_back().await?;
    ensure!(Tables::of(&stage.system).head().await? == before, "the log was not put back");
    copied.delete().await?;
    Ok(after - before)
}

async fn under_load(run: &mut Run, stage: &Stage) -> anyhow::Result<()> {
    let more = 30 + run.randomness.below(60);
    let mut load = clients(stage, run);
    grow(stage, &mut load, more, PATIENCE).await?;
    load.stop().await
}
