//! Which log this process has in front of it, so that nothing that is remembered of one is taken for true of another.
//!
//! After a failover or a restore the same address may lead to a log that has lost its newest events, or that others have
//! continued differently. Every new connection asks for the [`Identity`] of the log behind it, and what was remembered before is
//! dropped where that differs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use app::port::Lost;
use kernel::Position;
use tokio::sync::watch;

use crate::committed::Committed;
use crate::known::Known;

/// What tells one log from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The database: its server and its table, or its file.
    pub(crate) database: String,
    /// How often a server of this history was promoted; of two servers the one with the lower number is the older one. 0 on
    /// SQLite.
    pub(crate) timeline: u32,
    /// How many losses the log says were accepted.
    pub(crate) epochs: u64,
}

/// What is certain to have been recorded, in one incarnation of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Certain {
    pub(crate) position: Position,
    pub(crate) number: u64,
}

/// The log behind a connection is older than one that this process has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Older;

/// The log behind a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Met {
    /// The number of its incarnation.
    pub(crate) number: u64,
    /// What this process knows to have been recorded and is not there. To be told to the log before anything is written to it.
    pub(crate) lost: Option<Lost>,
}

/// The log as it was met last. Its number counts up whenever it may be another one. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Incarnation(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: Known,
    committed: Committed,
    current: Mutex<Option<Current>>,
    number: watch::Sender<u64>,
}

#[derive(Debug)]
struct Current {
    identity: Identity,
    /// What was lost, until the log itself says so: before that, nobody may write.
    untold: Option<Lost>,
}

impl Incarnation {
    /// Nothing was met yet.
    pub(crate) fn new(known: Known, committed: Committed) -> Self {
        Self(Arc::new(Shared { known, committed, current: Mutex::default(), number: watch::Sender::new(0) }))
    }

    pub(crate) fn number(&self) -> u64 {
        *self.0.number.borrow()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.number.subscribe()
    }

    /// What is certain to be in the log: to be asked for before the log is.
    pub(crate) fn certain(&self) -> Certain {
        let number = self.number();
        Certain { position: self.0.committed.certain(), number }
    }

    pub(crate) fn known(&self) -> &Known {
        &self.0.known
    }

    /// A connection was made to this log, whose newest event is at `head`. `certain` was asked for before.
    pub(crate) fn meet(&self, identity: Identity, head: Position, certain: Certain) -> Result<Met, Older> {
        let mut current = self.current();
        let Some(Current { identity: before, untold }) = current.as_mut() else {
            *current = Some(Current { identity, untold: None });
            return Ok(Met { number: self.number(), lost: None });
        };
        if before.database == identity.database && identity.timeline < before.timeline {
            return Err(Older);
        }
        // What was lost before a loss was accepted is settled.
        let is_accepted = identity.epochs > before.epochs;
        // Where another connection has met another log meanwhile, what was certain before says nothing of this one.
        let has_gone_back = head < certain.position && certain.number == self.number();
        if identity.database != before.database || identity.timeline != before.timeline || has_gone_back {
            let number = self.number() + 1;
            tracing::warn!(incarnation = number, %head, "the log may be another one than before: nothing remembered counts");
            self.0.known.clear();
            self.0.committed.begin_again(head);
            self.0.number.send_replace(number);
        }
        if is_accepted {
            *untold = None;
        } else if has_gone_back {
            *untold = Some(Lost { after: head, to: certain.position });
        }
        *before = identity;
        Ok(Met { number: self.number(), lost: *untold })
    }

    /// The log says by itself what it has lost.
    pub(crate) fn told(&self) {
        if let Some(current) = self.current().as_mut() {
            current.untold = None;
        }
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use kernel::{StreamId, Version};

    use super::*;

    fn identity(database: &str, timeline: u32, epochs: u64) -> Identity {
        Identity { database: database.to_owned(), timeline, epochs }
    }

    fn met() -> (Incarnation, Committed, Known, StreamId) {
        let (known, committed) = (Known::default(), Committed::at(Position(5)));
        let incarnation = Incarnation::new(known.clone(), committed.clone());
        incarnation.meet(identity("a", 1, 0), Position(5), incarnation.certain()).unwrap();
        let stream = StreamId::new("case", uuid::Uuid::nil());
        known.saw(&stream, Version(1));
        (incarnation, committed, known, stream)
    }

    #[test]
    fn another_log_makes_everything_remembered_worthless() {
        let same = [(identity("a", 1, 0), 5, 0), (identity("a", 1, 0), 9, 0), (identity("a", 1, 1), 5, 0)];
        let others = [(identity("a", 2, 0), 5, 1), (identity("b", 1, 0), 5, 1), (identity("a", 1, 0), 4, 1)];
        for (identity, head, number) in same.into_iter().chain(others) {
            let (incarnation, _, known, stream) = met();
            let met = incarnation.meet(identity.clone(), Position(head), incarnation.certain()).unwrap();
            assert_eq!(met.number, number, "{identity:?}");
            assert_eq!(known.is_known(&stream), number == 0, "{identity:?}");
        }
    }

    #[test]
    fn an_older_server_is_refused_and_changes_nothing() {
        let (incarnation, _, known, stream) = met();
        incarnation.meet(identity("a", 3, 0), Position(5), incarnation.certain()).unwrap();
        known.saw(&stream, Version(1));
        assert_eq!(incarnation.meet(identity("a", 2, 0), Position(5), incarnation.certain()), Err(Older));
        assert_eq!((incarnation.number(), known.is_known(&stream)), (1, true));
    }

    #[test]
    fn what_is_gone_is_told_once_and_not_after_it_was_accepted() {
        let (incarnation, committed, ..) = met();
        let gone = incarnation.meet(identity("a", 2, 0), Position(3), incarnation.certain()).unwrap();
        assert_eq!(gone.lost, Some(Lost { after: Position(3), to: Position(5) }));
        assert_eq!((committed.certain(), *committed.subscribe().borrow()), (Position(3), Position(3)));
        let another = incarnation.meet(identity("a", 2, 0), Position(3), incarnation.certain()).unwrap();
        assert_eq!(another, gone, "until the log knows");
        incarnation.told();
        let again = incarnation.meet(identity("a", 2, 0), Position(3), incarnation.certain()).unwrap();
        assert_eq!(again, Met { number: 1, lost: None });
        let (incarnation, ..) = met();
        let accepted = incarnation.meet(identity("a", 2, 1), Position(4), incarnation.certain()).unwrap();
        assert_eq!(accepted, Met { number: 1, lost: None });
    }

    /// Both lost their connection and asked what is certain before either of them met the log.
    #[test]
    fn two_connections_that_come_back_at_once_meet_one_other_log() {
        let (incarnation, ..) = met();
        let certain = incarnation.certain();
        let lost = Some(Lost { after: Position(3), to: Position(5) });
        for _ in 0..2 {
            let met = incarnation.meet(identity("a", 1, 0), Position(3), certain).unwrap();
            assert_eq!(met, Met { number: 1, lost });
        }
        incarnation.told();
        let late = incarnation.meet(identity("a", 1, 0), Position(3), certain).unwrap();
        assert_eq!(late, Met { number: 1, lost: None }, "it was told, and may have been settled since");
    }

    #[test]
    fn what_was_only_heard_of_was_not_lost() {
        let (incarnation, committed, ..) = met();
        committed.heard(Position(1_000_000));
        let met = incarnation.meet(identity("a", 1, 0), Position(5), incarnation.certain()).unwrap();
        assert_eq!(met, Met { number: 0, lost: None });
    }
}
