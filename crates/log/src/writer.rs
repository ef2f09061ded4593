//! Group commit: one task a process and log writes what all callers append, batch by batch.
//!
//! While a batch commits, the next one gathers; whatever waits is the batch, so there is no timer. Where many wait, two
//! batches are in flight, each on a lane of its own: while the database works on one, this process prepares the other. The
//! rule of what may stand in a batch is in [`gather`].
//!
//! INVARIANT: an append is answered only when its transaction has committed, or when it is certain that the answer
//! is right otherwise; an unknown outcome is a passing failure, and the same command id asks again.

mod gather;

use std::collections::VecDeque;
use std::future::Future;

use app::fault::{self, Point, Sabotage};
use app::port::{Append, AppendError, Failure, Receipt};
use kernel::digest::Digest;
use kernel::{Position, Version};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::committed::Committed;
use crate::flights::Flights;
use crate::record::made;
use gather::{Taken, gather};

/// Most appends in one transaction.
pub(crate) const BATCH_APPENDS_MAX: usize = 1024;
/// Fewest appends for which a second batch in flight is worth its commit.
const LANE_APPENDS_MIN: usize = 24;
/// The same in a build for trials, which has few callers and is to try two batches in flight.
const TRIAL_LANE_APPENDS_MIN: usize = 3;
/// Most bytes of events in one transaction, unless a single append has more.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
const OPERATION: &str = "append to the log";

/// What a backend says of one append of a batch that has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Recorded in this transaction.
    Made(Receipt),
    /// The command was recorded before, under this request hash.
    Found(Receipt, Digest),
    /// The stream is at another version than expected.
    Conflict(Version),
}

/// The verdicts of a batch that is made as a whole, right after `before`.
pub(crate) fn all_made(batch: &[Append], mut before: Position) -> Vec<Verdict> {
    let made = |append| {
        let receipt = made(append, before);
        before = Position(before.0 + u64::from(receipt.events));
        Verdict::Made(receipt)
    };
    batch.iter().map(made).collect()
}

/// Why a batch was not recorded, or perhaps was.
#[derive(Clone, Debug)]
pub(crate) enum RecordError {
    /// It certainly had no effect.
    Undone(Failure),
    /// The connection was lost and with it the outcome.
    Lost(Failure),
}

/// Where the writer writes to. Connects when it has to, also again after it has lost its connection.
pub(crate) trait Backend: Send + 'static {
    /// Records a batch in one durable transaction; verdicts are in the order of the batch.
    ///
    /// Commands and streams are distinct within the batch. Recording it again is harmless: every command that was
    /// recorded the first time is found.
    fn record(&mut self, batch: &[Append]) -> impl Future<Output = Result<Vec<Verdict>, RecordError>> + Send;
}

/// An append and where its answer goes.
pub(crate) struct Job {
    append: Append,
    reply: oneshot::Sender<Result<Receipt, AppendError>>,
}

/// The door to the writer task. The task ends when the door is dropped and what waits has been written.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: mpsc::Sender<Job>,
    /// Not joined on drop: a batch in flight must be able to commit, its callers may still be waiting.
    task: JoinHandle<()>,
}

impl Writer {
    /// Starts the writer task, with a lane for each backend.
    pub(crate) fn start<B: Backend>(lanes: Vec<B>, committed: Committed) -> Self {
        let (jobs, waiting) = mpsc::channel(BATCH_APPENDS_MAX);
        let task = Handle::current().spawn(run(waiting, lanes, committed));
        Self { jobs, task }
    }

    /// Hands an append over and waits for its answer. Dropping the future takes the caller away, not the append.
    pub(crate) async fn append(&self, mut append: Append) -> Result<Receipt, AppendError> {
        let command = append.command;
        if fault::is_sabotaged(Sabotage::CommandIdsOff)
            && let Some(event) = append.events.first()
        {
            append.command = event.id.uuid().into();
        }
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job { append, reply }).await.map_err(|_| self.stopped())?;
        let receipt = answer.await.map_err(|_| self.stopped())??;
        Ok(Receipt { command, ..receipt })
    }

    fn stopped(&self) -> Failure {
        let reason = if self.task.is_finished() { "the writer has stopped" } else { "the writer is stopping" };
        Failure { operation: OPERATION, reason: reason.to_owned(), passing: false }
    }
}

async fn run<B: Backend>(mut jobs: mpsc::Receiver<Job>, mut idle: Vec<B>, committed: Committed) {
    let mut arrived = Vec::with_capacity(BATCH_APPENDS_MAX);
    let mut waiting = VecDeque::new();
    let mut taken = Taken::default();
    let mut flights = Flights::new();
    let mut is_open = true;
    let lane_min = lane_appends_min();
    loop {
        while waiting.len() < BATCH_APPENDS_MAX
            && let Ok(job) = jobs.try_recv()
        {
            waiting.push_back(job);
        }
        while let Some(appends_max) = share(waiting.len(), idle.len(), flights.len(), lane_min) {
            let (batch, replies) = gather(&mut waiting, &mut taken, appends_max, BATCH_BYTES_MAX);
            let Some(backend) = idle.pop_if(|_| !batch.is_empty()) else { break };
            flights.push(fly(backend, batch, replies, &committed));
        }
        let has_lane = !idle.is_empty() && waiting.len() < BATCH_APPENDS_MAX;
        tokio::select! {
            biased;
            (backend, batch) = flights.landed(), if !flights.is_empty() => {
                idle.push(backend);
                taken.release(&batch);
                // Those who were answered may have more: their turn, or they would all have to wait for a batch of the few who
                // were quick. One alone gets it anyhow, and a turn would wake a thread to take it.
                if batch.len() > 1 || !waiting.is_empty() {
                    tokio::task::yield_now().await;
                }
            }
            // What comes while a batch is in flight may be enough for another lane.
            count = jobs.recv_many(&mut arrived, BATCH_APPENDS_MAX), if is_open && (flights.is_empty() || has_lane) => {
                is_open = count > 0;
                waiting.extend(arrived.drain(..));
            }
            else => return,
        }
    }
}

