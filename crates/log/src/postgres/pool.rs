//! Pools of connections to a server that may vanish without a word.

use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;

use super::connection::{Place, in_time};
use crate::options::Options;

/// A pool whose calls end in time, and which is replaced when nothing is answered any more.
///
/// sqlx asks a connection that comes back to its pool whether it is alive, and waits for that without limit: one whose
/// server vanished keeps its place until the operating system gives up. So when no call was answered for
/// `answer_timeout`, the pool is left behind for a fresh one.
#[derive(Debug)]
pub(crate) struct Pool {
    place: Place,
    application: &'static str,
    connections_max: u32,
    acquire_timeout: Duration,
    answer_timeout: Duration,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    pool: PgPool,
    /// When a call was answered last, or the pool was made.
    answered: Instant,
}

impl Pool {
    /// A pool that connects when it is used.
    pub(crate) fn new(place: Place, application: &'static str, connections_max: u32, options: &Options) -> Self {
        let Options { acquire_timeout, answer_timeout, .. } = *options;
        let pool = place.pool(application, connections_max, acquire_timeout);
        let current = Mutex::new(Current { pool, answered: Instant::now() });
        Self { place, application, connections_max, acquire_timeout, answer_timeout, current }
    }

    /// The current connections, for a call inside [`Pool::wait`].
    pub(crate) fn get(&self) -> PgPool {
        self.current().pool.clone()
    }

    /// Waits for a call, but not forever.
    pub(crate) async fn wait<T>(&self, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        let outcome = in_time(self.answer_timeout, call).await;
        let silent = match &outcome {
            Err(sqlx::Error::PoolTimedOut) => true,
            Err(sqlx::Error::Io(error)) => error.kind() == ErrorKind::TimedOut,
            _ => false,
        };
        let mut current = self.current();
        if !silent {
            current.answered = Instant::now();
        } else if current.answered.elapsed() >= self.answer_timeout {
            tracing::warn!(application = self.application, "PostgreSQL does not answer: its connections are given up");
            let pool = self.place.pool(self.application, self.connections_max, self.acquire_timeout);
            *current = Current { pool, answered: Instant::now() };
        }
        outcome
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
