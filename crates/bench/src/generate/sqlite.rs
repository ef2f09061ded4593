//! Filling a log in a SQLite file: many rows a statement, many statements a transaction, one flush at the end.

use anyhow::Context as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::task::JoinSet;

use super::feed::{Chunk, CommandRow, EventRow, Feed, PRINCIPAL, Totals};

/// How many rows one statement inserts. Few sizes, so that statements stay prepared.
const ROWS: usize = 100;
const EVENTS: &str = "insert into events (position, stream, version, id, type, time, bytes) values ";
const COMMANDS: &str = "insert into commands (command_id, principal, request, stream, version, first_position, events, recorded_at) values ";

/// Fills it with what `feed` gives after the head.
pub(crate) async fn fill(url: &str, feed: impl FnOnce(u64) -> Feed) -> anyhow::Result<Totals> {
    // Without a journal, as nobody else is there: every page is written once, and not to the write-ahead log first.
    let mut connection = url
        .parse::<SqliteConnectOptions>()?
        .locking_mode(SqliteLockingMode::Exclusive)
        .journal_mode(SqliteJournalMode::Off)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-524288")
        .connect()
        .await?;
    let head: i64 = sqlx::query_scalar("select position from head").fetch_one(&mut connection).await?;
    let mut tasks = JoinSet::new();
    let mut chunks = feed(head.cast_unsigned()).run(&mut tasks, |chunk| chunk);
    execute(&mut connection, "begin immediate").await?;
    let mut uncommitted = 0;
    while let Some(chunk) = chunks.recv().await {
        insert(&mut connection, chunk).await?;
        uncommitted += 1;
        if uncommitted == 10 {
            execute(&mut connection, "commit").await?;
            execute(&mut connection, "begin immediate").await?;
            uncommitted = 0;
        }
    }
    let totals = tasks.join_next().await.context("nothing was made")???;
    sqlx::query("update head set position = $1").bind(i64::try_from(totals.head)?).execute(&mut connection).await?;
    execute(&mut connection, "commit").await?;
    execute(&mut connection, "pragma synchronous = full").await?;
    execute(&mut connection, "pragma locking_mode = normal").await?;
    execute(&mut connection, "pragma journal_mode = wal").await?;
    connection.close().await?;
    Ok(totals)
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> anyhow::Result<()> {
    let done = sqlx::raw_sql(sql).execute(connection).await;
    done.map(drop).with_context(|| format!("SQLite refused `{sql}`"))
}

async fn insert(connection: &mut SqliteConnection, chunk: Chunk) -> anyhow::Result<()> {
    for rows in split(chunk.events) {
        let sql = statement(EVENTS, 7, rows.len());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in rows {
            let EventRow { position, stream, version, id, kind, time, bytes } = row;
            query = query.bind(position.cast_signed()).bind(stream).bind(version).bind(id).bind(kind);
            query = query.bind(time.timestamp_micros()).bind(bytes);
        }
        query.execute(&mut *connection).await?;
    }
    for rows in split(chunk.commands) {
        let sql = statement(COMMANDS, 8, rows.len());
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for row in rows {
            let CommandRow { id, stream, version, first, events, time } = row;
            query = query.bind(id).bind(PRINCIPAL).bind([7_u8; 32].as_slice()).bind(stream).bind(version);
            query = query.bind(first.cast_signed()).bind(events).bind(time.timestamp_micros());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Into parts of [`ROWS`] and a rest of single rows.
fn split<T>(rows: Vec<T>) -> Vec<Vec<T>> {
    let whole = rows.len() / ROWS;
    let mut rows = rows.into_iter();
    let mut parts: Vec<Vec<T>> = (0..whole).map(|_| rows.by_ref().take(ROWS).collect()).collect();
    parts.extend(rows.map(|row| vec![row]));
    parts
}

/// `insert … values (?,?,?), …`, with so many columns.
fn statement(insert: &str, columns: usize, rows: usize) -> String {
    let mut sql = insert.to_owned();
    let row = format!("({})", vec!["?"; columns].join(","));
    sql.push_str(&vec![row; rows].join(","));
    sql
}
