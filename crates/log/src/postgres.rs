//! The log on PostgreSQL.

mod connection;
mod greeting;
mod nodelay;
mod pool;
pub(crate) mod rights;
mod rows;
mod streams;
mod upkeep;
mod wake;
mod writer;

pub(crate) use connection::{Place, refuse_unless_durable};
pub(crate) use pool::Pool;

use std::collections::BTreeMap;
use std::time::Duration;

use app::port::{Append, AppendError, EventLog, Failure, Fingerprint, Lost, Receipt};
use async_trait::async_trait;
use kernel::{CommandId, Position, Recorded, StreamId, Version};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Postgres, Row as _};
use tokio::sync::watch;
use uuid::Uuid;

use crate::committed::Committed;
use crate::durability::Durability;
use crate::error::OpenError;
use crate::failure::failure;
use crate::incarnation::Incarnation;
use crate::known::Known;
use crate::migrations::POSTGRES_LOG;
use crate::options::Options;
use crate::record::{check_gapless, check_whole, position_from_sql, position_to_sql, stream_from_sql};
use crate::trial::{Tried, postgres_steps};
use crate::writer::Writer;
use greeting::greet;
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
    incarnation: Incarnation,
    _wake: Wake,
}

impl PgLog {
    /// Connects, applies missing migrations, checks durability and the head, and starts the writer.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, OpenError> {
        let place = Place::parse(url, &options.tls)?;
        let (reading, writing) = (place.clone().for_reading(), place.for_writing());
        let mut connection = writing.connect_at_start(options.acquire_timeout).await?;
        refuse_unless_durable(&writing, &mut connection).await?;
        POSTGRES_LOG.run_on_postgres(&mut connection).await?;
        let committed = Committed::at(checked_head(&mut connection).await?);
        upkeep::refuse_holes(&mut connection, false).await?;
        let incarnation = Incarnation::new(Known::default(), committed.clone());
        greet(&mut connection, &incarnation).await.map_err(|source| writing.unreachable(source))?;
        let readers = Pool::of_log(reading.clone(), "dualgrid reader", options.log_readers_max, options, &incarnation);
        let streams = Streams::start(&reading, options, &incarnation);
        let shared = Shared::new(incarnation.clone());
        let mut second = writing.connect_at_start(options.acquire_timeout).await?;
        greet(&mut second, &incarnation).await.map_err(|source| writing.unreachable(source))?;
        let lane =
            |connection| Tried(PgBackend::new(writing.clone(), connection, options, shared.clone(), postgres_steps()));
        let writer = Writer::start(vec![lane(connection), lane(second)], committed.clone());
        let wake = Wake::start(reading, committed.clone(), incarnation.clone(), options);
        Ok(Self { readers, streams, writer, committed, incarnation, _wake: wake })
    }

    /// Whether committed transactions of the server survive a loss of power. Changes nothing there.
    pub async fn durability(url: &str, options: &Options) -> Result<Durability, OpenError> {
        let place = Place::parse(url, &options.tls)?;
        let mut connection = place.connect_at_start(options.acquire_timeout).await?;
        let durability = connection::durability(&mut connection).await.map_err(|source| place.unreachable(source))?;
        // The answer is there; how the session ends does not matter.
        let _ = connection.close().await;
        Ok(durability)
    }

    /// What the user of this address may do beyond what a running process needs.
    pub async fn excess(url: &str, options: &Options) -> Result<Vec<String>, OpenError> {
        let mut connection = Place::parse(url, &options.tls)?.connect_at_start(options.acquire_timeout).await?;
        rights::excess(&mut connection, rights::LOG_RIGHTS).await.map_err(OpenError::Rights)
    }

    /// Refuses a log of which a stream does not begin at 1 or has a hole. Every event is looked at.
    pub async fn refuse_holes(url: &str, options: &Options) -> Result<(), OpenError> {
        let place = Place::parse(url, &options.tls)?.for_reading();
        let mut connection = place.connect_at_start(options.acquire_timeout).await?;
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
        let place = Place::parse(url, &options.tls)?.for_writing();
        let mut connection = place.connect_at_start(options.acquire_timeout).await?;
        refuse_unless_durable(&place, &mut connection).await?;
        writer::bring_back(&mut connection, before, appends, still).await
    }

    /// A connection for what is done seldom.
    async fn connection(&self) -> Result<PoolConnection<Postgres>, sqlx::Error> {
        self.readers.get().acquire().await
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

    async fn outcome(&self, principal: &str, command: CommandId) -> Result<Option<(Receipt, Fingerprint)>, Failure> {
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
            where command_id = $1 and principal = $2",
        )
        .bind(command.uuid())
        .bind(principal);
        let row = self.readers.wait(query.fetch_optional(&self.readers.get())).await;
        let row = row.map_err(|source| failure(OPERATION, &source))?;
        let Some(row) = row else { return Ok(None) };
        read_command(&row).map_err(|source| failure(OPERATION, &source))?.into_found().map(Some)
    }

    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure> {
        let number = self.incarnation.number();
        let events = self.streams.read(stream, after).await?;
        check_whole(after, &events)?;
        if let Some(newest) = events.last().filter(|_| self.incarnation.number() == number) {
            self.incarnation.known().saw(stream, newest.version);
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

    fn incarnation(&self) -> watch::Receiver<u64> {
        self.incarnation.subscribe()
    }

    async fn lost(&self) -> Result<Option<Lost>, Failure> {
        let call = async { upkeep::lost(&mut *self.connection().await?).await };
        self.readers.wait(call).await.map_err(|source| failure("ask what the log has lost", &source))
    }

    async fn halt(&self, lost: Lost, accepted: Version) -> Result<(), Failure> {
        let call = async { upkeep::halt(&mut *self.connection().await?, lost, accepted).await };
        self.readers.wait(call).await.map_err(|source| failure("halt the log", &source))
    }

    async fn lease_rebuild(&self, holder: Uuid, lasts: Duration) -> Result<bool, Failure> {
        let call = async { upkeep::lease(&mut *self.connection().await?, holder, lasts).await };
        self.readers.wait(call).await.map_err(|source| failure("take the lease of a rebuild", &source))
    }

    async fn standbys(&self) -> Result<usize, Failure> {
        let call = async { upkeep::standbys(&mut *self.connection().await?).await };
        self.readers.wait(call).await.map_err(|source| failure("ask which standbys a commit waits for", &source))
    }

    async fn floors(&self) -> Result<BTreeMap<String, Position>, Failure> {
        const OPERATION: &str = "read how far consumers have come";
        let mut connection = self.connection().await.map_err(|source| failure(OPERATION, &source))?;
        upkeep::floors(&mut connection).await
    }

    async fn raise_floors(&self, floors: BTreeMap<String, Position>) -> Result<(), Failure> {
        let call = async { upkeep::raise_floors(&mut *self.connection().await?, floors).await };
        self.readers.wait(call).await.map_err(|source| failure("keep how far consumers have come", &source))
    }
}
