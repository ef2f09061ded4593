//! The standby lacks events that were acknowledged. Every process stops, NATS keeps what only it has, and an operator brings the
//! events back or gives them up. The old primary that comes back later harms nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::check::{self, Findings, Reader};
use dualgrid_tests::tables::{EventRow, Tables};
use dualgrid_tests::{Load, Manners, Stage, Who, discovery};
use testkit::bus::{self, Stored};
use testkit::client::{Client, command_id, eventually};
use testkit::nats::CORE;
use testkit::postgres::Postgres;
use testkit::system::{Peer, SystemSetup};
use uuid::Uuid;

use super::super::{CLIENTS, PATIENCE, conclude, grow, said};
use super::Pair;
use crate::scenario::{Outcome, Run};

/// What the process does that takes commands; the other one publishes.
const ROLES: [&str; 3] = ["api", "projector", "processor"];

/// What the other one does. It takes commands, too.
const ROLES_OF_PUBLISHER: [&str; 2] = ["api", "publisher"];

/// How many commands are tried while nothing may be recorded.
const TRIED: usize = 16;

/// Clients that do not wait for an outcome.
const HASTY: Manners = Manners { repeated: 0, asks_again: 0, commands: None };

/// How long a restarted role may take until it is ready.
const READY_PATIENCE: Duration = Duration::from_secs(30);

/// What the log has lost in a failover.
struct Tail {
    /// The last position that is left.
    after: u64,
    events: Vec<EventRow>,
    /// The stream as it was then.
    stream: Vec<Stored>,
    /// The server that had the events.
    old: Postgres,
}

impl Tail {
    fn count(&self) -> u64 {
        self.events.len() as u64
    }

    fn commands(&self) -> anyhow::Result<BTreeSet<Uuid>> {
        self.events.iter().map(EventRow::command).collect()
    }

    /// A reader that has all of it.
    fn reader(&self, epoch: u32) -> Reader {
        Reader { after: self.after + self.count(), epoch: Some(epoch) }
    }

    /// Whether a text says where the lost events begin, and how many there are, as far as somebody knows.
    fn is_told_by(&self, text: &str) -> bool {
        let rest = text.split_once("the log has lost ").map(|(_, rest)| rest);
        let told = rest.and_then(|rest| rest.split_once(&format!(" events, from position {} on", self.after + 1)));
        told.and_then(|(count, _)| count.parse().ok()).is_some_and(|count: u64| (1..=self.count()).contains(&count))
    }
}

struct Scene {
    pair: Pair,
    stage: Stage,
    publisher: Peer,
    epoch: u32,
}

/// The tail is in NATS and is brought back; it is in NATS and is given up; it is nowhere, and whoever knew of it says so.
pub(crate) async fn play(run: &mut Run) -> anyhow::Result<Outcome> {
    let rounds = run.pick(1, 4);
    let mut scene = Scene::start(run).await?;
    let (mut brought_back, mut given_up, mut unpublished) = (0, 0, 0);
    run.bar.set_length(rounds * 3);
    for _ in 0..rounds {
        brought_back += scene.bring_back(run).await.context("where the events are brought back")?;
        run.bar.inc(1);
        given_up += scene.give_up(run).await.context("where the events are given up")?;
        run.bar.inc(1);
        unpublished += scene.give_up_unpublished(run).await.context("where nobody has the events")?;
        run.bar.inc(1);
    }
    let counted = [
        ("failovers", rounds * 3),
        ("events brought back", brought_back),
        ("events given up", given_up),
        ("events that were nowhere", unpublished),
    ];
    conclude(&scene.stage, counted).await
}

impl Scene {
    async fn start(run: &mut Run) -> anyhow::Result<Self> {
        let pair = Pair::start().await?;
        let roles = ROLES.map(str::to_owned).to_vec();
        let stage = Stage::start(SystemSetup { roles, ..pair.setup(run).await? }).await?;
        let publisher = stage.system.peer(&ROLES_OF_PUBLISHER, Vec::new()).await?;
        Ok(Self { pair, stage, publisher, epoch: 0 })
    }

