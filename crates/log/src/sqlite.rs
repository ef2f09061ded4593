//! The log in a SQLite file. Two processes may use the same file, on the same machine.

mod connection;
mod greeting;
mod inserts;
mod rows;
mod upkeep;
mod wake;
mod writer;

pub(crate) use connection::{File, Synchronous, micros};
pub(crate) use inserts::{chunks, insert};

use std::collections::BTreeMap;
use std::time::Duration;

use app::port::{Append, AppendError, EventLog, Failure, Fingerprint, Lost, Receipt};
use async_trait::async_trait;
use kernel::{CommandId, Position, Recorded, StreamId, Version};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection as _, Row as _, SqliteConnection, SqlitePool};
use tokio::sync::watch;
use uuid::Uuid;

use crate::committed::Committed;
use crate::durability::Durability;
use crate::error::OpenError;
use crate::failure::failure;
use crate::incarnation::Incarnation;
use crate::known::Known;
use crate::migrations::SQLITE_LOG;
use crate::options::Options;
use crate::record::{check_gapless, check_whole, position_from_sql, position_to_sql, stream_from_sql, to_sql};
use crate::trial::{Tried, sqlite_steps};
use crate::writer::Writer;
use greeting::greet;
use rows::{read_command, read_event};
use wake::{READ_HEAD, Wake};
use writer::SqliteBackend;

/// The log in a SQLite file.
#[derive(Debug)]
pub struct SqliteLog {
    file: File,
    readers: SqlitePool,
    writer: Writer,
    committed: Committed,
    incarnation: Incarnation,
    _wake: Wake,
}

impl SqliteLog {
    /// Opens or creates the file, applies missing migrations, checks durability and the head, starts the writer.
    pub async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        let file = File::parse(url, options.acquire_timeout)?;
        let mut connection = file.connect_at_start(Synchronous::Full).await?;
        file.refuse_unless_durable(&mut connection).await?;
        SQLITE_LOG.run_on_sqlite(&mut connection).await?;
        let file = file.looked_at_now();
        let committed = Committed::at(checked_head(&mut connection).await?);
        upkeep::refuse_holes(&mut connection, false).await?;
        let incarnation = Incarnation::new(Known::default(), committed.clone());
        greet(&mut connection, &incarnation).await.map_err(OpenError::Head)?;
        let readers = file.readers(options.log_readers_max);
        let wake = Wake::start(file.path(), readers.clone(), committed.clone());
        let backend = Tried(SqliteBackend::new(file.clone(), connection, incarnation.clone(), sqlite_steps()));
        let writer = Writer::start(vec![backend], committed.clone());
        Ok(Self { file, readers, writer, committed, incarnation, _wake: wake })
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

    /// Refuses a log of which a stream does not begin at 1 or has a hole. Every event is looked at.
    pub async fn refuse_holes(url: &str, options: &Options) -> Result<(), OpenError> {
        let file = File::parse(url, options.acquire_timeout)?;
        let mut connection = file.connect_at_start(Synchronous::Full).await?;
        upkeep::refuse_holes(&mut connection, true).await
    }

    /// Brings lost events back, right after `before`.
    pub async fn bring_back(
        url: &str,
        options: &Options,
        before: Position,
        appends: &[Append],
        still: Option<Lost>,
    ) -> Result<(), OpenError> {
        let file = File::parse(url, options.acquire_timeout)?;
        let mut connection = file.connect_at_start(Synchronous::Full).await?;
        // A connection that is closed before its commit rolls back.
        writer::bring_back(&mut connection, before, appends, still).await
    }

    /// A connection for what is written beside the events, seldom.
    async fn connection(&self, operation: &'static str) -> Result<SqliteConnection, Failure> {
        self.file.refuse_replaced(operation)?;
        self.file.connect(Synchronous::Full).await.map_err(|source| failure(operation, &source))
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

    async fn outcome(&self, principal: &str, command: CommandId) -> Result<Option<(Receipt, Fingerprint)>, Failure> {
        const OPERATION: &str = "look up a command";
        self.file.refuse_replaced(OPERATION)?;
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
            where command_id = $1 and principal = $2",
        )
        .bind(command.uuid())
        .bind(principal)
        .fetch_optional(&self.readers)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
        let Some(row) = row else { return Ok(None) };
        read_command(&row).map_err(|source| failure(OPERATION, &source))?.into_found().map(Some)
    }

    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure> {
        const OPERATION: &str = "read a stream";
        self.file.refuse_replaced(OPERATION)?;
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
        check_whole(after, &events)?;
        if let Some(newest) = events.last() {
            self.incarnation.known().saw(stream, newest.version);
        }
        Ok(events)
    }

    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure> {
        const OPERATION: &str = "read the log";
        self.file.refuse_replaced(OPERATION)?;
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
        self.file.refuse_replaced(OPERATION)?;
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

    fn incarnation(&self) -> watch::Receiver<u64> {
        self.incarnation.subscribe()
    }

    async fn lost(&self) -> Result<Option<Lost>, Failure> {
        const OPERATION: &str = "ask what the log has lost";
        let mut connection = self.readers.acquire().await.map_err(|source| failure(OPERATION, &source))?;
        upkeep::lost(&mut connection).await.map_err(|source| failure(OPERATION, &source))
    }

    async fn halt(&self, lost: Lost, accepted: Version) -> Result<(), Failure> {
        const OPERATION: &str = "halt the log";
        let mut connection = self.connection(OPERATION).await?;
        upkeep::halt(&mut connection, lost, accepted).await.map_err(|source| failure(OPERATION, &source))
    }

    async fn lease_rebuild(&self, holder: Uuid, lasts: Duration) -> Result<bool, Failure> {
        const OPERATION: &str = "take the lease of a rebuild";
        let mut connection = self.connection(OPERATION).await?;
        upkeep::lease(&mut connection, holder, lasts).await.map_err(|source| failure(OPERATION, &source))
    }

    async fn floors(&self) -> Result<BTreeMap<String, Position>, Failure> {
        const OPERATION: &str = "read how far consumers have come";
        let mut connection = self.readers.acquire().await.map_err(|source| failure(OPERATION, &source))?;
        upkeep::floors(&mut connection).await
    }

    async fn raise_floors(&self, floors: BTreeMap<String, Position>) -> Result<(), Failure> {
        const OPERATION: &str = "keep how far consumers have come";
        let mut connection = self.connection(OPERATION).await?;
        upkeep::raise_floors(&mut connection, floors).await.map_err(|source| failure(OPERATION, &source))
    }
}
