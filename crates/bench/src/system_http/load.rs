//! The clients: one thread, many connections, each giving one command after another.

use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use kernel::CaseId;
use tokio::task::LocalSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::Course;
use super::lifecycle::{Way, Who, discovery, ways};
use super::people::People;
use super::wire::{Answer, Wire};

/// The micro grids in which something is found.
const MICRO_GRIDS: [&str; 8] = [
    "JAS-R01-M01",
    "JAS-R01-M02",
    "JAS-R02-M01",
    "JAS-R02-B01",
    "JAS-R03-M02",
    "JAS-R04-M01",
    "JAS-R05-M03",
    "JAS-R09-B01",
];

/// What the clients do.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) address: String,
    pub(super) people: People,
    /// Digest of a file that was uploaded.
    pub(super) evidence: String,
    /// Today, as the district counts it.
    pub(super) day: String,
    pub(super) clients: usize,
    pub(super) course: Course,
    /// Cases that were there before, in grid handling: where there are any, every second command is about one of them,
    /// chosen at random.
    pub(super) old: Vec<CaseId>,
    /// From what the ids of commands are made.
    pub(super) seed: u64,
}

/// One command: when it was answered, counted from the beginning, and how long that took.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) at: Duration,
    pub(super) took: Duration,
}

/// Everything the clients saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) samples: Vec<Sample>,
    /// How many events the answers named.
    pub(super) events: u64,
    /// How many of the commands were about old cases.
    pub(super) old: u64,
}

/// Runs the clients on a thread of their own until the last window is over.
pub(super) async fn run(plan: Plan) -> anyhow::Result<Seen> {
    let clients = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("no runtime for the clients")?;
        LocalSet::new().block_on(&runtime, all(plan))
    };
    tokio::task::spawn_blocking(clients).await.context("the clients panicked")?
}

async fn all(plan: Plan) -> anyhow::Result<Seen> {
    let ways: Rc<[Way]> = ways(&plan.evidence, &plan.day).into();
    let plan = Rc::new(plan);
    let begin = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..plan.clients {
        let client = Client::connect(&plan, &ways, number).await?;
        running.spawn_local(client.run(begin));
    }
    let mut seen = Seen::default();
    while let Some(ended) = running.join_next().await {
        let one = ended.context("a client panicked")??;
        seen.samples.extend(one.samples);
        seen.events += one.events;
        seen.old += one.old;
    }
    Ok(seen)
}

/// A case on its way.
struct Journey {
    case: CaseId,
    way: usize,
    next: usize,
    order: String,
}

struct Client {
    plan: Rc<Plan>,
    ways: Rc<[Way]>,
    wire: Wire,
    random: Random,
    number: usize,
    found: usize,
    own: Option<Journey>,
    seen: Seen,
}

impl Client {
    async fn connect(plan: &Rc<Plan>, ways: &Rc<[Way]>, number: usize) -> anyhow::Result<Self> {
        Ok(Self {
            wire: Wire::connect(&plan.address).await?,
            plan: Rc::clone(plan),
            ways: Rc::clone(ways),
            random: Random(plan.seed.wrapping_add((number as u64).wrapping_mul(0x5851_f42d_4c95_7f2d))),
            number,
            found: 0,
            own: None,
            seen: Seen::default(),
        })
    }

    async fn run(mut self, begin: Instant) -> anyhow::Result<Seen> {
        let Course { warm_up, window, windows } = self.plan.course;
        let end = begin + warm_up + window * windows;
        while Instant::now() < end {
            if !self.plan.old.is_empty() {
                self.about_old(begin).await?;
            }
            self.about_own(begin).await?;
        }
        Ok(self.seen)
    }

    async fn about_own(&mut self, begin: Instant) -> anyhow::Result<()> {
        match self.own.take() {
            None => self.discover(begin).await,
            Some(journey) => {
                self.own = self.go_on(journey, begin).await?;
                Ok(())
            }
        }
    }

    /// Reports progress on an old case. The text is another one each time, so that there is something to record; two
    /// clients never have the same case, so that none is refused.
    async fn about_old(&mut self, begin: Instant) -> anyhow::Result<()> {
        let share = self.plan.old.len() / self.plan.clients;
        let case = self.plan.old[self.number + self.plan.clients * self.random.below(share)];
        let (day, note) = (&self.plan.day, self.random.command_id());
        let body = format!(r#"{{"day":"{day}","text":"已联系住户，正在清理：{note}"}}"#);
        let sent = Instant::now();
        let token = self.plan.people.token(Who::Anywhere);
        let path = format!("/cases/{case}/record-progress");
        let answer = self.wire.post(&path, token, self.random.command_id(), &body).await?;
        let (events, took) = (check(&answer, &path)?, sent.elapsed());
        self.note(begin, took, events);
        self.seen.old += 1;
        Ok(())
    }

    async fn discover(&mut self, begin: Instant) -> anyhow::Result<()> {
        let grid = MICRO_GRIDS[(self.number + self.found) % MICRO_GRIDS.len()];
        let body = discovery(grid, &format!("{}号第{}件：通道被占用", self.number, self.found));
        let way = (self.number + self.found) % self.ways.len();
        self.found += 1;
        let sent = Instant::now();
        let token = self.plan.people.token(Who::Leader);
        let answer = self.wire.post("/cases/discover-issue", token, self.random.command_id(), &body).await?;
        let (events, took) = (check(&answer, "discover-issue")?, sent.elapsed());
        let case: CaseId = answer.text("id").context("the answer names no case")?.parse()?;
        self.note(begin, took, events);
        self.own = Some(Journey { case, way, next: 0, order: self.ways[way].order(case) });
        Ok(())
    }

    /// Takes the next step of a case; nothing is left of one that has come to its end.
    async fn go_on(&mut self, journey: Journey, begin: Instant) -> anyhow::Result<Option<Journey>> {
        let step = &self.ways[journey.way].steps[journey.next];
        let path = format!("/cases/{}/{}", journey.case, step.name);
        let body = step.body(&journey.order);
        let sent = Instant::now();
        let token = self.plan.people.token(step.who);
        let answer = self.wire.post(&path, token, self.random.command_id(), &body).await?;
        let (events, took) = (check(&answer, &path)?, sent.elapsed());
        self.note(begin, took, events);
        let next = journey.next + 1;
        Ok((next < self.ways[journey.way].steps.len()).then_some(Journey { next, ..journey }))
    }

    fn note(&mut self, begin: Instant, took: Duration, events: u64) {
        self.seen.samples.push(Sample { at: begin.elapsed(), took });
        self.seen.events += events;
    }
}

/// Every command must be taken, be no replay, and record something.
fn check(answer: &Answer<'_>, what: &str) -> anyhow::Result<u64> {
    answer.check(what)?;
    let events = answer.number("events").unwrap_or(0);
    ensure!(events > 0, "{what} recorded nothing: {}", String::from_utf8_lossy(answer.body));
    Ok(events)
}

/// Pseudo-random numbers (SplitMix64): ids of commands have to differ, and cost nothing.
struct Random(u64);

impl Random {
    /// A random id (version 4): the worst for an index.
    fn command_id(&mut self) -> Uuid {
        let [high, low] = [self.next(), self.next()].map(u64::to_be_bytes);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&high);
        bytes[8..].copy_from_slice(&low);
        uuid::Builder::from_random_bytes(bytes).into_uuid()
    }

    /// A number below `end`; 0 where that is 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap_or(0)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