    /// Gives how many events came back.
    async fn bring_back(&mut self, run: &mut Run) -> anyhow::Result<u64> {
        let tail = self.lose(run).await?;
        self.stops(run, &tail).await?;
        let said = self.stage.system.run_cli(&["log", "recover", "--from-nats"]).await?;
        ensure!(said.contains(&format!("{} events of ", tail.count())), "it said: {said}");
        let events = self.tables().events().await?;
        ensure!(events.ends_with(&tail.events), "other events were brought back than were lost");
        self.goes_on(run).await?;
        Ok(tail.count())
    }

    /// Gives how many events were given up.
    async fn give_up(&mut self, run: &mut Run) -> anyhow::Result<u64> {
        let mut tail = self.lose(run).await?;
        self.stops(run, &tail).await?;
        let kept = self.accept_loss(&tail).await?;
        ensure!(kept == tail.count(), "{kept} events were kept of {}", tail.count());
        self.goes_on(run).await?;
        self.meets_the_old_primary(&mut tail).await.context("when the old primary was back")?;
        Ok(tail.count())
    }

    /// The publisher was behind. Who recorded the events knows that they are gone, and nobody can bring them back.
    async fn give_up_unpublished(&mut self, run: &mut Run) -> anyhow::Result<u64> {
        self.publisher.kill()?;
        let tail = self.lose(run).await?;
        self.stops(run, &tail).await?;
        match self.stage.system.run_cli(&["log", "recover", "--from-nats"]).await {
            Ok(said) => anyhow::bail!("events were brought back that are nowhere: {said}"),
            Err(refused) => ensure!(format!("{refused:#}").contains("there is nothing to bring back"), "{refused:#}"),
        }
        let kept = self.accept_loss(&tail).await?;
        ensure!(kept == 0, "{kept} events were kept that NATS never had");
        self.publisher.restart(&self.stage.system, Vec::new()).await?;
        self.goes_on(run).await?;
        Ok(tail.count())
    }

    /// The standby is held back while more is recorded, and takes the place of its primary. Only NATS has those events then, if
    /// somebody publishes.
    async fn lose(&mut self, run: &mut Run) -> anyhow::Result<Tail> {
        self.pair.has_standby().await?;
        let mut load = self.clients(run);
        grow(&self.stage, &mut load, 20 + run.randomness.below(40), PATIENCE).await?;
        self.pair.hold_back().await?;
        grow(&self.stage, &mut load, 20 + run.randomness.below(60), PATIENCE).await?;
        load.stop().await?;
        if self.publisher.pid().is_some() {
            self.is_published().await?;
        }
        let mut events = self.tables().events().await?;
        let stream = bus::read_stream(self.stage.system.nats(), 1).await?;
        let old = self.pair.fail_over().await?;
        let after = self.tables().head().await?;
        let events = events.split_off(usize::try_from(after)?);
        ensure!(!events.is_empty(), "the standby has everything although it was held back");
        Ok(Tail { after, events, stream, old })
    }

    /// Every process says what is lost, records nothing, and leaves what NATS has.
    async fn stops(&self, run: &mut Run, tail: &Tail) -> anyhow::Result<()> {
        for http in self.doors() {
            let mut seen = String::new();
            let told = eventually("a process says what is lost", PATIENCE, async || {
                let ready = http.get("", "/readyz").await?;
                seen = format!("{} {}", ready.status, ready.text);
                Ok((ready.status == 503 && tail.is_told_by(&ready.text)).then_some(()))
            });
            told.await.with_context(|| format!("{seen}; {}", said(&self.stage)))?;
            let (leader, body) = (self.stage.token(Who::Leader), discovery("JAS-R01-M01", "停"));
            let answer = http.command(leader, "/cases/discover-issue", command_id()?, body).await?;
            ensure!(
                answer.status == 503 && answer.problem_code() == Some("log-went-back"),
                "a command was answered {} {}",
                answer.status,
                answer.text
            );
        }
        let tried = self.stage.journal.intended() + TRIED;
        let load = self.stage.load(CLIENTS, HASTY, &mut run.randomness, &self.doors());
        let journal = &self.stage.journal;
        eventually("commands were tried", PATIENCE, async || Ok((journal.intended() >= tried).then_some(()))).await?;
        load.stop().await?;
        let head = self.tables().head().await?;
        ensure!(head == tail.after, "{} events were recorded although the log had stopped", head - tail.after);
        let mut found = Findings::default();
        check::untouched(&self.stage, &tail.stream, &mut found).await?;
        check::sent_back(&self.stage, tail.reader(self.epoch), tail.after, &mut found).await?;
        found.nothing_wrong()
    }

