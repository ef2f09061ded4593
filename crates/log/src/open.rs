//! From urls to open databases, and what to do where one cannot be opened.

use std::sync::Arc;

use app::port::{EventLog, EvidenceStore, Failure, Vault, ViewStore};
use sqlx::migrate::MigrateError;

use crate::durability::Durability;
use crate::evidence::ObjectEvidence;
use crate::failure::chain;
use crate::options::Options;
use crate::postgres::PgLog;
use crate::sqlite::SqliteLog;
use crate::vault::{PgVault, SqliteVault, Wrapping};
use crate::views::{PgViews, SqliteViews};

/// Why a database could not be opened. The texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The url is of no kind that is known.
    #[error("{0:?} is no database that is supported: give sqlite:PATH or postgres://USER@HOST:PORT/DATABASE")]
    UnknownScheme(String),
    /// The url cannot be read.
    #[error("the database url cannot be read; expected sqlite:PATH or postgres://USER@HOST:PORT/DATABASE")]
    Url(#[source] sqlx::Error),
    /// A database in memory keeps nothing.
    #[error("a SQLite database in memory keeps nothing: give sqlite:PATH")]
    InMemory,
    /// No connection.
    #[error("could not open {database}: check that it exists, that it runs, and user and password")]
    Unreachable {
        /// The database, without password.
        database: String,
        /// What the driver said.
        #[source]
        source: sqlx::Error,
    },
    /// It may lose what it calls committed.
    #[error("{database} may lose what it calls committed; refusing to start. {durability}")]
    NotDurable {
        /// The database, without password.
        database: String,
        /// What was found.
        durability: Durability,
    },
    /// The tables could not be made or brought up to date.
    #[error(
        "could not migrate the database: it may have been made by a newer dualgrid, or the user may not create tables"
    )]
    Migrate(#[from] MigrateError),
    /// The head could not be read.
    #[error("could not read the head of the log")]
    Head(#[source] sqlx::Error),
    /// The table `head` is empty.
    #[error("the log has lost its head row; restore the database from a backup")]
    HeadMissing,
    /// The head and the newest event do not agree.
    #[error(
        "the head of the log says {head}, but its newest event is at {newest}: the database was restored in part or \
         changed by hand; restore it from a backup"
    )]
    HeadDiffers {
        /// What the head row says.
        head: i64,
        /// The largest position in `events`.
        newest: i64,
    },
    /// The wrapping key is not the one under which the keys in the vault are kept.
    #[error("the wrapping key does not fit this vault; configure the key with which the vault was made")]
    WrongWrappingKey,
    /// The vault was pointed at the log.
    #[error(
        "the vault must be a database of its own, or a backup of the log would keep erased keys; give it another url"
    )]
    VaultInLog,
    /// The evidence store could not be opened.
    #[error("could not open the evidence store at {url}: give file:///ABSOLUTE/PATH{}", crate::evidence::AND_S3)]
    Evidence {
        /// Its url.
        url: String,
        /// What object_store said, if it was asked.
        #[source]
        source: Option<object_store::Error>,
    },
    /// A table was opened but holds something unexpected.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl OpenError {
    /// The text and its causes in one line.
    pub fn chain(&self) -> String {
        chain(self)
    }
}

/// An opened log and its views.
pub struct Opened {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The views over it.
    pub views: Arc<dyn ViewStore>,
}

enum Scheme {
    Sqlite,
    Postgres,
}

fn scheme(url: &str) -> Result<Scheme, OpenError> {
    match url.split_once(':') {
        Some(("sqlite", _)) => Ok(Scheme::Sqlite),
        Some(("postgres" | "postgresql", _)) => Ok(Scheme::Postgres),
        // What stands before the first colon is never a password.
        Some((other, _)) => Err(OpenError::UnknownScheme(format!("{other}:"))),
        None => Err(OpenError::UnknownScheme(String::new())),
    }
}

/// Opens the log at `url` and its views.
pub async fn open(url: &str, options: &Options) -> Result<Opened, OpenError> {
    Ok(match scheme(url)? {
        Scheme::Sqlite => Opened {
            log: Arc::new(SqliteLog::open(url, options).await?),
            views: Arc::new(SqliteViews::open(url, options).await?),
        },
        Scheme::Postgres => Opened {
            log: Arc::new(PgLog::connect(url, options).await?),
            views: Arc::new(PgViews::connect(url, options).await?),
        },
    })
}

/// Opens the vault at `url`, which is not the log's.
pub async fn open_vault(url: &str, options: &Options, wrapping: Wrapping) -> Result<Arc<dyn Vault>, OpenError> {
    Ok(match scheme(url)? {
        Scheme::Sqlite => Arc::new(SqliteVault::open(url, options, wrapping).await?),
        Scheme::Postgres => Arc::new(PgVault::connect(url, options, wrapping).await?),
    })
}

/// Opens the evidence store at `url`.
pub fn open_evidence(url: &str) -> Result<Arc<dyn EvidenceStore>, OpenError> {
    Ok(Arc::new(ObjectEvidence::open(url)?))
}

/// What the database at `url` does with a transaction it calls committed, without changing anything there.
pub async fn durability(url: &str, options: &Options) -> Result<Durability, OpenError> {
    match scheme(url)? {
        Scheme::Sqlite => SqliteLog::durability(url, options).await,
        Scheme::Postgres => PgLog::durability(url, options.acquire_timeout).await,
    }
}
