//! Connections to a SQLite file.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use app::port::Failure;
use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool};
use tokio::time::{Instant, sleep};

use crate::durability::{self, Durability};
use crate::error::OpenError;
use crate::failure::{broken, is_passing};

/// Pages of the write-ahead log after which it is copied into the file: 80 MiB. Rarer copies gave 28 % more appends.
const WAL_PAGES: &str = "20000";

/// Pause between two attempts to open: the change to WAL does not wait for other processes by itself.
const PAUSE: Duration = Duration::from_millis(20);

/// How far a commit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Synchronous {
    /// To the disk.
    Full,
    /// To the operating system; a loss of power may undo the last commits, in order. Only for what can be rebuilt.
    Normal,
}

/// A SQLite file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    options: SqliteConnectOptions,
    busy_timeout: Duration,
    /// Device and number of the file, once it was opened as a log.
    number: Option<(u64, u64)>,
}

impl File {
    /// Parses a url. `busy_timeout` is how long to wait for another process that is writing.
    pub(crate) fn parse(url: &str, busy_timeout: Duration) -> Result<Self, OpenError> {
        if url.contains(":memory:") || url.contains("mode=memory") {
            return Err(OpenError::InMemory);
        }
        let options = SqliteConnectOptions::from_str(url).map_err(OpenError::Url)?;
        if options.get_filename().as_os_str().is_empty() {
            return Err(OpenError::InMemory);
        }
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(busy_timeout)
            .pragma("wal_autocheckpoint", WAL_PAGES);
        Ok(Self { options, busy_timeout, number: None })
    }

    /// The file beside this one whose name has `suffix` before its extension: `log.db` becomes `log.views.db`.
    pub(crate) fn beside(mut self, suffix: &str) -> Self {
        let path = self.path();
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(".");
        name.push(suffix);
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        let beside: PathBuf = path.with_file_name(name);
        self.options = self.options.filename(beside);
        self
    }

    /// The same file with a pragma on every connection.
    pub(crate) fn with(mut self, pragma: &'static str, value: &'static str) -> Self {
        self.options = self.options.pragma(pragma, value);
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.options.get_filename()
    }

    /// The same, with the file that stands there now and no other.
    pub(super) fn looked_at_now(mut self) -> Self {
        self.number = number_of(self.path());
        self
    }

    /// Refuses to go on where another file stands in its place: what is open is nobody's any more.
    pub(super) fn refuse_replaced(&self, operation: &'static str) -> Result<(), Failure> {
        if self.number.is_none() || number_of(self.path()) == self.number {
            return Ok(());
        }
        Err(broken(
            operation,
            "the file of the log was replaced while this process had it open; start the process again",
        ))
    }

    /// A connection that writes.
    pub(crate) async fn connect(&self, synchronous: Synchronous) -> Result<SqliteConnection, sqlx::Error> {
        let options = self.options_for(synchronous);
        let deadline = Instant::now() + self.busy_timeout;
        loop {
            match options.connect().await {
                Err(source) if is_passing(&source) && Instant::now() + PAUSE < deadline => sleep(PAUSE).await,
                outcome => return outcome,
            }
        }
    }

    /// The same, with an error that says what to do.
    pub(crate) async fn connect_at_start(&self, synchronous: Synchronous) -> Result<SqliteConnection, OpenError> {
        self.connect(synchronous).await.map_err(|source| self.unreachable(source))
    }

    /// A pool of connections that only read. The file must exist.
    pub(crate) fn readers(&self, connections_max: u32) -> SqlitePool {
        // Not opened read-only: a reader of a WAL file has to be able to make its shared memory.
        let options = self.options_for(Synchronous::Full).pragma("query_only", "on");
        SqlitePoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(self.busy_timeout)
            .test_before_acquire(false)
            .connect_lazy_with(options)
    }

    /// A pool of connections that read and write.
    pub(crate) fn pool(&self, synchronous: Synchronous, connections_max: u32) -> SqlitePool {
        SqlitePoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(self.busy_timeout)
            .test_before_acquire(false)
            // Where the disk is full, SQLite rolls back by itself, and sqlx, whose own rollback fails then, takes the
            // connection to be in a transaction for ever. It is closed, and a new one begins.
            .before_acquire(|connection, _| {
                Box::pin(async move {
                    if connection.is_in_transaction() {
                        // A rollback that is still under way comes first.
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_lazy_with(self.options_for(synchronous))
    }

    pub(crate) fn unreachable(&self, source: sqlx::Error) -> OpenError {
        OpenError::Unreachable { database: self.name(), source }
    }

    /// Refuses a file that may lose committed transactions.
    pub(crate) async fn refuse_unless_durable(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        let durability = durability(connection).await.map_err(|source| self.unreachable(source))?;
        if durability.is_enough() {
            return Ok(());
        }
        Err(OpenError::NotDurable { database: self.name(), durability })
    }

    fn name(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    fn options_for(&self, synchronous: Synchronous) -> SqliteConnectOptions {
        self.options.clone().synchronous(match synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        })
    }
}

/// What tells a file from another one of the same name.
fn number_of(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

/// Reads what decides about durability, as it is for this connection.
pub(crate) async fn durability(connection: &mut SqliteConnection) -> Result<Durability, sqlx::Error> {
    let synchronous = sqlx::query_scalar("pragma synchronous").fetch_one(&mut *connection).await?;
    let journal_mode: String = sqlx::query_scalar("pragma journal_mode").fetch_one(connection).await?;
    Ok(durability::of_sqlite(synchronous, &journal_mode))
}

/// A time as SQLite keeps it here.
pub(crate) fn micros(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros()
}

/// A time as it was kept.
pub(super) fn time_from_micros(micros: i64) -> Result<DateTime<Utc>, sqlx::Error> {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| sqlx::Error::Decode(format!("{micros} microseconds are not a time").into()))
}
