//! Streams, read together: what many ask for at the same time is one query.
//!
//! Commands load their streams, and an answered batch of appends is followed by many commands at once. On a pool each load would
//! be a round trip of its own, and the pool's test of the connection another one.

use std::io::ErrorKind;
use std::time::Duration;

use app::port::Failure;
use kernel::{Recorded, StreamId, Version};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Place, in_time};
use super::greeting::greet;
use super::rows::read_event;
use crate::failure::{failure, is_undone};
use crate::flights::Flights;
use crate::incarnation::Incarnation;
use crate::options::Options;
use crate::record::to_sql;

/// How many queries run at once, each on a connection that is made when it is first needed. One that waits for a disk holds
/// up nobody.
const LANES: usize = 4;
/// Most streams in one query.
const STREAMS_MAX: usize = 64;
const OPERATION: &str = "read a stream";

const READ_ONE: &str = "select
    position,
    version,
    id,
    type,
    time,
    bytes
from events
where stream = $1 and version > $2
order by version";

/// The column behind those of an event is the number of its stream, from 1.
const READ_MANY: &str = "select
    event.position,
    event.version,
    event.id,
    event.type,
    event.time,
    event.bytes,
    asked.n
from unnest($1::text[], $2::integer[]) with ordinality as asked (stream, after, n)
cross join lateral (
    select
        position,
        version,
        id,
        type,
        time,
        bytes
    from events
    where events.stream = asked.stream and events.version > asked.after
    order by events.version
) as event";

type Answer = Result<Vec<Recorded>, Failure>;

/// A stream from a version on, and where its events go.
struct Ask {
    stream: StreamId,
    after: Version,
    reply: oneshot::Sender<Answer>,
}

/// The door to the task that reads. The task ends when the door is dropped.
#[derive(Debug)]
pub(super) struct Streams(mpsc::Sender<Ask>);

impl Streams {
    /// Starts the task, which connects when it is asked.
    pub(super) fn start(place: &Place, options: &Options, incarnation: &Incarnation) -> Self {
        let (asks, waiting) = mpsc::channel(1024);
        let lane = |_| Lane {
            place: place.clone(),
            connection: None,
            incarnation: incarnation.clone(),
            number: 0,
            connect_timeout: options.acquire_timeout,
            answer_timeout: options.answer_timeout,
        };
        Handle::current().spawn(run(waiting, (0..LANES).map(lane).collect()));
        Self(asks)
    }

