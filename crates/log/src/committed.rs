//! The newest position known to this process, which wakes its readers.

use std::sync::Arc;

use kernel::Position;
use tokio::sync::watch;

/// Moves forward only, whoever reports in which order.
#[derive(Clone, Debug)]
pub(crate) struct Committed(Arc<watch::Sender<Position>>);

impl Committed {
    pub(crate) fn at(position: Position) -> Self {
        Self(Arc::new(watch::Sender::new(position)))
    }

    /// A position that was committed here or seen in the log.
    pub(crate) fn saw(&self, position: Position) {
        self.0.send_if_modified(|newest| {
            let newer = position > *newest;
            if newer {
                *newest = position;
            }
            newer
        });
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Position> {
        self.0.subscribe()
    }
}
