//! Where a log, its views or a vault is kept during a test, and sample appends.

use std::future::ready;
use std::sync::Arc;

use app::port::{Append, AppendError, EventLog, Fingerprint, Moved, NewEvent, Part, Receipt};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{CommandId, EventId, Position, Recorded, StreamId, Version};
use log::{MemoryLog, Options, PgLog, SqliteLog};
use tempfile::TempDir;
use testkit::postgres::Postgres;
use tokio::task::JoinSet;

/// Runs each function of the contract on every kind of log.
macro_rules! on_every_log {
    ($($name:ident)*) => {
        mod memory { $(crate::place::test!($name, memory);)* }
        on_both_databases! { $($name)* }
    };
}

/// Runs each function on SQLite and on PostgreSQL.
macro_rules! on_both_databases {
    ($($name:ident)*) => {
        mod sqlite { $(crate::place::test!($name, sqlite);)* }
        mod postgres { $(crate::place::test!($name, postgres);)* }
    };
}

macro_rules! test {
    ($name:ident, $kind:ident) => {
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            super::$name(&crate::place::Place::$kind().await).await;
        }
    };
}
pub(crate) use test;

/// Where something is kept, and goes when the test ends.
pub(crate) struct Place {
    pub(crate) url: String,
    memory: Option<Arc<MemoryLog>>,
    _folder: Option<TempDir>,
}

impl Place {
    pub(crate) fn memory() -> impl Future<Output = Self> {
        ready(Self { url: String::new(), memory: Some(Arc::new(MemoryLog::new())), _folder: None })
    }

    pub(crate) fn sqlite() -> impl Future<Output = Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("log.db").display());
        ready(Self { url, memory: None, _folder: Some(folder) })
    }

    pub(crate) async fn postgres() -> Self {
        let url = Postgres::shared().await.unwrap().create_database().await.unwrap();
        Self { url, memory: None, _folder: None }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// Opens the log, as one more process would. The log in memory is always the same.
    pub(crate) async fn log(&self) -> Arc<dyn EventLog> {
        match &self.memory {
            Some(log) => Arc::clone(log) as Arc<dyn EventLog>,
            None => open(&self.url).await,
        }
    }
}

/// Opens the log at `url`.
pub(crate) async fn open(url: &str) -> Arc<dyn EventLog> {
    // A busy machine makes the processes of a test wait long for each other; that is not what the contract is about.
    let minute = std::time::Duration::from_mins(1);
    let options = Options { acquire_timeout: minute, answer_timeout: minute, ..Options::default() };
    if url.starts_with("sqlite:") {
        Arc::new(SqliteLog::open(url, &options).await.unwrap())
    } else {
        Arc::new(PgLog::connect(url, &options).await.unwrap())
    }
}

/// Runs one statement on a database behind the back of the adapters.
pub(crate) async fn tamper(url: &str, sql: &'static str) -> Result<(), sqlx::Error> {
    use sqlx::Connection as _;
    if url.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(url).await?;
        sqlx::query(sql).execute(&mut connection).await.map(drop)
    } else {
        let mut connection = sqlx::PgConnection::connect(url).await?;
        sqlx::query("set search_path = public, views").execute(&mut connection).await?;
        sqlx::query(sql).execute(&mut connection).await.map(drop)
    }
}

pub(crate) fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 123_456_000).unwrap()
}

pub(crate) fn stream(name: &str) -> StreamId {
    StreamId::new("case", kernel::CaseId::named(name).uuid())
}

/// An append of `events` events to `stream`, under the command called `command`.
pub(crate) fn append(command: &str, stream: &StreamId, expected: u32, events: u32) -> Append {
    append_parts(command, &[(stream, expected, events)])
}

/// The same on several streams, each with its expected version and so many events.
pub(crate) fn append_parts(command: &str, parts: &[(&StreamId, u32, u32)]) -> Append {
    let mut numbers = 1..;
    let mut event = |_| {
        let n: u32 = numbers.next().unwrap();
        NewEvent {
            id: EventId::named(&format!("{command}/{n}")),
            kind: "cn.dualgrid.case.issue_discovered.v1",
            time: at(i64::from(n)),
            bytes: Bytes::from(format!(r#"{{"specversion":"1.0","note":"静安寺 {command}/{n}"}}"#)),
        }
    };
    let part = |&(stream, expected, events): &(&StreamId, u32, u32)| Part {
        stream: stream.clone(),
        expected: Version(expected),
        events: (0..events).map(&mut event).collect(),
    };
    Append {
        principal: "staff-1".to_owned(),
        command: CommandId::named(command),
        request: Fingerprint::of(Digest::of(b"request")),
        parts: parts.iter().map(part).collect(),
        at: at(0),
        incarnation: None,
    }
}

/// Streams and versions as a receipt lists them.
pub(crate) fn moved(streams: &[(&StreamId, u32)]) -> Vec<Moved> {
    let moved = |&(stream, version): &(&StreamId, u32)| Moved { stream: stream.clone(), version: Version(version) };
    streams.iter().map(moved).collect()
}

/// The version of the stream that the command names.
pub(crate) fn version_of(receipt: &Receipt) -> u32 {
    receipt.streams[0].version.0
}

/// Everything in the log, read in pages, and checked to be gapless up to the head.
pub(crate) async fn everything(log: &Arc<dyn EventLog>) -> Vec<Recorded> {
    let mut events: Vec<Recorded> = Vec::new();
    loop {
        let last = events.last().map_or(Position::START, |event| event.position);
        let page = log.after(last, 700).await.unwrap();
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    for (n, event) in (1..).zip(&events) {
        assert_eq!(event.position, Position(n), "positions have a gap");
    }
    assert_eq!(log.head().await.unwrap(), Position(events.len() as u64));
    events
}

/// Appends everything at once and gives the answers in the same order.
pub(crate) async fn all_at_once(log: &Arc<dyn EventLog>, appends: Vec<Append>) -> Vec<Result<Receipt, AppendError>> {
    let mut tasks = JoinSet::new();
    for (n, append) in appends.into_iter().enumerate() {
        let log = Arc::clone(log);
        tasks.spawn(async move { (n, log.append(append).await) });
    }
    let mut answers = tasks.join_all().await;
    answers.sort_by_key(|(n, _)| *n);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
