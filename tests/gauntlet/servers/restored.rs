//! The log is put back to an older copy, and NATS has more than it: the events are brought back, or given up in a new epoch.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use dualgrid_tests::check::{self, Findings};
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Stage, Who, read_log};
use testkit::bus;
use testkit::client::eventually;
use testkit::nats::CORE;
use testkit::postgres::query_at;
use testkit::system::Store;

use super::{PATIENCE, clients, grow, settle};
use crate::scenario::{Outcome, Run};

/// A copy of the log, made and put back while no process is running.
struct Copied {
    store: Store,
    url: String,
    to: PathBuf,
}

impl Copied {
    fn of(run: &Run, stage: &Stage) -> Self {
        Self {
            store: run.store,
            url: stage.system.store_url().to_owned(),
            to: stage.system.dir().join("copy-of-log.db"),
        }
    }

    async fn make(&self) -> anyhow::Result<()> {
        match self.store {
            Store::Sqlite => replace(&self.file()?, &self.to),
            Store::Postgres => {
                let (name, copy) = self.names()?;
                self.administer(&format!("create database {copy} template {name}")).await
            }
        }
    }

    async fn put_back(&self) -> anyhow::Result<()> {
        match self.store {
            Store::Sqlite => replace(&self.to, &self.file()?),
            Store::Postgres => {
                let (name, copy) = self.names()?;
                self.administer(&format!("drop database {name} with (force)")).await?;
                self.administer(&format!("create database {name} template {copy}")).await
            }
        }
    }

    fn file(&self) -> anyhow::Result<PathBuf> {
        Ok(PathBuf::from(self.url.strip_prefix("sqlite:").context("not a file")?))
    }

    fn names(&self) -> anyhow::Result<(String, String)> {
        let (_, name) = self.url.rsplit_once('/').context("an address without a database")?;
        Ok((name.to_owned(), format!("{name}_copy")))
    }

    async fn administer(&self, sql: &str) -> anyhow::Result<()> {
        let (server, _) = self.url.rsplit_once('/').context("an address without a database")?;
        query_at(&format!("{server}/postgres"), sql).await.map(drop)
    }
}

/// Copies a database that nobody has open, with what is beside it.
fn replace(from: &Path, to: &Path) -> anyhow::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let beside = |file: &Path| PathBuf::from(format!("{}{suffix}", file.display()));
        let (from, to) = (beside(from), beside(to));
        if to.exists() {
            std::fs::remove_file(&to)?;
        }
        if from.exists() {
            std::fs::copy(&from, &to).with_context(|| format!("could not copy {}", from.display()))?;
        }
    }
    Ok(())
}

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
    let load = clients(&stage, run);
    let outcome = settle(&stage, load, [("events brought back", brought_back)]).await?;
    given_up += lose(run, &mut stage).await?;
    let kept = stage.system.dir().join("lost.jsonl");
    let kept_text = kept.to_str().context("a folder that is not UTF-8")?;
    stage.system.run_cli(&["log", "accept-loss", "--save", kept_text]).await?;
    let lines = std::fs::read_to_string(&kept)?.lines().count() as u64;
    ensure!(lines == given_up, "{lines} events were kept of {given_up}");
    stage.system.restart().await?;
    let log = read_log(&stage.http(), stage.token(Who::Auditor)).await?;
    let accepted = log.last().is_some_and(|event| event.text.contains("cn.dualgrid.log.loss_accepted.v1"));
    ensure!(accepted, "the log does not say that a loss was accepted");
    let mut found = Findings::default();
    check::stream(&stage, &mut found).await?;
    check::views(&stage, &mut found).await?;
    found.nothing_wrong()?;
    let mut counted = outcome.counted;
    counted.push(("events given up", given_up));
    Ok(Outcome::counted(counted))
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
    if run.store == Store::Postgres {
        let (_, copy) = copied.names()?;
        copied.administer(&format!("drop database {copy}")).await?;
    }
    Ok(after - before)
}

async fn under_load(run: &mut Run, stage: &Stage) -> anyhow::Result<()> {
    let more = 30 + run.randomness.below(60);
    let mut load = clients(stage, run);
    grow(stage, &mut load, more, PATIENCE).await?;
    load.stop().await
}
