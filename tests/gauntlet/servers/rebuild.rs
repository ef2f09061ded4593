//! Two publishers find at the same time that the stream is wrong, again and again. One of them recreates it, and no department
//! begins from the start.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream;
use async_nats::jetstream::stream::Info;
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{Event, Load, Manners, Stage};
use testkit::bus::Department;
use testkit::client::eventually;
use testkit::nats::{CORE, STREAM};
use testkit::process::Signal;
use testkit::system::{Peer, Store};

use super::{PATIENCE, conclude, grow};
use crate::kills::{at_point, start_to_die};
use crate::scenario::{Outcome, Run};

/// How many clients there are.
const CLIENTS: usize = 3;

/// The department that the load sends orders to.
const DEPARTMENT: &str = "LHSR";

/// What somebody else writes: the stream differs from the log from there on.
const FORGED: &str = "{\"forged\":true}";

/// What a publisher says when it recreates the stream.
const RECREATES: &str = "it is deleted and recreated from the log";

/// How many messages a department takes at once.
const TAKEN_AT_ONCE: usize = 50;

/// How long a department waits for messages.
const FETCH_PATIENCE: Duration = Duration::from_millis(300);

/// The stream is made wrong under load; in the end a publisher dies while there is no stream.
pub(super) async fn play(run: &mut Run) -> anyhow::Result<Outcome> {
    if run.short && run.store == Store::Sqlite {
        return Ok(Outcome::skipped("in the short form on PostgreSQL only"));
    }
    let rounds: u64 = run.pick(3, 24);
    let mut stage = Stage::start(run.setup()?).await?;
    let mut peer = stage.system.peer(&["publisher"], Vec::new()).await?;
    let mut load = stage.load(CLIENTS, Manners::default(), &mut run.randomness, &[stage.http()]);
    grow(&stage, &mut load, 60, PATIENCE).await?;
    let mut department = Reader::of(&stage).await?;
    department.takes_some().await?;
    run.bar.set_length(rounds + 1);
    for round in 1..=rounds {
        if run.randomness.below(3) > 0 {
            department.takes_some().await?;
        }
        grow(&stage, &mut load, 5 + run.randomness.below(40), PATIENCE).await?;
        let before = stream(&stage).await?.context("there is no stream")?;
        forge(&stage).await?;
        recreated(&stage, &before, &mut load).await.with_context(|| format!("round {round}"))?;
        department.is_kept(&stage).await?;
        let times = rebuilds(&stage, &peer)?;
        ensure!(times == round, "the stream was recreated {times} times in {round} rounds");
        run.bar.inc(1);
    }
    department.takes_some().await?;
    dies_without_a_stream(&mut stage, &mut peer, &mut load, &department).await?;
    run.bar.inc(1);
    grow(&stage, &mut load, 20, PATIENCE).await?;
    load.stop().await?;
    department.takes_everything(&stage).await?;
    let counted = [("rebuilds", rounds + 1), ("messages of a department", department.taken.len() as u64)];
    conclude(&stage, counted).await
}

/// One publisher deletes the stream and dies. The other one, which stood still, creates it again.
async fn dies_without_a_stream(
    stage: &mut Stage,
    peer: &mut Peer,
    load: &mut Load,
    department: &Reader,
) -> anyhow::Result<()> {
    peer.signal(Signal::Stop)?;
    stage.system.set_environment(at_point("stream-deleted", 1));
    if start_to_die(stage).await? {
        forge(stage).await?;
        stage.system.wait_for_end(PATIENCE).await.context("no stream was deleted")?;
    }
    ensure!(stream(stage).await?.is_none(), "the stream is there although its publisher died before it created one");
    peer.signal(Signal::Continue)?;
    let created = eventually("the other publisher creates the stream", PATIENCE, async || stream(stage).await);
    created.await?;
    department.is_kept(stage).await?;
    stage.system.set_environment(Vec::new());
    stage.system.restart().await?;
    load.check()
}

/// Somebody else writes into the stream.
async fn forge(stage: &Stage) -> anyhow::Result<()> {
    let core = stage.system.nats().connect(CORE).await?;
    core.request("dg.evt.district.case_closed", FORGED.into()).await.map(drop).context("could not write")
}

