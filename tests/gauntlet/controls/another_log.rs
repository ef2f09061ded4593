//! Controls of what protects a log that turns out to be another one: an older copy, or a standby that lacks events.

use anyhow::Context as _;
use dualgrid_tests::check::{self, Findings, Property, Reader};
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Intention, Manners, Outcome as Heard, Stage, Who, discovery, registration, send};
use serde_json::{Value, json};
use testkit::bus;
use testkit::client::eventually;
use testkit::nats::CORE;
use testkit::system::SystemSetup;

use super::{CLIENTS, PATIENCE, noticed, sabotaged};
use crate::scenario::{Outcome, Run};
use crate::servers::{Copied, Pair, grow};

/// How many events come between two things that happen.
const EVENTS: u64 = 60;

/// How many cases are begun before the failover and go on after it.
const CASES: usize = 12;

/// A matter that their finder may register.
const MATTER: &str = "WM-0101";

/// The process goes on with cases whose newest event the standby does not have. Nobody publishes, so that nobody else notices.
pub(super) async fn known_not_cleared(run: &mut Run) -> anyhow::Result<Outcome> {
    let sabotage = "known-not-cleared";
    let mut pair = Pair::start().await?;
    let (roles, environment) = (vec!["api".to_owned()], sabotaged(sabotage));
    let stage = Stage::start(SystemSetup { roles, environment, ..pair.setup(run).await? }).await?;
    let mut cases = Vec::new();
    for number in 0..CASES {
        let body = discovery("JAS-R01-M01", &format!("第{number}件"));
        let answer = give(run, &stage, "/cases/discover-issue".to_owned(), body).await?;
        cases.push(answer["id"].as_str().context("a case without an id")?.to_owned());
    }
    pair.hold_back().await?;
    for case in &cases {
        give(run, &stage, format!("/cases/{case}/register-issue"), registration(MATTER)).await?;
    }
    pair.fail_over().await?;
    // One after the other: what is recorded alone is not looked up together with what is not known.
    for case in &cases {
        give(run, &stage, format!("/cases/{case}/escalate-issue"), json!({ "reason": "需部门处置" })).await?;
    }
    let mut found = Findings::default();
    check::log(&stage, &mut found).await?;
    noticed(&found, &[Property::Gapless, Property::Kept], sabotage)
}

/// Gives one command, with the same id until its outcome is known. Gives the answer, which is empty where it was refused.
async fn give(run: &mut Run, stage: &Stage, path: String, body: Value) -> anyhow::Result<Value> {
    let command = Intention { id: run.randomness.id(), who: Who::Leader, path, body };
    let line = stage.journal.intend(command.clone()).await?;
    let http = stage.http();
    eventually("a command has an outcome", PATIENCE, async || {
        let outcome = send(&http, &stage.people, &command).await;
        stage.journal.hear(line, &outcome)?;
        Ok(match outcome {
            Heard::Acknowledged { answer, .. } => Some(answer),
            Heard::Refused { .. } => Some(Value::Null),
            Heard::Unknown { .. } => None,
        })
    })
    .await
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
