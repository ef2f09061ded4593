//! Group commit: one task a process and log writes what all callers append, batch by batch.
//!
//! While a batch commits, the next one gathers; whatever waits is the batch, so there is no timer. If many wait, two batches
//! are in flight, each on a lane of its own: while the database works on one, this process prepares the other. [`gather`] has
//! the rule of what may be in a batch.
//!
//! INVARIANT: an append is answered only when its transaction has committed, or when the answer is certain for another reason;
//! an unknown outcome is a passing failure, and the same command id asks again.

mod gather;

use std::collections::VecDeque;

use app::port::{Append, AppendError, Failure, Receipt};
use kernel::Position;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::backend::{BATCH_APPENDS_MAX, Backend, RecordError, Verdict};
use crate::committed::Committed;
use crate::flights::Flights;
use crate::record::check;
use gather::{Job, Occupied, gather};

/// Most bytes of events in one transaction, unless a single append has more.
const BATCH_BYTES_MAX: usize = 8 * 1024 * 1024;
const OPERATION: &str = "append to the log";

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
    pub(crate) async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        check(&append)?;
        let (reply, answer) = oneshot::channel();
        self.jobs.send(Job { append, reply }).await.map_err(|_| self.stopped())?;
        answer.await.map_err(|_| self.stopped())?
    }

    fn stopped(&self) -> Failure {
        let reason = if self.task.is_finished() { "the writer has stopped" } else { "the writer is stopping" };
        Failure { operation: OPERATION, reason: reason.to_owned(), passing: false }
    }
}

async fn run<B: Backend>(mut jobs: mpsc::Receiver<Job>, mut idle: Vec<B>, committed: Committed) {
    let mut arrived = Vec::with_capacity(BATCH_APPENDS_MAX);
    let mut waiting = VecDeque::new();
    let mut taken = Occupied::default();
    let mut flights = Flights::new();
    let mut is_open = true;
    let second_min = idle.iter().map(Backend::second_appends_min).max().unwrap_or_default();
    loop {
        while waiting.len() < BATCH_APPENDS_MAX
            && let Ok(job) = jobs.try_recv()
        {
            waiting.push_back(job);
        }
        while let Some(appends_max) = share(waiting.len(), idle.len(), flights.len(), second_min) {
            let (batch, replies) = gather(&mut waiting, &mut taken, appends_max, BATCH_BYTES_MAX);
            let Some(backend) = idle.pop_if(|_| !batch.is_empty()) else { break };
            flights.push(fly(backend, batch, replies, &committed));
        }
        let has_lane = !idle.is_empty() && waiting.len() < BATCH_APPENDS_MAX;
        tokio::select! {
            biased;
            (backend, batch) = flights.landed(), if !flights.is_empty() => {
                idle.push(backend);
                for append in &batch {
                    taken.release(append);
                }
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

/// How many appends go into the next batch, if one is to go now.
fn share(waiting: usize, idle: usize, in_flight: usize, second_min: usize) -> Option<usize> {
    match (waiting, idle, in_flight) {
        (0, _, _) | (_, 0, _) => None,
        // Half for each of two lanes, where both halves are worth a commit of their own.
        (_, 2.., 0) if waiting >= 2 * second_min => Some(waiting.div_ceil(2)),
        (_, _, 0) => Some(BATCH_APPENDS_MAX),
        // A small batch would cost a commit and save nothing: it waits for the one in flight.
        _ if waiting >= second_min => Some(BATCH_APPENDS_MAX),
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
    let answers = settle(&mut backend, &batch, committed).await;
    for (reply, answer) in replies.into_iter().zip(answers) {
        // The caller may have gone; that changes nothing.
        let _ = reply.send(answer);
    }
    (backend, batch)
}

/// Records a batch. If it fails as a whole for a reason that may lie in one of its appends, records them one by one.
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

/// Records a batch. If the connection is lost, records it once more on a new one, and the ids of its commands find what was
/// committed the first time. An outcome that stays unknown is a passing failure.
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
        committed.made(newest);
    }
    batch.iter().zip(verdicts).map(|(append, verdict)| verdict.answer(append)).collect()
}

fn last_position(verdict: &Verdict) -> Option<Position> {
    match verdict {
        Verdict::Made(Receipt { first: Some(first), events, .. }) => Some(Position(first.0 + u64::from(*events) - 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