    /// Gives how many events were kept in a file.
    async fn accept_loss(&mut self, tail: &Tail) -> anyhow::Result<u64> {
        let kept = self.stage.system.dir().join(format!("lost-in-epoch-{}.jsonl", self.epoch));
        let file = kept.to_str().context("a folder that is not UTF-8")?;
        self.stage.system.run_cli(&["log", "accept-loss", "--save", file]).await?;
        self.stage.given_up.extend(tail.commands()?);
        let mut found = Findings::default();
        check::sent_back(&self.stage, tail.reader(self.epoch), tail.after, &mut found).await?;
        found.nothing_wrong()?;
        self.epoch += 1;
        Ok(std::fs::read_to_string(&kept)?.lines().count() as u64)
    }

    /// Every process is ready again by itself, and commands are taken.
    async fn goes_on(&mut self, run: &mut Run) -> anyhow::Result<()> {
        self.are_ready().await?;
        let mut load = self.clients(run);
        grow(&self.stage, &mut load, 20, PATIENCE).await?;
        load.stop().await
    }

    async fn are_ready(&self) -> anyhow::Result<()> {
        for http in self.doors() {
            let mut seen = String::new();
            let ready = eventually("a process is ready", READY_PATIENCE, async || {
                let ready = http.get("", "/readyz").await?;
                seen = format!("{} {}", ready.status, ready.text);
                Ok((ready.status == 200).then_some(()))
            });
            ready.await.with_context(|| format!("{seen}; {}", said(&self.stage)))?;
        }
        Ok(())
    }

    /// The address leads to the server that was the primary before. Whoever has seen the new one stays away; whoever starts now
    /// learns from NATS that this log is older.
    async fn meets_the_old_primary(&mut self, tail: &mut Tail) -> anyhow::Result<()> {
        self.is_published().await?;
        let stream = bus::read_stream(self.stage.system.nats(), 1).await?;
        self.publisher.stop().await?;
        tail.old.start_again().await?;
        self.pair.lead_to(&tail.old);
        let before = self.tables().head().await?;
        self.publisher.restart_unready(&self.stage.system).await?;
        for http in self.doors() {
            let mut seen = String::new();
            let stays_away = eventually("a process does not work with the old primary", PATIENCE, async || {
                let ready = http.get("", "/readyz").await?;
                seen = format!("{} {}", ready.status, ready.text);
                Ok((ready.status == 503).then_some(()))
            });
            stays_away.await.with_context(|| seen.clone())?;
        }
        let http = self.publisher.http();
        let mut seen = String::new();
        let says = eventually("the publisher says that the log is older", PATIENCE, async || {
            let ready = http.get("", "/readyz").await?;
            let is_told = ready.text.contains(&format!("from position {} on", tail.after + 1));
            seen = format!("{} {}", ready.status, ready.text);
            Ok((ready.status == 503 && is_told).then_some(()))
        });
        says.await.with_context(|| seen.clone())?;
        let head = self.tables().head().await?;
        ensure!(head == before, "the old primary has {} more events", head - before);
        let mut found = Findings::default();
        check::untouched(&self.stage, &stream, &mut found).await?;
        found.nothing_wrong()?;
        self.pair.lead_back();
        tail.old.stop_immediately().await?;
        self.publisher.restart(&self.stage.system, Vec::new()).await?;
        self.are_ready().await
    }

    async fn is_published(&self) -> anyhow::Result<()> {
        let (tables, client) = (self.tables(), self.stage.system.nats().connect(CORE).await?);
        let head = tables.head().await?;
        eventually("NATS has every event", PATIENCE, async || {
            Ok((bus::last_sequence(&client).await.unwrap_or_default() == Some(head)).then_some(()))
        })
        .await
    }

    /// Every process that runs.
    fn doors(&self) -> Vec<Client> {
        let publisher = self.publisher.pid().map(|_| self.publisher.http());
        std::iter::once(self.stage.http()).chain(publisher).collect()
    }

    fn clients(&self, run: &mut Run) -> Load {
        self.stage.load(CLIENTS, Manners::default(), &mut run.randomness, &self.doors())
    }

    fn tables(&self) -> Tables {
        Tables::of(&self.stage.system)
    }
}
