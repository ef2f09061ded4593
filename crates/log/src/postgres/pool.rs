//! Pools of connections to a server that may vanish without a word.

use std::io::ErrorKind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::PgPool;
use tokio::time::Instant;

use super::connection::{Place, in_time};
use crate::incarnation::Incarnation;
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
    /// For connections that read the log: which log they have to reach.
    incarnation: Option<Incarnation>,
    current: Mutex<Current>,
}

#[derive(Debug)]
struct Current {
    pool: PgPool,
    /// When a call was answered last, or the pool was made.
    answered: Instant,
    /// The incarnation of the log for which it was made.
    number: u64,
}

impl Pool {
    /// A pool that connects when it is used.
    pub(crate) fn new(place: Place, application: &'static str, connections_max: u32, options: &Options) -> Self {
        let Options { acquire_timeout, answer_timeout, .. } = *options;
        let pool = place.pool(application, connections_max, acquire_timeout, None);
        let current = Mutex::new(Current { pool, answered: Instant::now(), number: 0 });
        Self { place, application, connections_max, acquire_timeout, answer_timeout, incarnation: None, current }
    }

    /// The same for reading the log. Its connections are left behind where the log turns out to be another one.
    pub(crate) fn of_log(
        place: Place,
        application: &'static str,
        connections_max: u32,
        options: &Options,
        incarnation: &Incarnation,
    ) -> Self {
        let pool =
            Self { incarnation: Some(incarnation.clone()), ..Self::new(place, application, connections_max, options) };
        *pool.current() = pool.fresh();
        pool
    }

    fn fresh(&self) -> Current {
        let (application, incarnation) = (self.application, self.incarnation.clone());
        let pool = self.place.pool(application, self.connections_max, self.acquire_timeout, incarnation);
        Current { pool, answered: Instant::now(), number: self.number() }
    }

    fn number(&self) -> u64 {
        self.incarnation.as_ref().map_or(0, Incarnation::number)
    }

    /// The current connections, for a call inside [`Pool::wait`].
    pub(crate) fn get(&self) -> PgPool {
        let mut current = self.current();
        if current.number != self.number() {
            *current = self.fresh();
        }
        current.pool.clone()
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
            *current = self.fresh();
        }
        outcome
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
