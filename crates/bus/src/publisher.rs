//! Copies the log into the stream, in order and exactly once, however often it is interrupted.
//!
//! A publisher asks the stream how far it is, compares it with the log, and appends what is missing in atomic batches, each
//! fenced with the sequence before it. Several batches are under way at once. If one fails, the fence makes all later ones
//! fail too, and the stream is asked again how far it is.
//!
//! A batch costs nats-server two flushes and a dozen file operations, whatever its size, and batches are handled one after
//! the other. So a publisher that is far behind sends batches as large as nats-server takes them.
//!
//! Any number of publishers may run. The loser of a race looks again and lets the other continue.

mod batch;
mod check;
mod lost;
mod rebuild;
mod silence;
mod status;

pub(crate) use batch::HEADER_BYTES_MAX;
pub use lost::Beside;
pub use status::{PublisherState, PublisherStatus};

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use app::fault::{self, Point};
use app::losses::begun_by;
use app::port::EventLog;
use async_nats::jetstream::{self, Context};
use kernel::{Clock, Entropy, Position, Recorded};
use tokio::sync::watch;
use tokio::time::Instant;
use uuid::Uuid;

use crate::error::chain;
use crate::{Connection, Error};
use batch::{Most, Outcome, Window};
use check::Agreed;
use status::Reporter;

/// How long an answer of JetStream may take, also the acknowledgement of a batch.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// The first pause after an error; each further one is twice as long.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// The longest pause after an error.
const PAUSE_MAX: Duration = Duration::from_secs(3);
/// How often the head of the log is looked at while NATS is away, so that the lag stays true.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A publisher with this many events a round is busy.
const BUSY_EVENTS: u64 = 16;
/// The longest pause of a publisher that lost a race.
const YIELD_MILLIS_MAX: u64 = 150;
/// Most events of a batch that every nats-server takes.
const BATCH_EVENTS_ALWAYS: usize = 1000;

/// How the publisher works. The defaults are for production.
#[derive(Clone, Debug)]
pub struct PublisherOptions {
    /// Most events of one atomic batch. A nats-server takes 1000 unless its `limits.batch.max_msgs` says otherwise; one that
    /// refuses more is sent at most 1000.
    pub batch_events_max: usize,
    /// Most bytes of one atomic batch of more than one event.
    pub batch_bytes_max: usize,
    /// Most batches under way at once.
    pub batches_in_flight_max: usize,
    /// Most events under way at once, unless one batch has more. nats-server drops what exceeds its `max_buffered_msgs`
    /// (10,000 by default) for each stream and all publishers together.
    pub events_in_flight_max: usize,
    /// How often the stream is compared with the log without another reason.
    pub check_every: Duration,
    /// How often the log is asked for events without being told of any. The log tells of commits, also of other processes; what
    /// it did not tell is found this way.
    pub poll_every: Duration,
    /// How long a busy publisher waits for more events before the next batch: each batch costs NATS a flush to disk.
    pub gather_for: Duration,
    /// Name of the installation. It is recorded in the stream, and the stream of another installation is left alone. Empty: not
    /// checked.
    pub installation: String,
    /// How many copies of the stream a cluster of nats-servers keeps.
    pub replicas: usize,
}

impl Default for PublisherOptions {
    fn default() -> Self {
        Self {
            batch_events_max: 5000,
            batch_bytes_max: 8 * 1024 * 1024,
            batches_in_flight_max: 4,
            events_in_flight_max: 10_000,
            check_every: Duration::from_secs(5),
            poll_every: Duration::from_secs(1),
            gather_for: Duration::from_millis(15),
            installation: String::new(),
            replicas: 1,
        }
    }
}

/// The publisher of one process.
pub struct Publisher {
    connection: Connection,
    jetstream: Context,
    log: Arc<dyn EventLog>,
    entropy: Arc<dyn Entropy>,
    options: PublisherOptions,
    /// Tells this publisher from others where only one may do something.
    holder: Uuid,
    /// Most events of a batch that this nats-server is known to take.
    batch_events: AtomicUsize,
    /// The epoch of the log, which every message says.
    epoch: AtomicU32,
    report: Reporter,
}

