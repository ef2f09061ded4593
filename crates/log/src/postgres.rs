//! The log on PostgreSQL.

mod connection;
mod pool;
mod rows;
mod streams;
mod wake;
mod writer;

pub(crate) use connection::{Place, refuse_unless_durable};
pub(crate) use pool::Pool;

use std::time::Duration;

use app::port::{Append, AppendError, EventLog, Failure, Receipt};
use async_trait::async_trait;
use kernel::digest::Digest;
use kernel::{CommandId, Position, Recorded, StreamId, Version};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::sync::watch;

use crate::committed::Committed;
use crate::durability::Durability;
use crate::error::OpenError;
use crate::failure::failure;
use crate::known::Known;
use crate::migrations::POSTGRES_LOG;
use crate::options::Options;
use crate::record::{check_gapless, position_from_sql, position_to_sql, stream_from_sql};
use crate::trial::{Tried, postgres_steps};
use crate::writer::Writer;
use rows::{read_command, read_event};
use streams::Streams;
use wake::Wake;
use writer::{PgBackend, Shared};

/// The log in a PostgreSQL database.
#[derive(Debug)]
pub struct PgLog {
    readers: Pool,
    streams: Streams,
    writer: Writer,
    committed: Committed,
    known: Known,
    _wake: Wake,
}

impl PgLog {
    /// Connects, applies missing migrations, checks durability and the head, and starts the writer.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, OpenError> {
        let place = Place::parse(url)?;
        let (reading, writing) = (place.clone().for_reading(), place.for_writing());
        let mut connection = writing.connect_at_start(options.acquire_timeout).await?;
        refuse_unless_durable(&writing, &mut connection).await?;
        POSTGRES_LOG.run_on_postgres(&mut connection).await?;
        let committed = Committed::at(checked_head(&mut connection).await?);
        let readers = Pool::new(reading.clone(), "dualgrid reader", options.log_readers_max, options);
        let streams = Streams::start(&reading, options);
        let shared = Shared::default();
        let known = shared.known.clone();
        let second = writing.connect_at_start(options.acquire_timeout).await?;
        let lane =
            |connection| Tried(PgBackend::new(writing.clone(), connection, options, shared.clone(), postgres_steps()));
        let writer = Writer::start(vec![lane(connection), lane(second)], committed.clone());
        let wake = Wake::start(reading, committed.clone(), options);
        Ok(Self { readers, streams, writer, committed, known, _wake: wake })
    }

    /// Whether committed transactions of the server survive a loss of power. Changes nothing there.
    pub async fn durability(url: &str, timeout: Duration) -> Result<Durability, OpenError> {
        let place = Place::parse(url)?;
        let mut connection = place.connect_at_start(timeout).await?;
        let durability = connection::durability(&mut connection).await.map_err(|source| place.unreachable(source))?;
        // The answer is there; how the session ends does not matter.
        let _ = connection.close().await;
        Ok(durability)
    }
}

/// The head, after a check that it is the position of the newest event.
async fn checked_head(connection: &mut PgConnection) -> Result<Position, OpenError> {
    let row = sqlx::query(
        "select
            position,
            coalesce((select max(events.position) from events), 0) as newest
        from head",
    )
    .fetch_all(connection)
    .await
    .map_err(OpenError::Head)?;
    let Some(row) = row.first() else { return Err(OpenError::HeadMissing) };
    let (head, newest): (i64, i64) =
        (row.try_get("position").map_err(OpenError::Head)?, row.try_get("newest").map_err(OpenError::Head)?);
    if head != newest {
        return Err(OpenError::HeadDiffers { head, newest });
    }
    position_from_sql(head).map_err(OpenError::Failure)
}

#[async_trait]
impl EventLog for PgLog {
    async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        self.writer.append(append).await
    }

    async fn outcome(&self, command: CommandId) -> Result<Option<(Receipt, Digest)>, Failure> {
        const OPERATION: &str = "look up a command";
        let query = sqlx::query(
            "select
                command_id,
                request,
                stream,
                version,
                first_position,
                events,
                also
            from commands
            where command_id = $1",
        )
        .bind(command.uuid());
        let row = self.readers.wait(query.fetch_optional(&self.readers.get())).await;
        let row = row.map_err(|source| failure(OPERATION, &source))?;
        let Some(row) = row else { return Ok(None) };
        read_command(&row).map_err(|source| failure(OPERATION, &source))?.into_found().map(Some)
    }

    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure> {
        let events = self.streams.read(stream, after).await?;
        if let Some(newest) = events.last() {
            self.known.saw(stream, newest.version);
        }
        Ok(events)
    }

    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        const OPERATION: &str = "read the log";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let query = sqlx::query(
            "select
                position,
                version,
                id,
                type,
                time,
                bytes,
                stream
            from events
            where position > $1
            order by position
            limit $2",
        )
        .bind(position_to_sql(after))
        .bind(limit);
        let rows = self.readers.wait(query.fetch_all(&self.readers.get())).await;
        let rows = rows.map_err(|source| failure(OPERATION, &source))?;
        let recorded = |row: &PgRow| {
            let event = read_event(row).map_err(|source| failure(OPERATION, &source))?;
            let stream: &str = row.try_get(6).map_err(|source| failure(OPERATION, &source))?;
            event.into_recorded(stream_from_sql(stream)?)
        };
        let events: Vec<Recorded> = rows.iter().map(recorded).collect::<Result<_, Failure>>()?;
        check_gapless(after, &events)?;
        if let Some(newest) = events.last() {
            self.committed.saw(newest.position);
        }
        Ok(events)
    }

    async fn head(&self) -> Result<Position, Failure> {
        const OPERATION: &str = "read the head of the log";
        // From the newest event and not from the head row, which may have many old versions (`writer/head.rs`).
        let query = sqlx::query_scalar("select coalesce(max(position), 0) from events");
        let head: Result<i64, _> = self.readers.wait(query.fetch_one(&self.readers.get())).await;
        let head = position_from_sql(head.map_err(|source| failure(OPERATION, &source))?)?;
        self.committed.saw(head);
        Ok(head)
    }

    fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }
}
