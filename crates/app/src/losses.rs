//! The epoch of the log, and where a reader has to go back to after a loss was accepted.

use std::sync::Arc;

use kernel::{Position, StreamId, Version};
use process::Losses;

use crate::memory::{Seen, catch_up};
use crate::port::EventLog;
use crate::{App, Error, registry};

/// The stream of losses that were accepted.
pub fn stream() -> StreamId {
    StreamId::new("log", registry::single_id("log"))
}

/// The losses that were accepted in a log.
///
/// # Errors
/// Where they cannot be read.
pub async fn read(log: &dyn EventLog) -> Result<Losses, Error> {
    let seen: Arc<Seen<Losses>> = catch_up(log, Arc::default(), registry::single_id("log")).await?;
    Ok(Arc::unwrap_or_clone(seen).state)
}

/// How often losses were accepted: the version of their stream.
pub fn accepted(losses: &Losses) -> Version {
    Version(u32::try_from(losses.count()).unwrap_or(u32::MAX))
}

impl App {
    /// The epoch of the log for a reader that is at a position, and in an epoch where it says so.
    ///
    /// # Errors
    /// [`Error::Ahead`] where the reader has events that are not in the log, or has others at these positions.
    pub async fn epoch(&self, at: Position, epoch: Option<u32>) -> Result<u32, Error> {
        let losses = read(&*self.ports.log).await?;
        let now = losses.epoch();
        let common = epoch.and_then(|epoch| losses.common_with(epoch)).filter(|common| at > *common);
        if let Some(position) = common {
            return Err(Error::Ahead { at, position, epoch: now });
        }
        if epoch.is_some_and(|epoch| epoch > now) {
            return Err(Error::Ahead { at, position: self.ports.log.head().await?.min(at), epoch: now });
        }
        // What has committed is at most what was seen of it; the log is asked only where that does not do.
        if at > *self.committed().borrow() {
            let head = self.ports.log.head().await?;
            if at > head {
                let position = losses.common_with(0).map_or(head, |common| common.min(head));
                return Err(Error::Ahead { at, position, epoch: now });
            }
        }
        Ok(now)
    }
}
