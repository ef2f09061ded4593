//! One immediate transaction a batch: look up, decide, insert, move the head.

use std::collections::HashMap;

use app::fault::{self, Point, Sabotage};
use app::port::{Append, Failure, NewEvent, Receipt};
use kernel::digest::Digest;
use kernel::{Position, Version};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::connection::{File, Synchronous, micros};
use super::read_command;
use super::rows::{chunks, insert};
use crate::failure::{broken, failure, is_unique_violation};
use crate::known::Known;
use crate::record::{from_sql, made, position_from_sql, position_to_sql, to_sql};
use crate::writer::{Backend, RecordError, Verdict, all_made};

const OPERATION: &str = "append to the log";

/// Per command of the batch, in its order: what was recorded under it, the newest version of its stream, the head.
const LOOK_UP: &str = "select
    commands.command_id,
    commands.request,
    commands.stream,
    commands.version,
    commands.first_position,
    commands.events,
    asked.key as n,
    coalesce((select max(events.version) from events where events.stream = asked.value ->> 1), 0) as newest,
    (select head.position from head) as head
from json_each($1) as asked
left join commands on commands.command_id = unhex(asked.value ->> 0)";

const INSERT_EVENTS: &str = "insert into events (position, stream, version, id, type, time, bytes)";
const INSERT_COMMANDS: &str =
    "insert into commands (command_id, request, stream, version, first_position, events, recorded_at)";
const COLUMNS: usize = 7;

/// The writer's own connection.
pub(super) struct SqliteBackend {
    file: File,
    connection: Option<SqliteConnection>,
    known: Known,
}

/// Where in a transaction an error came up.
enum Step {
    /// Before the commit: the transaction is rolled back.
    Inside(Failure),
    /// A key that was taken to be new was there: the transaction is rolled back.
    Key,
    /// At the commit: it may have happened.
    Commit(Failure),
}

impl SqliteBackend {
    pub(super) fn new(file: File, connection: SqliteConnection, known: Known) -> Self {
        Self { file, connection: Some(connection), known }
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, Failure> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            self.known.clear();
            self.file.connect(Synchronous::Full).await.map_err(|source| failure(OPERATION, &source))?
        };
        Ok(self.connection.insert(connection))
    }
}

impl Backend for SqliteBackend {
    async fn record(&mut self, batch: &[Append]) -> Result<Vec<Verdict>, RecordError> {
        let covered = self.known.covers(batch) && !fault::is_sabotaged(Sabotage::Sequence);
        let mut recorded = self.record_once(batch, if covered { LookUp::Head } else { LookUp::All }).await;
        if matches!(recorded, Ok(None)) {
            recorded = self.record_once(batch, LookUp::All).await;
        }
        let twice = || RecordError::Undone(broken(OPERATION, "a key that was looked up and was not there is there"));
        let verdicts = recorded?.ok_or_else(twice)?;
        self.known.saw_all(&verdicts);
        Ok(verdicts)
    }
}

/// What is looked up before a batch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LookUp {
    /// Only the head: the unique keys say whether the rest is as it is known.
    Head,
    /// Commands and versions too.
    All,
}

impl SqliteBackend {
    /// Records a batch in one transaction. None where a key was there already: nothing was recorded then.
    async fn record_once(&mut self, batch: &[Append], look_up: LookUp) -> Result<Option<Vec<Verdict>>, RecordError> {
        let connection = self.connection().await.map_err(RecordError::Undone)?;
        if fault::is_sabotaged(Sabotage::AnswerBeforeCommit) {
            // Of the batch before, which was answered; there is none the first time.
            let _ = execute(connection, "commit").await;
        }
        execute(connection, "begin immediate").await.map_err(RecordError::Undone)?;
        match record_in_tx(connection, batch, look_up).await {
            Ok(verdicts) => Ok(Some(verdicts)),
            Err(Step::Commit(failure)) => {
                self.connection = None;
                Err(RecordError::Lost(failure))
            }
            Err(step) => {
                // SQLite may have rolled back by itself; a connection in doubt is closed, which rolls back too.
                if execute(connection, "rollback").await.is_err() {
                    self.connection = None;
                }
                match step {
                    Step::Key => Ok(None),
                    Step::Inside(failure) | Step::Commit(failure) => Err(RecordError::Undone(failure)),
                }
            }
        }
    }
}

async fn record_in_tx(
    connection: &mut SqliteConnection,
    batch: &[Append],
    look_up: LookUp,
) -> Result<Vec<Verdict>, Step> {
    let decided = match look_up {
        LookUp::Head => take(connection, batch).await,
        LookUp::All => decide(connection, batch).await,
    };
    let (verdicts, before) = decided.map_err(Step::Inside)?;
    let accepted: Vec<(&Append, &Receipt)> = batch
        .iter()
        .zip(&verdicts)
        .filter_map(|(append, verdict)| match verdict {
            Verdict::Made(receipt) => Some((append, receipt)),
            Verdict::Found(..) | Verdict::Conflict(_) => None,
        })
        .collect();
    let written = write(connection, &accepted, before).await;
    written.map_err(|source| match look_up {
        LookUp::Head if is_unique_violation(&source) => Step::Key,
        _ => Step::Inside(failure(OPERATION, &source)),
    })?;
    fault::point(Point::AppendBeforeCommit);
    if !fault::is_sabotaged(Sabotage::AnswerBeforeCommit) {
        execute(connection, "commit").await.map_err(Step::Commit)?;
    }
    Ok(verdicts)
}

