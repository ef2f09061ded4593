//! What a database does with a batch of appends.

use std::future::Future;

use app::port::{Append, AppendError, Failure, Receipt};
use kernel::digest::Digest;
use kernel::{Position, Version};

use crate::record::made;

/// Fewest appends for which a second batch in flight is worth its commit.
pub(crate) const SECOND_APPENDS_MIN: usize = 24;

/// What a backend says about one append of a batch that has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Recorded in this transaction.
    Made(Receipt),
    /// The command was recorded before, under this request hash.
    Found(Receipt, Digest),
    /// The part with this number, from 0, expected another version than its stream has.
    Conflict(usize, Version),
}

impl Verdict {
    /// What the caller of `append` is told.
    pub(crate) fn answer(self, append: &Append) -> Result<Receipt, AppendError> {
        match self {
            Self::Made(receipt) => Ok(receipt),
            Self::Found(receipt, request) if request == append.request => Ok(receipt),
            Self::Found(..) => Err(AppendError::CommandReused(append.command)),
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