/// How a round of publishing ended.
enum Drained {
    /// Everything is in the stream, or the time of the round is over.
    Through(Position),
    /// The stream is not at the expected sequence.
    Fenced,
}

impl Publisher {
    /// A publisher of `log`. It publishes nothing until it is run.
    pub fn new(
        connection: Connection,
        log: Arc<dyn EventLog>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: PublisherOptions,
    ) -> Self {
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(ANSWER_PATIENCE)
            .ack_timeout(ANSWER_PATIENCE)
            .build(connection.client().clone());
        let holder = entropy.uuid(clock.now());
        let report = Reporter::new(clock);
        let batch_events = AtomicUsize::new(options.batch_events_max);
        let epoch = AtomicU32::new(0);
        Self { connection, jetstream, log, entropy, options, holder, batch_events, epoch, report }
    }

    /// How far it is, and in which state.
    pub fn status(&self) -> watch::Receiver<PublisherStatus> {
        self.report.status()
    }

    /// Publishes until `shutdown`. It may be interrupted anywhere: the next publisher continues from the stream.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        Reporter::begin();
        tokio::select! {
            () = shutdown => {}
            never = self.publish() => match never {},
        }
    }

    async fn publish(&self) -> Infallible {
        let mut pause = PAUSE_MIN;
        let mut is_silent = false;
        loop {
            self.wait_for_nats().await;
            let before = self.report.published();
            let ended = tokio::select! {
                Err(error) = self.publish_while_connected(is_silent) => error,
                () = self.connection.lost() => Error::LinkLost,
            };
            is_silent = matches!(ended, Error::Unstored);
            if self.report.published() > before {
                pause = PAUSE_MIN;
            }
            tracing::warn!(reason = chain(&ended), "publishing was interrupted; it is tried again");
            // Without its causes, which may name hosts: readiness shows this to everybody.
            match &ended {
                Error::WentBack(lost) => self.report.state(PublisherState::Stopped(*lost)),
                error if error.needs_somebody() => self.report.state(PublisherState::Blocked(error.to_string())),
                error => self.report.failing(error.to_string()),
            }
            self.look_at_the_head().await;
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn wait_for_nats(&self) {
        while tokio::time::timeout(LOOK_EVERY, self.connection.connected()).await.is_err() {
            self.report.state(PublisherState::Away);
            self.look_at_the_head().await;
        }
    }

    async fn look_at_the_head(&self) {
        match self.log.head().await {
            Ok(head) => self.report.head(head),
            Err(failure) => tracing::warn!(%failure, "could not read the head of the log"),
        }
    }

    /// Publishes until something fails. `is_silent`: the last publish was not answered.
    async fn publish_while_connected(&self, is_silent: bool) -> Result<Infallible, Error> {
        self.connection.check_version()?;
        // This may be another nats-server than before, or its configuration may have changed.
        self.batch_events.store(self.options.batch_events_max, Ordering::Relaxed);
        let mut agreed = self.agree(None).await?;
        if is_silent {
            self.break_silence(&agreed).await?;
            agreed = self.agree(Some(&agreed)).await?;
        }
        let mut next_check = Instant::now() + self.options.check_every;
        loop {
            let claimed = *self.log.committed().borrow();
            let mut beyond = agreed.last;
            match self.drain(agreed.last, next_check).await? {
                Drained::Through(last) => {
                    // What was claimed to be there and is not is no reason to look again at once.
                    beyond = if last == agreed.last { last.max(claimed) } else { last };
                    let drained = last.0.saturating_sub(agreed.last.0);
                    agreed.last = last;
                    if drained >= BUSY_EVENTS {
                        tokio::time::sleep(self.options.gather_for).await;
                    }
                }
                Drained::Fenced => {
                    agreed = self.agree(Some(&agreed)).await?;
                    tokio::time::sleep(self.jitter()).await;
                }
            }
            self.wait_for_more(beyond, next_check).await;
            if Instant::now() >= next_check {
                agreed = self.agree(Some(&agreed)).await?;
                next_check = Instant::now() + self.options.check_every;
            }
        }
    }

    /// Publishes what is missing after `from`, at most until `until`. The next events are read while batches are under way.
    async fn drain(&self, from: Position, until: Instant) -> Result<Drained, Error> {
        let mut window = Window::new(from);
        let mut sent = from;
        let mut ahead = None;
        let mut too_large = None;
        loop {
            let mut is_all = false;
            while self.has_room(&window) && !is_all && Instant::now() < until {
                let read = match ahead.take() {
                    Some(read) => read,
                    None => self.read(sent).await?,
                };
                // Events that another process appended since are found in the next round.
                is_all = read.len() <= self.batch_events();
                if let Some(epoch) = read.iter().filter_map(begun_by).max() {
                    self.epoch.fetch_max(epoch, Ordering::Relaxed);
                }
                let cut = batch::cut(&read, sent, self.most())?;
                for piece in cut.pieces {
                    fault::point(Point::BeforePublish);
                    window.push(self.send(piece, sent).await?);
                    sent = Position(sent.0 + piece.events.len() as u64);
                }
                too_large = cut.too_large;
                is_all |= too_large.is_some();
                self.report.head(sent.max(*self.log.committed().borrow()));
            }
            let confirmed = if is_all || ahead.is_some() || Instant::now() >= until {
                window.confirm().await?
            } else {
                let (confirmed, read) = tokio::join!(window.confirm(), self.read(sent));
                ahead = Some(read?);
                confirmed?
            };
            fault::point(Point::AfterPublish);
            match confirmed {
                None => return too_large.map_or(Ok(Drained::Through(window.confirmed())), Err),
                Some(Outcome::Stored(events)) => self.report.published_to(window.confirmed(), events),
                Some(Outcome::Fenced) => return Ok(Drained::Fenced),
                Some(Outcome::TooLarge) => {
                    self.take_smaller_batches();
                    return Ok(Drained::Fenced);
                }
            }
        }
    }

    fn has_room(&self, window: &Window) -> bool {
        window.len() < self.options.batches_in_flight_max
            && (window.len() == 0 || window.events() + self.batch_events() <= self.options.events_in_flight_max)
    }

    /// The events after `position` that may go into one batch, and one more, by which it can be told where a command ends.
    async fn read(&self, position: Position) -> Result<Vec<Recorded>, Error> {
        Ok(self.log.after(position, self.batch_events() + 1).await?)
    }

    fn most(&self) -> Most {
        let payload = self.connection.client().max_payload();
        Most { events: self.batch_events(), bytes: self.options.batch_bytes_max, payload }
    }

    fn batch_events(&self) -> usize {
        self.batch_events.load(Ordering::Relaxed)
    }

    fn take_smaller_batches(&self) {
        self.batch_events.store(BATCH_EVENTS_ALWAYS.min(self.options.batch_events_max), Ordering::Relaxed);
        tracing::info!(
            wanted = self.options.batch_events_max,
            taken = BATCH_EVENTS_ALWAYS,
            "this nats-server takes smaller batches only; `limits.batch.max_msgs` of its configuration says how large"
        );
    }

    /// Waits until the log may hold more than up to `last`, or the next check is due.
    async fn wait_for_more(&self, last: Position, next_check: Instant) {
        let mut committed = self.log.committed();
        let polled = (Instant::now() + self.options.poll_every).min(next_check);
        let more = async {
            if committed.wait_for(|newest| *newest > last).await.is_err() {
                std::future::pending::<()>().await; // No more wake-ups; the log is still polled.
            }
        };
        let _ = tokio::time::timeout_at(polled, more).await;
    }

    /// Compares until stream and log agree, and recreates the stream if they cannot.
    async fn agree(&self, known: Option<&Agreed>) -> Result<Agreed, Error> {
        loop {
            match self.compare(known).await? {
                Ok(agreed) => {
                    self.report.agreed(agreed.last);
                    return Ok(agreed);
                }
                Err(diverged) => self.rebuild(diverged).await?,
            }
        }
    }

    /// A random pause of the loser of a race, so that the winner can continue.
    fn jitter(&self) -> Duration {
        Duration::from_millis(self.random_below(YIELD_MILLIS_MAX))
    }

    /// A random number below `limit`.
    fn random_below(&self, limit: u64) -> u64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        u64::from_le_bytes(bytes) % limit.max(1)
    }
}
