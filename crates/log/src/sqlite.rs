//! The log in a SQLite file. Two processes may use the same file, on the same machine.

mod connection;
mod inserts;
mod rows;
mod wake;
mod writer;

pub(crate) use connection::{File, Synchronous, micros};
pub(crate) use inserts::{chunks, insert};

use std::time::Duration;

use app::port::{Append, AppendError, EventLog, Failure, Receipt};
use async_trait::async_trait;
use kernel::digest::Digest;
use kernel::{CommandId, Position, Recorded, StreamId, Version};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _, SqliteConnection, SqlitePool};
use tokio::sync::watch;

use crate::committed::Committed;
use crate::durability::Durability;
use crate::error::OpenError;
use crate::failure::failure;
use crate::known::Known;
use crate::migrations::SQLITE_LOG;
use crate::options::Options;
use crate::record::{check_gapless, position_from_sql, position_to_sql, stream_from_sql, to_sql};
use crate::trial::{Tried, sqlite_steps};
use crate::writer::Writer;
use rows::{read_command, read_event};
use wake::{READ_HEAD, Wake};
use writer::SqliteBackend;

/// The log in a SQLite file.
#[derive(Debug)]
pub struct SqliteLog {
    readers: SqlitePool,
    writer: Writer,
    committed: Committed,
    known: Known,
    _wake: Wake,
}

impl SqliteLog {
    /// Opens or creates the file, applies missing migrations, checks durability and the head, starts the writer.
    pub async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        let file = File::parse(url, options.acquire_timeout)?;
        let mut connection = file.connect_at_start(Synchronous::Full).await?;
        file.refuse_unless_durable(&mut connection).await?;
        SQLITE_LOG.run_on_sqlite(&mut connection).await?;
        let committed = Committed::at(checked_head(&mut connection).await?);
        let readers = file.readers(options.log_readers_max);
        let known = Known::default();
        let wake = Wake::start(file.path(), readers.clone(), committed.clone());
        let backend = Tried(SqliteBackend::new(file, connection, known.clone(), sqlite_steps()));
        let writer = Writer::start(vec![backend], committed.clone());
        Ok(Self { readers, writer, committed, known, _wake: wake })
    }

    /// Whether committed transactions of SQLite survive a loss of power. Creates the file if there is none.
    pub async fn durability(url: &str, options: &Options) -> Result<Durability, OpenError> {
        let file = File::parse(url, options.acquire_timeout.max(Duration::from_secs(1)))?;
        let mut connection = file.connect_at_start(Synchronous::Full).await?;
        let durability = connection::durability(&mut connection).await.map_err(|source| file.unreachable(source))?;
        // The answer is there; how the connection ends does not matter.
        let _ = connection.close().await;
        Ok(durability)
    }
}

/// The head, after a check that it is the position of the newest event.
async fn checked_head(connection: &mut SqliteConnection) -> Result<Position, OpenError> {
    let row = sqlx::query(
        "select
            position,
            coalesce((select max(events.position) from events), 0) as newest
        from head",
    )
    .fetch_optional(connection)
    .await
    .map_err(OpenError::Head)?;
    let Some(row) = row else { return Err(OpenError::HeadMissing) };
    let (head, newest): (i64, i64) =
        (row.try_get("position").map_err(OpenError::Head)?, row.try_get("newest").map_err(OpenError::Head)?);
    if head != newest {
        return Err(OpenError::HeadDiffers { head, newest });
    }
    position_from_sql(head).map_err(OpenError::Failure)
}

#[async_trait]
impl EventLog for SqliteLog {
    async fn append(&self, append: Append) -> Result<Receipt, AppendError> {
        self.writer.append(append).await
    }

    async fn outcome(&self, command: CommandId) -> Result<Option<(Receipt, Digest)>, Failure> {
        const OPERATION: &str = "look up a command";
        let row = sqlx::query(
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
        .bind(command.uuid())
        .fetch_optional(&self.readers)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
        let Some(row) = row else { return Ok(None) };
        read_command(&row).map_err(|source| failure(OPERATION, &source))?.into_found().map(Some)
    }

    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure> {
        const OPERATION: &str = "read a stream";
        let rows = sqlx::query(
            "select
                position,
                version,
                id,
                type,
                time,
                bytes
            from events
            where stream = $1 and version > $2
            order by version",
        )
        .bind(stream.as_str())
        .bind(to_sql(after.0))
        .fetch_all(&self.readers)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
        let recorded = |row: &SqliteRow| {
            read_event(row).map_err(|source| failure(OPERATION, &source))?.into_recorded(stream.clone())
        };
        let events: Vec<Recorded> = rows.iter().map(recorded).collect::<Result<_, _>>()?;
        if let Some(newest) = events.last() {
            self.known.saw(stream, newest.version);
        }
        Ok(events)
    }

    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        const OPERATION: &str = "read the log";
        let rows = sqlx::query(
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
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&self.readers)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
        let recorded = |row: &SqliteRow| {
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
        let head: i64 = sqlx::query_scalar(READ_HEAD)
            .fetch_one(&self.readers)
            .await
            .map_err(|source| failure(OPERATION, &source))?;
        let head = position_from_sql(head)?;
        self.committed.saw(head);
        Ok(head)
    }

    fn committed(&self) -> watch::Receiver<Position> {
        self.committed.subscribe()
    }
}
