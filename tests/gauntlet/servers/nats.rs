//! NATS holds something else than the log: nothing, too little, or what nobody of us wrote.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream;
use dualgrid_tests::tables::{EventRow, Tables};
use dualgrid_tests::{Load, Manners, Stage};
use testkit::bus;
use testkit::client::eventually;
use testkit::nats::{CORE, STREAM};
use testkit::process::Signal;
use testkit::system::{Peer, Store};
use tokio::time::Instant;

use super::{PATIENCE, grow, milliseconds, settle};
use crate::scenario::{Outcome, Run};

/// How many clients there are.
const CLIENTS: usize = 3;

/// How long it may take until somebody notices and the stream is the log again, up to where the log was.
const NOTICE_PATIENCE: Duration = Duration::from_secs(15);

/// What somebody else writes.
const FORGED: &str = "{\"forged\":true}";

/// What is done to NATS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Harm {
    /// Everything it stored is deleted.
    Wiped,
    /// It holds again what it held long ago.
    Restored,
    /// Somebody else writes a message.
    Rogue,
}

/// How often each is done, and how long a publisher stands still meanwhile.
struct Plan {
    harms: Vec<Harm>,
    still: Duration,
}

impl Plan {
    /// In random order.
    fn draw(run: &mut Run) -> Self {
        let times = run.pick(
            [(Harm::Wiped, 2), (Harm::Restored, 1), (Harm::Rogue, 1)],
            [(Harm::Wiped, 10), (Harm::Restored, 5), (Harm::Rogue, 5)],
        );
        let mut waiting: Vec<Harm> = times.iter().flat_map(|(harm, times)| vec![*harm; *times]).collect();
        let mut harms = Vec::new();
        while !waiting.is_empty() {
            let chosen = *run.randomness.pick(&waiting);
            let place = waiting.iter().position(|harm| *harm == chosen).unwrap_or_default();
            harms.push(waiting.remove(place));
        }
        Self { harms, still: Duration::from_secs(run.pick(3, 10)) }
    }
}

/// The stream becomes the log again each time, while a second publisher competes and one of both stands still.
pub(super) async fn play(run: &mut Run) -> anyhow::Result<Outcome> {
    if run.short && run.store == Store::Sqlite {
        return Ok(Outcome::skipped("in the short form on PostgreSQL only"));
    }
    let plan = Plan::draw(run);
    let mut stage = Stage::start(run.setup()?).await?;
    let mut peer = stage.system.peer(&["publisher"], Vec::new()).await?;
    // Few clients: the whole stream is read in every round.
    let mut load = stage.load(CLIENTS, Manners::default(), &mut run.randomness, &[stage.http()]);
    grow(&stage, &mut load, 50, PATIENCE).await?;
    let copy = stage.system.dir().join("old-copy-of-nats");
    stage.system.nats_mut().copy_store(&copy).await?;
    let mut longest = Duration::ZERO;
    run.bar.set_length(plan.harms.len() as u64);
    for harm in &plan.harms {
        run.bar.set_message(format!("{harm:?}"));
        let more = 50 + run.randomness.below(100);
        grow(&stage, &mut load, more, PATIENCE).await?;
        let is_peer_still = run.randomness.below(2) == 0;
        let round = Round { harm: *harm, still: plan.still, is_peer_still };
        let took = round.play(&mut stage, &mut peer, &mut load, &copy).await;
        longest = longest.max(took.with_context(|| format!("{harm:?}, peer still: {is_peer_still}"))?);
        run.bar.inc(1);
    }
    let counted = [("harms", plan.harms.len() as u64), ("ms to be equal at most", milliseconds(longest))];
    settle(&stage, load, counted).await
}

struct Round {
    harm: Harm,
    still: Duration,
    /// Whether it is the second publisher that stands still.
    is_peer_still: bool,
}