    /// The events of `stream` after a version, in order.
    pub(super) async fn read(&self, stream: &StreamId, after: Version) -> Answer {
        let stopped = || Failure { operation: OPERATION, reason: "the reader has stopped".to_owned(), passing: false };
        let (reply, answer) = oneshot::channel();
        self.0.send(Ask { stream: stream.clone(), after, reply }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

async fn run(mut waiting: mpsc::Receiver<Ask>, mut idle: Vec<Lane>) {
    let mut flights = Flights::new();
    let mut are_many = false;
    loop {
        let mut asks = Vec::new();
        tokio::select! {
            lane = flights.landed(), if !flights.is_empty() => {
                idle.push(lane);
                continue;
            }
            count = waiting.recv_many(&mut asks, STREAMS_MAX), if !idle.is_empty() => {
                if count == 0 {
                    break;
                }
            }
        }
        if are_many || !flights.is_empty() {
            // Those who are about to ask as well get their turn first. Who is alone does not wait for them.
            tokio::task::yield_now().await;
            while asks.len() < STREAMS_MAX
                && let Ok(ask) = waiting.try_recv()
            {
                asks.push(ask);
            }
        }
        are_many = asks.len() > 1;
        if let Some(lane) = idle.pop() {
            flights.push(lane.fly(asks));
        }
    }
    while !flights.is_empty() {
        flights.landed().await;
    }
}

/// One connection, if it has been needed.
struct Lane {
    place: Place,
    connection: Option<PgConnection>,
    incarnation: Incarnation,
    /// The incarnation of the log behind the connection.
    number: u64,
    connect_timeout: Duration,
    answer_timeout: Duration,
}

impl Lane {
    /// Reads, and tells everybody.
    async fn fly(mut self, asks: Vec<Ask>) -> Self {
        let answers = match self.ask(&asks).await {
            Ok(rows) => sorted_out(&asks, &rows),
            Err(source) => {
                let failure = failure(OPERATION, &source);
                asks.iter().map(|_| Err(failure.clone())).collect()
            }
        };
        for (ask, answer) in asks.into_iter().zip(answers) {
            // Who has gone needs no answer.
            let _ = ask.reply.send(answer);
        }
        self
    }

    async fn ask(&mut self, asks: &[Ask]) -> Result<Vec<PgRow>, sqlx::Error> {
        let was_open = self.connection.is_some();
        match self.ask_once(asks).await {
            // The server may have been started anew since the last time. Reading twice is harmless.
            Err(source) if was_open && has_closed(&source) => self.ask_once(asks).await,
            outcome => outcome,
        }
    }

    async fn ask_once(&mut self, asks: &[Ask]) -> Result<Vec<PgRow>, sqlx::Error> {
        let is_current = self.number == self.incarnation.number();
        let mut connection = if let Some(connection) = self.connection.take().filter(|_| is_current) {
            connection
        } else {
            let mut connection = self.place.connect_as("dualgrid reader", self.connect_timeout).await?;
            self.number = in_time(self.answer_timeout, greet(&mut connection, &self.incarnation)).await?;
            connection
        };
        let outcome = in_time(self.answer_timeout, query(&mut connection, asks)).await;
        // A connection in doubt is not used again.
        if outcome.as_ref().map_or_else(is_undone, |_| true) {
            self.connection = Some(connection);
        }
        outcome
    }
}

/// Whether the server has ended the connection, and not only failed to answer.
fn has_closed(source: &sqlx::Error) -> bool {
    let is_silent = matches!(source, sqlx::Error::Io(error) if error.kind() == ErrorKind::TimedOut);
    !is_silent && !is_undone(source)
}

async fn query(connection: &mut PgConnection, asks: &[Ask]) -> Result<Vec<PgRow>, sqlx::Error> {
    if let [ask] = asks {
        return sqlx::query(READ_ONE).bind(ask.stream.as_str()).bind(to_sql(ask.after.0)).fetch_all(connection).await;
    }
    let streams: Vec<&str> = asks.iter().map(|ask| ask.stream.as_str()).collect();
    let afters: Vec<i32> = asks.iter().map(|ask| to_sql(ask.after.0)).collect();
    sqlx::query(READ_MANY).bind(streams).bind(afters).fetch_all(connection).await
}

/// To each who asked the events of its stream. What cannot be read fails the one who asked for it.
fn sorted_out(asks: &[Ask], rows: &[PgRow]) -> Vec<Answer> {
    let mut answers: Vec<Answer> = asks.iter().map(|_| Ok(Vec::new())).collect();
    for row in rows {
        let number = if asks.len() == 1 { Ok(1) } else { row.try_get::<i64, _>(6) };
        let place = number.ok().and_then(|number| usize::try_from(number - 1).ok());
        let Some(place) = place.filter(|place| *place < asks.len()) else { continue };
        let event = read_event(row).map_err(|source| failure(OPERATION, &source));
        let event = event.and_then(|event| event.into_recorded(asks[place].stream.clone()));
        match (&mut answers[place], event) {
            (Ok(events), Ok(event)) => events.push(event),
            (answer, Err(failure)) => *answer = Err(failure),
            (Err(_), Ok(_)) => {}
        }
    }
    // One index gives them in order; that is what the plan does and not what the statement promises.
    for events in answers.iter_mut().flatten() {
        events.sort_unstable_by_key(|event| event.version);
    }
    answers
}
