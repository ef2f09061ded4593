//! What a database does with a batch of appends.

use std::collections::HashSet;
use std::future::Future;

use app::port::{Append, AppendError, Failure, Fingerprint, Lost, Receipt};
use kernel::{CommandId, Position, Version};

use crate::error::OpenError;
use crate::record::made;

/// Most appends in one transaction.
pub(crate) const BATCH_APPENDS_MAX: usize = 1024;
/// Fewest appends for which a second batch in flight is worth its commit.
pub(crate) const SECOND_APPENDS_MIN: usize = 24;

/// What a backend says about one append of a batch that has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Recorded in this transaction.
    Made(Receipt),
    /// The command was recorded before, for this request.
    Found(Receipt, Fingerprint),
    /// The part with this number, from 0, expected another version than its stream has.
    Conflict(usize, Version),
    /// Nothing is recorded until it is settled what becomes of lost events.
    Halted(Lost),
}

impl Verdict {
    /// What the caller of `append` is told.
    pub(crate) fn answer(self, append: &Append) -> Result<Receipt, AppendError> {
        match self {
            Self::Made(receipt) => Ok(receipt),
            Self::Found(receipt, request) if request.is_of(&append.request) => Ok(receipt),
            Self::Found(..) => Err(AppendError::CommandReused(append.command)),
            Self::Halted(lost) => Err(AppendError::Halted(lost)),
            Self::Conflict(part, actual) => {
                let part = &append.parts[part];
                Err(AppendError::Conflict { stream: part.stream.clone(), expected: part.expected, actual })
            }
        }
    }
}

/// The verdicts of a batch that is recorded as a whole, right after `before`.
pub(crate) fn all_made(batch: &[Append], mut before: Position) -> Vec<Verdict> {
    let made = |append| {
        let receipt = made(append, before);
        before = Position(before.0 + u64::from(receipt.events));
        Verdict::Made(receipt)
    };
    batch.iter().map(made).collect()
}

/// Why it is not certain that a batch was recorded.
#[derive(Clone, Debug)]
pub(crate) enum RecordError {
    /// It certainly had no effect.
    Undone(Failure),
    /// The connection was lost and with it the outcome.
    Lost(Failure),
}

/// Refuses a batch of which something was decided on another incarnation of the log than this one.
pub(crate) fn refuse_decided_elsewhere(batch: &[Append], incarnation: u64) -> Result<(), RecordError> {
    if batch.iter().all(|append| append.incarnation.is_none_or(|decided| decided == incarnation)) {
        return Ok(());
    }
    let reason = "the log may be another one than the command was decided on".to_owned();
    Err(RecordError::Undone(Failure { operation: "append to the log", reason, passing: true }))
}

/// Whether events that were brought back stand where they stood before: every append right after the one before it.
pub(crate) fn refuse_elsewhere(batch: &[Append], verdicts: &[Verdict], before: Position) -> Result<(), OpenError> {
    let wanted = all_made(batch, before);
    match batch.iter().zip(verdicts).zip(&wanted).find(|((_, verdict), wanted)| verdict != wanted) {
        None => Ok(()),
        Some(((append, _), _)) => Err(OpenError::BringBack(format!(
            "command {} is recorded, or its stream is at another version",
            append.command
        ))),
    }
}

/// What a command is known by: whose it is, and its id.
pub(crate) fn key_of(append: &Append) -> (&str, CommandId) {
    (&append.principal, append.command)
}

/// Appends that follow each other, cut into batches as [`Backend::record`] takes them: no stream and no command twice in one.
pub(crate) fn batches(appends: &[Append]) -> Vec<&[Append]> {
    let mut batches = Vec::new();
    let (mut begin, mut streams, mut commands) = (0, HashSet::new(), HashSet::new());
    for (end, append) in appends.iter().enumerate() {
        let meets =
            commands.contains(&key_of(append)) || append.parts.iter().any(|part| streams.contains(&part.stream));
        if meets || end - begin == BATCH_APPENDS_MAX {
            batches.push(&appends[begin..end]);
            begin = end;
            streams.clear();
            commands.clear();
        }
        commands.insert(key_of(append));
        streams.extend(append.parts.iter().map(|part| &part.stream));
    }
    batches.push(&appends[begin..]);
    batches
}

/// Where a writer writes to. Connects when necessary, also again after it has lost its connection.
pub(crate) trait Backend: Send + 'static {
    /// Records a batch in one durable transaction; verdicts are in the order of the batch.
    ///
    /// Commands are distinct within the batch, and a stream that one append writes is in no other append. Recording a batch
    /// again is harmless: every command that was recorded the first time is found.
    fn record(&mut self, batch: &[Append]) -> impl Future<Output = Result<Vec<Verdict>, RecordError>> + Send;

    /// Fewest appends for which a second batch in flight is worth its commit.
    fn second_appends_min(&self) -> usize {
        SECOND_APPENDS_MIN
    }
}

#[cfg(test)]
mod tests {
    use app::port::Part;
    use kernel::digest::Digest;
    use kernel::{CommandId, StreamId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn no_stream_and_no_command_comes_twice_in_a_batch() {
        let append = |(command, streams): (&str, &[u128])| {
            let part = |stream: &u128| Part {
                stream: StreamId::new("case", Uuid::from_u128(*stream)),
                expected: Version(0),
                events: Vec::new(),
            };
            Append {
                principal: "staff-1".to_owned(),
                command: CommandId::named(command),
                request: Fingerprint::of(Digest::of(b"")),
                parts: streams.iter().map(part).collect(),
                at: chrono::DateTime::UNIX_EPOCH,
                incarnation: None,
            }
        };
        let appends: [(&str, &[u128]); 6] =
            [("a", &[1]), ("b", &[2, 3]), ("c", &[3]), ("d", &[1]), ("d", &[4]), ("e", &[5])];
        let appends = appends.map(append);
        let lengths = |appends| batches(appends).iter().map(|batch| batch.len()).collect::<Vec<_>>();
        assert_eq!(lengths(&appends), [2, 2, 2]);
        let many: Vec<Append> = (0..1025_u128).map(|n| append((&n.to_string(), &[n]))).collect();
        assert_eq!(lengths(&many), [1024, 1]);
    }
}