impl Round {
    /// One publisher stands still while the other must notice. Says how long that took.
    async fn play(&self, stage: &mut Stage, peer: &mut Peer, load: &mut Load, copy: &Path) -> anyhow::Result<Duration> {
        self.signal(stage, peer, Signal::Stop)?;
        let stopped = Instant::now();
        let rogue = self.harm(stage, copy).await?;
        let head = Tables::of(&stage.system).head().await?;
        let took = is_noticed(stage, head, rogue).await;
        tokio::time::sleep_until(stopped + self.still).await;
        self.signal(stage, peer, Signal::Continue)?;
        let took = took?;
        load.check()?;
        // Whoever stood still wakes up with an old idea of the stream.
        grow(stage, load, 20, PATIENCE).await?;
        let head = Tables::of(&stage.system).head().await?;
        becomes_equal(stage, head).await.context("after both publishers ran again")?;
        Ok(took)
    }

    fn signal(&self, stage: &mut Stage, peer: &mut Peer, signal: Signal) -> anyhow::Result<()> {
        if self.is_peer_still { peer.signal(signal) } else { stage.system.signal(signal) }
    }

    /// Gives the sequence of the message that somebody else wrote, if somebody did.
    async fn harm(&self, stage: &mut Stage, copy: &Path) -> anyhow::Result<Option<u64>> {
        let nats = stage.system.nats_mut();
        match self.harm {
            Harm::Wiped => nats.wipe().await.map(|()| None),
            Harm::Restored => nats.restore_store(copy).await.map(|()| None),
            Harm::Rogue => {
                let core = nats.connect(CORE).await?;
                let answer = core.request("dg.evt.district.case_closed", FORGED.into()).await?;
                let answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
                let sequence = answer["seq"].as_u64();
                sequence.map(Some).with_context(|| format!("the message was not stored: {answer}"))
            }
        }
    }
}

/// Waits until the stream reaches this far again and what somebody else wrote is gone. Says how long that took.
async fn is_noticed(stage: &Stage, head: u64, rogue: Option<u64>) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let client = stage.system.nats().connect(CORE).await?;
    eventually("the stream is mended", NOTICE_PATIENCE, async || {
        // A stream that is being recreated does not exist for a moment.
        let last = bus::last_sequence(&client).await.unwrap_or_default();
        Ok((last >= Some(head) && !holds_rogue(&client, rogue).await).then_some(()))
    })
    .await?;
    Ok(started.elapsed())
}

async fn holds_rogue(client: &async_nats::Client, rogue: Option<u64>) -> bool {
    let Some(sequence) = rogue else { return false };
    let Ok(stream) = jetstream::new(client.clone()).get_stream(STREAM).await else { return true };
    stream.get_raw_message(sequence).await.is_ok_and(|message| message.payload == FORGED)
}

/// Waits until the stream is the log up to this position, byte for byte.
async fn becomes_equal(stage: &Stage, head: u64) -> anyhow::Result<()> {
    let events = Tables::of(&stage.system).events().await?;
    ensure!(events.len() as u64 >= head, "the log has {} events, and had {head}", events.len());
    let mut last = None;
    let waited = eventually("the stream is the log", PATIENCE, async || {
        last = differs(stage, &events).await.err();
        Ok(last.is_none().then_some(()))
    });
    waited.await.with_context(|| last.map_or_else(String::new, |error| format!("{error:#}")))
}

/// An error unless the stream begins with these events.
async fn differs(stage: &Stage, events: &[EventRow]) -> anyhow::Result<()> {
    let client = stage.system.nats().connect(CORE).await?;
    let last = bus::last_sequence(&client).await?.unwrap_or_default();
    ensure!(last >= events.len() as u64, "the stream reaches to {last}, the log to {}", events.len());
    let stored = bus::read_stream(stage.system.nats(), 1).await?;
    // It may stand where the log has not come to yet.
    ensure!(stored.iter().all(|(_, _, bytes)| bytes != FORGED), "what somebody else wrote is still there");
    for (event, (sequence, _, bytes)) in events.iter().zip(&stored) {
        ensure!(*sequence == event.position, "event {} has sequence {sequence}", event.position);
        ensure!(bytes.as_ref() == event.text.as_bytes(), "event {sequence} has other bytes");
    }
    Ok(())
}
