//! Other processes that write the same file are noticed by its write-ahead log, whose size or time changes with each commit.
//!
//! To look at a file takes a few microseconds and no statement; the head is asked for when something has changed.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sqlx::SqlitePool;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep};

use crate::committed::Committed;
use crate::failure::chain;
use crate::record::position_from_sql;

/// The position of the newest event.
pub(super) const READ_HEAD: &str = "select position from head";
/// How often the file is looked at while commits come.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How often while none come. A look costs little, but a hundred a second took two thirds of an idle process.
const LOOK_IDLE_EVERY: Duration = Duration::from_millis(50);
/// So long after the last change the process counts as idle.
const IDLE_AFTER: Duration = Duration::from_secs(1);
/// How often the head is asked for after a change.
const ASKS_AFTER_CHANGE: u8 = 2;
/// How often it is asked for if nothing seems to change.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The task that keeps [`Committed`] up to date. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Wake(AbortHandle);

impl Wake {
    /// Starts the task for the log in this file.
    pub(super) fn start(file: &Path, readers: SqlitePool, committed: Committed) -> Self {
        Self(Handle::current().spawn(run(write_ahead_log_of(file), readers, committed)).abort_handle())
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// SQLite follows symbolic links before it appends the suffix.
fn write_ahead_log_of(file: &Path) -> PathBuf {
    let mut path = file.canonicalize().unwrap_or_else(|_| file.to_owned()).into_os_string();
    path.push("-wal");
    path.into()
}

async fn run(write_ahead_log: PathBuf, readers: SqlitePool, committed: Committed) {
    let mut own = committed.own();
    let (mut seen, mut asked, mut asks_due) = (None, Instant::now(), 0);
    let mut changed = Instant::now();
    loop {
        sleep(if changed.elapsed() < IDLE_AFTER { LOOK_EVERY } else { LOOK_IDLE_EVERY }).await;
        let sight = sight_of(&write_ahead_log);
        if sight != seen {
            // Once more after the last change: two commits within one tick of the file system's clock look like one.
            (seen, asks_due, changed) = (sight, ASKS_AFTER_CHANGE, Instant::now());
        }
        if own.has_changed().unwrap_or_default() {
            // Whatever others committed before is known with it. What came after is asked for when this process is quiet.
            own.mark_unchanged();
        } else if asks_due > 0 || asked.elapsed() >= ASK_EVERY {
            (asked, asks_due) = (Instant::now(), asks_due.saturating_sub(1));
            ask(&readers, &committed).await;
        }
    }
}

/// Size and time of the file, if it exists.
fn sight_of(write_ahead_log: &Path) -> Option<(u64, SystemTime)> {
    let metadata = std::fs::metadata(write_ahead_log).ok()?;
    Some((metadata.len(), metadata.modified().ok()?))
}

async fn ask(readers: &SqlitePool, committed: &Committed) {
    match sqlx::query_scalar(READ_HEAD).fetch_one(readers).await.map(position_from_sql) {
        Ok(Ok(head)) => committed.saw(head),
        // Reported where it was made.
        Ok(Err(_)) => {}
        Err(source) => tracing::debug!(error = chain(&source), "the head of the log could not be read"),
    }
}