/// The stream; none while it does not exist.
async fn stream(stage: &Stage) -> anyhow::Result<Option<Info>> {
    let client = stage.system.nats().connect(CORE).await?;
    if testkit::bus::last_sequence(&client).await?.is_none() {
        return Ok(None);
    }
    // It may be deleted between the two.
    Ok(jetstream::new(client).get_stream(STREAM).await.ok().map(|stream| stream.cached_info().clone()))
}

/// Waits until there is another stream, which has come as far as the log was.
async fn recreated(stage: &Stage, before: &Info, load: &mut Load) -> anyhow::Result<Info> {
    let head = Tables::of(&stage.system).head().await?;
    eventually("the stream is recreated", PATIENCE, async || {
        load.check()?;
        let now = stream(stage).await?;
        Ok(now.filter(|now| now.created != before.created && now.state.last_sequence >= head))
    })
    .await
}

/// How often both publishers recreated the stream since they were started first.
fn rebuilds(stage: &Stage, peer: &Peer) -> anyhow::Result<u64> {
    let mut times = 0;
    for log in [stage.system.log_path(), peer.log_path()] {
        times += std::fs::read_to_string(log)?.matches(RECREATES).count();
    }
    Ok(times as u64)
}

/// A department that takes its messages and acknowledges each.
struct Reader {
    department: Department,
    /// The sequences of what it has taken, in order.
    taken: Vec<u64>,
}

impl Reader {
    async fn of(stage: &Stage) -> anyhow::Result<Self> {
        let department = Department::connect(stage.system.nats(), DEPARTMENT).await?;
        Ok(Self { department, taken: Vec::new() })
    }

    fn last(&self) -> u64 {
        self.taken.last().copied().unwrap_or_default()
    }

    /// Takes what is there; nothing where its consumer is not there yet. What it acknowledged never comes again.
    async fn take(&mut self) -> anyhow::Result<usize> {
        let Ok(messages) = self.department.next(TAKEN_AT_ONCE, FETCH_PATIENCE).await else { return Ok(0) };
        for message in &messages {
            let info = message.info().map_err(|error| anyhow::anyhow!("a message without a place: {error}"))?;
            let (sequence, last) = (info.stream_sequence, self.last());
            ensure!(sequence > last, "the department got message {sequence} again after it had acknowledged {last}");
            // The floor counts only once NATS has it.
            message.double_ack().await.map_err(|error| anyhow::anyhow!("could not acknowledge: {error}"))?;
            self.taken.push(sequence);
        }
        Ok(messages.len())
    }

    async fn takes_some(&mut self) -> anyhow::Result<()> {
        let before = self.taken.len();
        while self.take().await? == TAKEN_AT_ONCE {}
        if self.taken.len() > before {
            return Ok(());
        }
        // Its consumer is created again within seconds.
        eventually_takes(self, before).await
    }

    /// Waits until it has everything that the log has for it. Nobody writes meanwhile.
    async fn takes_everything(&mut self, stage: &Stage) -> anyhow::Result<()> {
        let subject = format!("dg.evt.order.{DEPARTMENT}.");
        let mut wanted = Vec::new();
        for event in Tables::of(&stage.system).events().await? {
            let event = Event { position: event.position, text: event.text };
            if event.nats_subject()?.starts_with(&subject) {
                wanted.push(event.position);
            }
        }
        while self.taken.len() < wanted.len() {
            let before = self.taken.len();
            eventually_takes(self, before).await?;
        }
        ensure!(self.taken == wanted, "the department took {:?}, and the log has {wanted:?}", self.taken);
        Ok(())
    }

    /// Whether it is kept beside the log how far the department had come, whatever becomes of the stream.
    async fn is_kept(&self, stage: &Stage) -> anyhow::Result<()> {
        let floor = Tables::of(&stage.system).floor(&format!("dept-{DEPARTMENT}")).await?;
        let last = self.last();
        ensure!(floor >= last, "the department may begin after {floor}, and it had come to {last}");
        Ok(())
    }
}

async fn eventually_takes(reader: &mut Reader, before: usize) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while reader.taken.len() == before {
        ensure!(tokio::time::Instant::now() < deadline, "the department got nothing more after {}", reader.last());
        reader.take().await?;
    }
    Ok(())
}
