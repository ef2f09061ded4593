//! Why something could not be opened.

use app::port::Failure;
use sqlx::migrate::MigrateError;

use crate::durability::Durability;
use crate::failure::chain;

/// The end of the sentence that says which urls the evidence store takes.
#[cfg(feature = "s3")]
const AND_S3: &str = " or s3://BUCKET/PREFIX, with credentials in AWS_*";
/// The end of the sentence that says which urls the evidence store takes.
#[cfg(not(feature = "s3"))]
const AND_S3: &str = " (s3:// needs a dualgrid built with the feature s3)";

/// Why a database or the evidence store could not be opened. The texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The scheme of the url is not supported.
    #[error(
        "the database url begins with \"{0}\", which is not supported: give sqlite:PATH or postgres://USER@HOST:PORT/DATABASE"
    )]
    UnknownScheme(String),
    /// The url cannot be read.
    #[error("the database url cannot be read; expected sqlite:PATH or postgres://USER@HOST:PORT/DATABASE")]
    Url(#[source] sqlx::Error),
    /// A database in memory keeps nothing.
    #[error("a SQLite database in memory keeps nothing: give sqlite:PATH")]
    InMemory,
    /// A server on another machine whose certificate would not be verified.
    #[error(
        "the certificate of {database}, on another machine, would not be verified: leave `sslmode` out of the url and PGSSLMODE out of the \
         environment, or set it to verify-full"
    )]
    Unprotected {
        /// Without password.
        database: String,
    },
    /// No connection.
    #[error("could not open {database}: check that it exists and runs, and check user, password and certificates")]
    Unreachable {
        /// Without password.
        database: String,
        #[source]
        source: sqlx::Error,
    },
    /// The database may lose committed transactions.
    #[error("{database} may lose committed transactions; refusing to start. {durability}")]
    NotDurable {
        /// Without password.
        database: String,
        durability: Durability,
    },
    /// The tables could not be created or migrated.
    #[error("could not migrate the database: it may belong to a newer dualgrid, or the user may not create tables")]
    Migrate(#[from] MigrateError),
    /// The tables are not those of this program, and the user of a running process may not make them.
    #[error(
        "the tables of the database are not those of this dualgrid, and its user may not make them: run `dualgrid migrate` of this \
         version, which connects as the owner"
    )]
    NotMigrated,
    /// The owner's address leads elsewhere.
    #[error(
        "the owner's address leads to {owner}, and that of running processes to {running}: give the same database twice"
    )]
    OtherDatabase { owner: String, running: String },
    /// Not the owner.
    #[error(
        "the user for `dualgrid migrate` may not make tables in {database}: give the address of the owner of the database"
    )]
    NotOwner {
        /// Without password.
        database: String,
    },
    /// Rights could not be given or read.
    #[error(
        "could not give or read the rights of the user of running processes: check that it exists, and that the owner owns the tables"
    )]
    Rights(#[source] sqlx::Error),
    /// No place of a scanner.
    #[error("{url} is no place of a scanner: write tcp://HOST:PORT or unix:///PATH of clamd")]
    Scanner { url: String },
    /// The head could not be read.
    #[error("could not read the head of the log")]
    Head(#[source] sqlx::Error),
    /// The table `head` is empty.
    #[error("the log has lost its head row; restore the database from a backup")]
    HeadMissing,
    /// Head row and newest event disagree.
    #[error(
        "the head of the log is {head}, but its newest event is at {newest}: the database was restored in part or \
         changed by hand; restore it from a backup"
    )]
    HeadDiffers { head: i64, newest: i64 },
    /// Events could not be brought back.
    #[error("the events could not be brought back, and nothing was changed: {0}")]
    BringBack(String),
    /// The streams could not be looked at.
    #[error("could not check that the streams of the log are whole")]
    Streams(#[source] sqlx::Error),
    /// A stream lacks events.
    #[error(
        "event {position} is version {version} of {stream}, and version {} is not in the log: the database lost events or was \
         changed by hand; restore it from a backup that has them",
        version - 1
    )]
    Hole { position: i64, stream: String, version: i32 },
    /// The keys in the vault are wrapped under another key.
    #[error("the wrapping key does not fit this vault; configure the key that the vault was created with")]
    WrongWrappingKey,
    /// Some keys are wrapped under a key that is not configured.
    #[error(
        "keys of persons are still wrapped under the wrapping key {0}: name its file in vault.other_key_files, and finish with `dualgrid keys rewrap`"
    )]
    MissingWrappingKey(String),
    /// The wrapping key was exchanged for another.
    #[error("the wrapping key {0} was exchanged and is never used again: configure the one that took its place")]
    RetiredWrappingKey(String),
    /// The exchange of the wrapping key did not come to its end.
    #[error("could not exchange the wrapping key; what was done stays, and `dualgrid keys rewrap` goes on from there")]
    Rewrap(#[source] sqlx::Error),
    /// A key of a person fits no wrapping key.
    #[error("the key of person {0} does not fit its wrapping key: restore the vault from a backup")]
    Unwrappable(uuid::Uuid),
    /// The url of the vault is that of a log.
    #[error(
        "the vault must be a database of its own, or backups of the log would keep erased keys; give it another url"
    )]
    VaultInLog,
    /// The evidence store could not be opened.
    #[error("could not open the evidence store at {url}: give file:///ABSOLUTE/PATH{}", AND_S3)]
    Evidence {
        url: String,
        #[source]
        source: Option<object_store::Error>,
    },
    /// The bucket is on another machine, and would be spoken to in clear.
    #[error(
        "AWS_ENDPOINT leads to another machine without TLS: give an address that begins with https://, or one on this machine"
    )]
    EvidenceInClear,
    /// The database holds something unexpected.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl OpenError {
    /// The error and its causes in one line.
    pub fn chain(&self) -> String {
        chain(self)
    }
}
