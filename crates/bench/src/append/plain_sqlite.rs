//! One INSERT per transaction into a SQLite file with the columns of the log.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Clock as _, SystemClock};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::driver::{Side, Writer};
use super::event::{CATEGORY, CloudEvent, KIND, Place, fresh};
use super::lanes::Lanes;

const CREATE: &str = "create table events (
    position integer primary key,
    stream text not null,
    version integer not null,
    id blob not null,
    type text not null,
    time integer not null,
    bytes blob not null,
    unique (stream, version)
) strict";

const INSERT: &str = "insert into events (stream, version, id, type, time, bytes) values ($1, $2, $3, $4, $5, $6)";

/// The file.
pub(crate) struct Plain {
    lanes: Arc<Lanes<SqliteConnection>>,
}

impl Plain {
    /// Makes it, with the write-ahead log and a flush at every commit, as dualgrid has it.
    ///
    /// One connection writes for all: SQLite lets one transaction write at a time, and several connections would only
    /// sleep in its busy handler.
    pub(crate) async fn create(path: &Path) -> anyhow::Result<Self> {
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .connect()
            .await?;
        sqlx::query(CREATE).execute(&mut connection).await?;
        Ok(Self { lanes: Arc::new(Lanes::new(vec![connection])) })
    }

    /// Writers that take turns with the connection.
    pub(crate) fn writers(&self, writers: usize) -> Side {
        let writer =
            |_| Box::new(Inserting { lanes: Arc::clone(&self.lanes), place: Place::start() }) as Box<dyn Writer>;
        Side::new((0..writers).map(writer).collect())
    }
}

struct Inserting {
    lanes: Arc<Lanes<SqliteConnection>>,
    place: Place,
}

#[async_trait]
impl Writer for Inserting {
    async fn append(&mut self) -> anyhow::Result<()> {
        let (id, now, version) = (fresh(), SystemClock.now(), self.place.version + 1);
        let event = CloudEvent::new(id, fresh(), self.place.stream, version, now);
        let mut lane = self.lanes.take().await?;
        // A statement outside a transaction is an immediate one by itself.
        sqlx::query(INSERT)
            .bind(format!("{CATEGORY}-{}", self.place.stream))
            .bind(version.cast_signed())
            .bind(id)
            .bind(KIND)
            .bind(now.timestamp_micros())
            .bind(event.bytes()?)
            .execute(&mut lane.connection)
            .await?;
        self.lanes.put_back(lane);
        self.place.advance();
        Ok(())
    }
}