/// Every append is made, after the head of now.
async fn take(connection: &mut SqliteConnection, batch: &[Append]) -> Result<(Vec<Verdict>, Position), Failure> {
    let head = sqlx::query_scalar("select position from head").fetch_one(connection).await;
    let before = position_from_sql(head.map_err(|source| failure(OPERATION, &source))?)?;
    Ok((all_made(batch, before), before))
}

/// What becomes of each append, and the head before the batch. Positions are given only to accepted appends.
async fn decide(connection: &mut SqliteConnection, batch: &[Append]) -> Result<(Vec<Verdict>, Position), Failure> {
    let rows = sqlx::query(LOOK_UP)
        .bind(asked(batch))
        .fetch_all(connection)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
    let mut by_number = HashMap::with_capacity(rows.len());
    for row in &rows {
        by_number.insert(get::<i64>(row, "n")?, row);
    }
    let first = rows.first().ok_or_else(|| broken(OPERATION, "the look-up found nothing"))?;
    let before = position_from_sql(get(first, "head")?)?;
    let mut head = before;
    let mut verdicts = Vec::with_capacity(batch.len());
    for (n, append) in (0..).zip(batch) {
        let row = by_number.get(&n).ok_or_else(|| broken(OPERATION, "the look-up left out a command"))?;
        let verdict = verdict(append, row, head)?;
        if let Verdict::Made(receipt) = &verdict {
            head = Position(head.0 + u64::from(receipt.events));
        } else if fault::is_sabotaged(Sabotage::Sequence) {
            head = Position(head.0 + append.events.len() as u64);
        }
        verdicts.push(verdict);
    }
    Ok((verdicts, before))
}

fn verdict(append: &Append, row: &SqliteRow, before: Position) -> Result<Verdict, Failure> {
    if get::<Option<Vec<u8>>>(row, "command_id")?.is_some() {
        let (receipt, request): (Receipt, Digest) =
            read_command(row).map_err(|source| failure(OPERATION, &source))?.into_found()?;
        return Ok(Verdict::Found(receipt, request));
    }
    let newest = Version(from_sql(get(row, "newest")?)?);
    Ok(if newest == append.expected { Verdict::Made(made(append, before)) } else { Verdict::Conflict(newest) })
}

/// Commands and streams as JSON: `[["<hex>", "case-…"], …]`.
fn asked(batch: &[Append]) -> String {
    let pairs: Vec<[String; 2]> = batch
        .iter()
        .map(|append| [append.command.uuid().simple().to_string(), append.stream.as_str().to_owned()])
        .collect();
    serde_json::to_string(&pairs).expect("texts can be written as JSON")
}

async fn write(
    connection: &mut SqliteConnection,
    accepted: &[(&Append, &Receipt)],
    before: Position,
) -> Result<(), sqlx::Error> {
    let events: Vec<(&Append, Version, &NewEvent)> = accepted
        .iter()
        .flat_map(|(append, _)| {
            let versions = (append.expected.0 + 1..).map(Version);
            versions.zip(&append.events).map(|(version, event)| (*append, version, event))
        })
        .collect();
    let mut position = before;
    let given = accepted.iter().find_map(|(_, receipt)| receipt.first);
    if fault::is_sabotaged(Sabotage::Sequence)
        && let Some(first) = given
    {
        position = Position(first.0 - 1);
    }
    for chunk in chunks(&events) {
        let mut query = sqlx::query(AssertSqlSafe(insert(INSERT_EVENTS, COLUMNS, chunk.len(), "")));
        for (append, version, event) in chunk {
            position = position.next();
            query = query
                .bind(position_to_sql(position))
                .bind(append.stream.as_str())
                .bind(to_sql(version.0))
                .bind(event.id.uuid())
                .bind(event.kind)
                .bind(micros(event.time))
                .bind(&event.bytes[..]);
        }
        query.execute(&mut *connection).await?;
    }
    for chunk in chunks(accepted) {
        let mut query = sqlx::query(AssertSqlSafe(insert(INSERT_COMMANDS, COLUMNS, chunk.len(), "")));
        for (append, receipt) in chunk {
            query = query
                .bind(append.command.uuid())
                .bind(&append.request.as_bytes()[..])
                .bind(append.stream.as_str())
                .bind(to_sql(receipt.version.0))
                .bind(receipt.first.map(position_to_sql))
                .bind(to_sql(receipt.events))
                .bind(micros(append.at));
        }
        query.execute(&mut *connection).await?;
    }
    if position > before {
        sqlx::query("update head set position = $1").bind(position_to_sql(position)).execute(connection).await?;
    }
    Ok(())
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), Failure> {
    sqlx::query(sql).execute(connection).await.map(drop).map_err(|source| failure(OPERATION, &source))
}

fn get<'r, T>(row: &'r SqliteRow, column: &str) -> Result<T, Failure>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    row.try_get(column).map_err(|source| failure(OPERATION, &source))
}
