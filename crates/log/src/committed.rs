//! The newest position known to this process, which wakes its readers.

use std::sync::Arc;

use kernel::Position;
use tokio::sync::watch;

/// Two positions that move forward only, whoever reports in which order. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Committed {
    /// Committed by anybody.
    newest: Arc<watch::Sender<Position>>,
    /// Committed by this process, which is what it tells others about.
    own: Arc<watch::Sender<Position>>,
}

impl Committed {
    pub(crate) fn at(position: Position) -> Self {
        let sender = || Arc::new(watch::Sender::new(position));
        Self { newest: sender(), own: sender() }
    }

    /// A position that this process has committed.
    pub(crate) fn made(&self, position: Position) {
        self.saw(position);
        move_to(&self.own, position);
    }

    /// A position that was seen in the log, or heard of.
    pub(crate) fn saw(&self, position: Position) {
        move_to(&self.newest, position);
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
