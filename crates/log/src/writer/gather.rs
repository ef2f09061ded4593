//! Which of the waiting appends stand in the next batch.

use std::collections::{HashSet, VecDeque};

use app::port::{Append, AppendError, Receipt};
use tokio::sync::oneshot;

use super::Job;

type Reply = oneshot::Sender<Result<Receipt, AppendError>>;

/// Takes the next batch off the queue, in the order of arrival.
///
/// A stream stands at most once in a batch, and so does a command id: the second one waits for the next batch and
/// sees what the first one did. Appends whose caller has gone are dropped, nobody was promised anything.
pub(super) fn gather(waiting: &mut VecDeque<Job>, appends_max: usize, bytes_max: usize) -> (Vec<Append>, Vec<Reply>) {
    let (mut batch, mut replies) = (Vec::new(), Vec::new());
    let (mut streams, mut commands) = (HashSet::new(), HashSet::new());
    let mut bytes = 0;
    let mut later = VecDeque::new();
    for job in waiting.drain(..) {
        if job.reply.is_closed() {
            continue;
        }
        let size: usize = job.append.events.iter().map(|event| event.bytes.len()).sum();
        let full = batch.len() == appends_max || (!batch.is_empty() && bytes + size > bytes_max);
        // Marked even where it has to wait, so that nothing overtakes it on its stream.
        let first_of_stream = streams.insert(job.append.stream.clone());
        let first_of_command = commands.insert(job.append.command);
        if full || !first_of_stream || !first_of_command {
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
