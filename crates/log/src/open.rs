//! From urls to open databases.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use app::port::{Append, EventLog, EvidenceStore, Lost, Uploads, Vault, ViewStore};

use kernel::Position;

use crate::durability::Durability;
use crate::error::OpenError;
use crate::evidence::ObjectEvidence;
use crate::options::Options;
use crate::postgres::PgLog;
use crate::sqlite::{File, SqliteLog};
use crate::uploads::{PgUploads, SqliteUploads};
use crate::vault::{self, PgVault, SqliteVault, Wrapping};
use crate::views::{PgViews, SqliteViews};

/// An opened log and its views.
pub struct Opened {
    pub log: Arc<dyn EventLog>,
    pub views: Arc<dyn ViewStore>,
    pub uploads: Arc<dyn Uploads>,
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
            uploads: Arc::new(SqliteUploads::new(url, options)?),
        },
        Scheme::Postgres => Opened {
            log: Arc::new(PgLog::connect(url, options).await?),
            views: Arc::new(PgViews::connect(url, options).await?),
            uploads: Arc::new(PgUploads::new(url, options)?),
        },
    })
}

/// Opens the vault at `url`, which must not be a log's.
pub async fn open_vault(url: &str, options: &Options, wrapping: Wrapping) -> Result<Arc<dyn Vault>, OpenError> {
    Ok(match scheme(url)? {
        Scheme::Sqlite => Arc::new(SqliteVault::open(url, options, wrapping).await?),
        Scheme::Postgres => Arc::new(PgVault::connect(url, options, wrapping).await?),
    })
}

/// Wraps every key of the vault at `url` under the current wrapping key, beside processes that use it, and retires the others: they are refused from then
/// on. Tells how many keys are done and how many there are. Broken off, it goes on from there. False where another process was reading, and the file may
/// still hold traces of the former form.
pub async fn rewrap(
    url: &str,
    options: &Options,
    wrapping: Wrapping,
    progress: impl FnMut(u64, u64) + Send,
) -> Result<bool, OpenError> {
    match scheme(url)? {
        Scheme::Sqlite => vault::rewrap(&SqliteVault::open(url, options, wrapping).await?, progress).await,
        Scheme::Postgres => vault::rewrap(&PgVault::connect(url, options, wrapping).await?, progress).await,
    }
}

/// Opens the evidence store at `url`.
pub fn open_evidence(url: &str) -> Result<Arc<dyn EvidenceStore>, OpenError> {
    Ok(Arc::new(ObjectEvidence::open(url)?))
}

/// What a log or a vault at `url`, or a store of evidence, keeps on this machine: files and folders that exist. None of a database on a
/// server, or of a bucket.
pub fn kept_here(url: &str) -> Vec<PathBuf> {
    let mut kept = Vec::new();
    if let Some(folder) = url.strip_prefix("file://") {
        kept.push(PathBuf::from(folder));
        kept.extend(std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()));
    }
    if let Ok(file) = File::parse(url, Duration::ZERO)
        && matches!(scheme(url), Ok(Scheme::Sqlite))
    {
        for file in [file.clone(), file.beside("views")] {
            for suffix in ["", "-wal", "-shm"] {
                let mut name = file.path().as_os_str().to_owned();
                name.push(suffix);
                kept.push(name.into());
            }
        }
    }
    kept.retain(|path| path.exists());
    kept
}

/// Refuses a log in which a stream does not begin at version 1 or has a hole. Every event is looked at, which takes seconds for
/// millions of them.
pub async fn refuse_holes(url: &str, options: &Options) -> Result<(), OpenError> {
    match scheme(url)? {
        Scheme::Sqlite => SqliteLog::refuse_holes(url, options).await,
        Scheme::Postgres => PgLog::refuse_holes(url, options).await,
    }
}

/// Brings events back that the log has lost: in one transaction, at the positions after `before`, where the log must end. With it
/// recording goes on, unless something is `still` lost.
///
/// # Errors
/// Where the log ends elsewhere, or one of the commands or versions is recorded otherwise; nothing was brought back then.
pub async fn bring_back(
    url: &str,
    options: &Options,
    before: Position,
    appends: &[Append],
    still: Option<Lost>,
) -> Result<(), OpenError> {
    match scheme(url)? {
        Scheme::Sqlite => SqliteLog::bring_back(url, options, before, appends, still).await,
        Scheme::Postgres => PgLog::bring_back(url, options, before, appends, still).await,
    }
}

/// What the user of this log's address may do that a running process does not need: change what was recorded, for example. Nothing on SQLite,
/// where whoever may write the file may do everything.
pub async fn excess(url: &str, options: &Options) -> Result<Vec<String>, OpenError> {
    match scheme(url)? {
        Scheme::Sqlite => Ok(Vec::new()),
        Scheme::Postgres => PgLog::excess(url, options).await,
    }
}

/// Whether committed transactions of the database at `url` survive a loss of power. Changes nothing there.
pub async fn durability(url: &str, options: &Options) -> Result<Durability, OpenError> {
    match scheme(url)? {
        Scheme::Sqlite => SqliteLog::durability(url, options).await,
        Scheme::Postgres => PgLog::durability(url, options).await,
    }
}
