//! Connections that writers share without a pool's own round trips.
//!
//! sqlx' pool pings each connection as it comes back; these do not, and are as fast as connections can be.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Connections, at most one borrower each.
pub(crate) struct Lanes<C> {
    free: Mutex<Vec<C>>,
    permits: Arc<Semaphore>,
}

/// A borrowed connection.
pub(crate) struct Lane<C> {
    /// The connection; give it back with [`Lanes::put_back`].
    pub(crate) connection: C,
    permit: OwnedSemaphorePermit,
}

impl<C> Lanes<C> {
    /// Of these connections.
    pub(crate) fn new(connections: Vec<C>) -> Self {
        let permits = Arc::new(Semaphore::new(connections.len()));
        Self { free: Mutex::new(connections), permits }
    }

    /// Waits for a free one.
    pub(crate) async fn take(&self) -> anyhow::Result<Lane<C>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.context("the connections are gone")?;
        let connection = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(Lane { connection: connection.context("a connection was lost")?, permit })
    }

    /// Those that nobody has, for good.
    pub(crate) fn take_all(&self) -> Vec<C> {
        std::mem::take(&mut self.free.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives it to the next one. Not after an error: a run with one fails anyway.
    pub(crate) fn put_back(&self, lane: Lane<C>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(lane.connection);
        drop(lane.permit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_borrower_waits_for_the_first() {
        let lanes = Arc::new(Lanes::new(vec![7]));
        let first = lanes.take().await.unwrap();
        let patience = std::time::Duration::from_millis(20);
        assert!(tokio::time::timeout(patience, lanes.take()).await.is_err());
        lanes.put_back(first);
        assert_eq!(lanes.take().await.unwrap().connection, 7);
    }
}
