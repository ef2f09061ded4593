//! The newest position known to this process, which wakes its readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::Position;
use tokio::sync::watch;

/// Positions that move forward only, whoever reports in which order, until the log turns out to be another one. Clones share
/// them.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    /// Committed by anybody.
    newest: Arc<watch::Sender<Position>>,
    /// Committed by this process, which is what it tells others about.
    own: Arc<watch::Sender<Position>>,
    /// Committed by this process or read by it, and not only heard of.
    certain: Arc<AtomicU64>,
}

impl Committed {
    pub(crate) fn at(position: Position) -> Self {
        let sender = || Arc::new(watch::Sender::new(position));
        Self { newest: sender(), own: sender(), certain: Arc::new(AtomicU64::new(position.0)) }
    }

    /// A position that this process has committed.
    pub(crate) fn made(&self, position: Position) {
        self.saw(position);
        move_to(&self.own, position);
    }

    /// A position that was read in the log.
    pub(crate) fn saw(&self, position: Position) {
        self.certain.fetch_max(position.0, Ordering::Relaxed);
        self.heard(position);
    }

    /// A position that somebody told of. It wakes readers and proves nothing.
    pub(crate) fn heard(&self, position: Position) {
        move_to(&self.newest, position);
    }

    /// The newest position that is certain to have been committed.
    pub(crate) fn certain(&self) -> Position {
        Position(self.certain.load(Ordering::Relaxed))
    }

    /// The log is another one now, and this is its newest position: the one case in which positions go down.
    pub(crate) fn begin_again(&self, position: Position) {
        self.certain.store(position.0, Ordering::Relaxed);
        self.newest.send_replace(position);
        self.own.send_replace(position);
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Position> {
        self.newest.subscribe()
    }

    /// The newest position that this process has committed.
    pub(crate) fn own(&self) -> watch::Receiver<Position> {
        self.own.subscribe()
    }
}

fn move_to(sender: &watch::Sender<Position>, position: Position) {
    sender.send_if_modified(|newest| {
        let is_newer = position > *newest;
        if is_newer {
            *newest = position;
        }
        is_newer
    });
}
