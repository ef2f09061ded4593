//! Processes on one database wake each other: who has committed tells, and everybody listens.
//!
//! One connection listens, tells, and asks for the head once a second. The answer shows that the connection, and with it the
//! listening, is alive, and makes up for what was not told. Telling is a transaction of its own: inside an append it took up to
//! a quarter of the whole.

use std::convert::Infallible;
use std::io::ErrorKind;
use std::time::Duration;

use kernel::Position;
use sqlx::postgres::{PgListener, PgNotification};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::{Instant, interval, sleep, sleep_until};

use super::connection::{Place, in_time};
use crate::committed::Committed;
use crate::failure::chain;
use crate::incarnation::Incarnation;
use crate::options::Options;
use crate::record::position_from_sql;

const CHANNEL: &str = "dualgrid_committed";
/// A process tells at most this often what it has committed.
const TELL_EVERY: Duration = Duration::from_millis(10);
/// How often it asks for the head, and shows the others that it is there.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// A process that was not heard for so long is gone. Alone, a process tells nobody.
const PRESENT_FOR: Duration = Duration::from_secs(3);
/// Pause between two connections.
const PAUSE: Duration = Duration::from_millis(250);

/// Tells the newest position.
const TELL: &str = "select pg_notify('dualgrid_committed', $1)";
/// The newest position and the process of this connection, and tells the position. Read from the newest event and not from the
/// head row, which may have many old versions (`writer/head.rs`).
const ASK: &str = "select
    newest.position,
    pg_backend_pid()
from (
    select coalesce(max(events.position), 0) as position
    from events
) as newest
cross join lateral pg_notify('dualgrid_committed', newest.position::text) as told";

/// The task that keeps [`Committed`] up to date. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Wake(AbortHandle);

impl Wake {
    /// Starts the task, which connects by itself, now and whenever it has lost its connection.
    pub(super) fn start(place: Place, committed: Committed, incarnation: Incarnation, options: &Options) -> Self {
        let (connect_timeout, answer_timeout) = (options.acquire_timeout, options.answer_timeout);
        let ear = Ear { place, committed, incarnation, connect_timeout, answer_timeout };
        Self(Handle::current().spawn(ear.run()).abort_handle())
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Ear {
    place: Place,
    committed: Committed,
    incarnation: Incarnation,
    connect_timeout: Duration,
    answer_timeout: Duration,
}

impl Ear {
    async fn run(self) {
        let mut own = self.committed.own();
        loop {
            let Err(source) = self.follow(&mut own).await;
            tracing::debug!(error = chain(&source), "the connection to other processes is lost: connecting again");
            sleep(PAUSE).await;
        }
    }

    /// Listens and tells until the connection is lost.
    async fn follow(&self, own: &mut watch::Receiver<Position>) -> Result<Infallible, sqlx::Error> {
        let listening = self.place.listen("dualgrid waker", CHANNEL, self.connect_timeout, self.incarnation.clone());
        let mut listener = in_time(self.connect_timeout, listening).await?;
        let number = self.incarnation.number();
        let mut ask = interval(ASK_EVERY);
        let (mut tell_at, mut pid) = (Instant::now(), None);
        // Whoever is there has not been heard yet.
        let mut others_until = Instant::now() + PRESENT_FOR;
        loop {
            if self.incarnation.number() != number {
                // Another connection has met another log: this one leads to an older server.
                return Err(lost());
            }
            let has_others = Instant::now() < others_until;
            tokio::select! {
                heard = listener.try_recv() => {
                    let heard = heard?.ok_or_else(lost)?;
                    self.hear(&heard);
                    if pid.is_some_and(|pid| pid != heard.process_id()) {
                        others_until = Instant::now() + PRESENT_FOR;
                    }
                }
                _ = ask.tick() => pid = Some(in_time(self.answer_timeout, self.ask(&mut listener)).await?),
                newest = due(own, tell_at), if has_others => {
                    tell_at = Instant::now() + TELL_EVERY;
                    in_time(self.answer_timeout, tell(&mut listener, newest)).await?;
                }
            }
        }
    }

    fn hear(&self, heard: &PgNotification) {
        // Others may use the channel for something else; the head is asked for anyhow.
        if let Ok(position) = heard.payload().parse() {
            self.committed.heard(Position(position));
        }
    }

    /// Asks for the head, and gives the process of this connection.
    async fn ask(&self, listener: &mut PgListener) -> Result<u32, sqlx::Error> {
        let (head, pid): (i64, i32) = sqlx::query_as(ASK).fetch_one(listener).await?;
        if let Ok(head) = position_from_sql(head) {
            self.committed.saw(head);
        }
        Ok(pid.unsigned_abs())
    }
}

/// What this process has committed since it told last, when it may tell again.
async fn due(own: &mut watch::Receiver<Position>, tell_at: Instant) -> Position {
    // First the time and then the change, which would be forgotten if it were waited for first.
    sleep_until(tell_at).await;
    // The sender is kept by whoever waits here.
    let _ = own.changed().await;
    *own.borrow_and_update()
}

async fn tell(listener: &mut PgListener, newest: Position) -> Result<(), sqlx::Error> {
    sqlx::query(TELL).bind(newest.to_string()).execute(listener).await.map(drop)
}

fn lost() -> sqlx::Error {
    sqlx::Error::Io(ErrorKind::ConnectionAborted.into())
}