fn lane_appends_min() -> usize {
    // A lane that is to answer before it commits holds up the other one until its next batch.
    let is_trial = fault::IS_ENABLED && !fault::is_sabotaged(Sabotage::AnswerBeforeCommit);
    if is_trial { TRIAL_LANE_APPENDS_MIN } else { LANE_APPENDS_MIN }
}

/// How many appends go into the next batch, if one is to go now.
fn share(waiting: usize, idle: usize, in_flight: usize, lane_min: usize) -> Option<usize> {
    match (waiting, idle, in_flight) {
        (0, _, _) | (_, 0, _) => None,
        // Half for each of two lanes, where both halves are worth a commit of their own.
        (_, 2.., 0) if waiting >= 2 * lane_min => Some(waiting.div_ceil(2)),
        (_, _, 0) => Some(BATCH_APPENDS_MAX),
        // A small batch would cost a commit and save nothing: it waits for the one in flight.
        _ if waiting >= lane_min => Some(BATCH_APPENDS_MAX),
        _ => None,
    }
}

/// One batch on its lane: recorded, and everybody answered.
async fn fly<B: Backend>(
    mut backend: B,
    batch: Vec<Append>,
    replies: Vec<oneshot::Sender<Result<Receipt, AppendError>>>,
    committed: &Committed,
) -> (B, Vec<Append>) {
    fault::point(Point::BeforeAppend);
    let answers = settle(&mut backend, &batch, committed).await;
    fault::point(Point::CommitBeforeAnswer);
    for (reply, answer) in replies.into_iter().zip(answers) {
        // The caller may have gone; that changes nothing.
        let _ = reply.send(answer);
    }
    (backend, batch)
}

/// Records a batch; where it fails as a whole for a reason that may lie in one of its appends, one by one.
async fn settle(
    backend: &mut impl Backend,
    batch: &[Append],
    committed: &Committed,
) -> Vec<Result<Receipt, AppendError>> {
    match record_surely(backend, batch).await {
        Ok(verdicts) => answer(batch, verdicts, committed),
        Err(failure) if failure.passing || batch.len() <= 1 => {
            batch.iter().map(|_| Err(failure.clone().into())).collect()
        }
        Err(_) => {
            let mut answers = Vec::with_capacity(batch.len());
            for append in batch.chunks(1) {
                match record_surely(backend, append).await {
                    Ok(verdicts) => answers.extend(answer(append, verdicts, committed)),
                    Err(failure) => answers.push(Err(failure.into())),
                }
            }
            answers
        }
    }
}

/// Records a batch; when the connection is lost, once more on a new one, where the ids of its commands find what
/// was committed the first time. An outcome that stays unknown is a passing failure.
async fn record_surely(backend: &mut impl Backend, batch: &[Append]) -> Result<Vec<Verdict>, Failure> {
    match backend.record(batch).await {
        Ok(verdicts) => Ok(verdicts),
        Err(RecordError::Undone(failure)) => Err(failure),
        Err(RecordError::Lost(_)) => {
            backend.record(batch).await.map_err(|(RecordError::Undone(failure) | RecordError::Lost(failure))| Failure {
                passing: true,
                ..failure
            })
        }
    }
}

fn answer(batch: &[Append], verdicts: Vec<Verdict>, committed: &Committed) -> Vec<Result<Receipt, AppendError>> {
    let newest = verdicts.iter().filter_map(last_position).max();
    if let Some(newest) = newest {
        committed.saw(newest);
    }
    batch.iter().zip(verdicts).map(|(append, verdict)| answer_one(append, verdict)).collect()
}

/// What the caller of `append` is told.
pub(crate) fn answer_one(append: &Append, verdict: Verdict) -> Result<Receipt, AppendError> {
    match verdict {
        Verdict::Made(receipt) => Ok(receipt),
        Verdict::Found(receipt, request) if request == append.request => Ok(receipt),
        Verdict::Found(..) => Err(AppendError::CommandReused(append.command)),
        Verdict::Conflict(actual) => {
            Err(AppendError::Conflict { stream: append.stream.clone(), expected: append.expected, actual })
        }
    }
}

fn last_position(verdict: &Verdict) -> Option<Position> {
    match verdict {
        Verdict::Made(Receipt { first: Some(first), events, .. }) => Some(Position(first.0 + u64::from(*events) - 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
