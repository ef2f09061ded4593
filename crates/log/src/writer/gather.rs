//! Which of the waiting appends stand in the next batch.

use std::collections::{HashSet, VecDeque};

use app::port::{Append, AppendError, Receipt};
use kernel::{CommandId, StreamId};
use tokio::sync::oneshot;

use super::Job;

type Reply = oneshot::Sender<Result<Receipt, AppendError>>;

/// The streams and commands of the batches that are in flight.
#[derive(Debug, Default)]
pub(super) struct Taken {
    streams: HashSet<StreamId>,
    commands: HashSet<CommandId>,
}

impl Taken {
    /// Takes stream and command of an append, unless one of them is in flight.
    fn take_all(&mut self, append: &Append) -> bool {
        if self.streams.contains(&append.stream) || self.commands.contains(&append.command) {
            return false;
        }
        self.streams.insert(append.stream.clone());
        self.commands.insert(append.command);
        true
    }

    /// A batch has landed.
    pub(super) fn release(&mut self, batch: &[Append]) {
        for append in batch {
            self.streams.remove(&append.stream);
            self.commands.remove(&append.command);
        }
    }
}

/// Takes the next batch off the queue, in the order of arrival.
///
/// A stream stands at most once in all batches in flight, and so does a command id: the second one waits for a later batch
/// and sees what the first one did. Appends whose caller has gone are dropped, nobody was promised anything.
pub(super) fn gather(
    waiting: &mut VecDeque<Job>,
    taken: &mut Taken,
    appends_max: usize,
    bytes_max: usize,
) -> (Vec<Append>, Vec<Reply>) {
    let (mut batch, mut replies) = (Vec::new(), Vec::new());
    let (mut streams_waiting, mut commands_waiting) = (HashSet::new(), HashSet::new());
    let mut bytes = 0;
    let mut later = VecDeque::new();
    for job in waiting.drain(..) {
        if job.reply.is_closed() {
            continue;
        }
        let size: usize = job.append.events.iter().map(|event| event.bytes.len()).sum();
        let full = batch.len() >= appends_max || (!batch.is_empty() && bytes + size > bytes_max);
        // What waits is in the way of what came after it.
        let in_the_way = streams_waiting.contains(&job.append.stream) || commands_waiting.contains(&job.append.command);
        if full || in_the_way || !taken.take_all(&job.append) {
            streams_waiting.insert(job.append.stream.clone());
            commands_waiting.insert(job.append.command);
            later.push_back(job);
            continue;
        }
        bytes += size;
        batch.push(job.append);
        replies.push(job.reply);
    }
    *waiting = later;
    (batch, replies)
}
