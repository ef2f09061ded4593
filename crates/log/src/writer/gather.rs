//! Which of the waiting appends are in the next batch.

use std::collections::{HashMap, HashSet, VecDeque};

use app::port::{Append, AppendError, Receipt};
use kernel::{CommandId, StreamId};
use tokio::sync::oneshot;

pub(super) type Reply = oneshot::Sender<Result<Receipt, AppendError>>;

/// An append and where its answer goes.
pub(super) struct Job {
    pub(super) append: Append,
    pub(super) reply: Reply,
}

/// What some appends have to themselves: their commands and the streams that they write. Streams that they only check are
/// shared with others that check them.
#[derive(Debug, Default)]
pub(super) struct Occupied {
    streams: HashMap<StreamId, Use>,
    commands: HashSet<(String, CommandId)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Written,
    /// By so many appends.
    Checked(usize),
}

impl Occupied {
    /// Whether an append may go beside what is occupied.
    fn admits(&self, append: &Append) -> bool {
        !self.commands.contains(&key(append))
            && append.parts.iter().all(|part| match self.streams.get(&part.stream) {
                None => true,
                Some(Use::Checked(_)) => part.events.is_empty(),
                Some(Use::Written) => false,
            })
    }

    /// Occupies what an append needs.
    fn take(&mut self, append: &Append) {
        self.commands.insert(key(append));
        for part in &append.parts {
            let used = match self.streams.get(&part.stream) {
                _ if !part.events.is_empty() => Use::Written,
                Some(Use::Checked(checks)) => Use::Checked(checks + 1),
                Some(Use::Written) => Use::Written,
                None => Use::Checked(1),
            };
            self.streams.insert(part.stream.clone(), used);
        }
    }

    /// Frees what an append had taken.
    pub(super) fn release(&mut self, append: &Append) {
        self.commands.remove(&key(append));
        for part in &append.parts {
            match self.streams.get_mut(&part.stream) {
                Some(Use::Checked(checks)) if *checks > 1 => *checks -= 1,
                _ => drop(self.streams.remove(&part.stream)),
            }
        }
    }
}

/// Takes the next batch off the queue, in the order of arrival.
///
/// A command is in at most one batch in flight, and so is a stream that an append writes: a later append that writes or
/// checks it waits for a later batch and sees what the first one did. Any number of appends in flight may check a stream that
/// none of them writes. Appends whose caller has gone are dropped, nobody was promised anything.
pub(super) fn gather(
    waiting: &mut VecDeque<Job>,
    taken: &mut Occupied,
    appends_max: usize,
    bytes_max: usize,
) -> (Vec<Append>, Vec<Reply>) {
    let (mut batch, mut replies) = (Vec::new(), Vec::new());
    let mut passed_over = Occupied::default();
    let mut bytes = 0;
    let mut later = VecDeque::new();
    for job in waiting.drain(..) {
        if job.reply.is_closed() {
            continue;
        }
        let size = bytes_of(&job.append);
        let is_full = batch.len() >= appends_max || (!batch.is_empty() && bytes + size > bytes_max);
        // Nobody overtakes an append that waits for the same stream or command.
        if is_full || !passed_over.admits(&job.append) || !taken.admits(&job.append) {
            passed_over.take(&job.append);
            later.push_back(job);
            continue;
        }
        taken.take(&job.append);
        bytes += size;
        batch.push(job.append);
        replies.push(job.reply);
    }
    *waiting = later;
    (batch, replies)
}

fn key(append: &Append) -> (String, CommandId) {
    (append.principal.clone(), append.command)
}

fn bytes_of(append: &Append) -> usize {
    append.parts.iter().flat_map(|part| &part.events).map(|event| event.bytes.len()).sum()
}
