//! One immediate transaction a batch: look up, decide, insert, move the head.

use std::collections::HashMap;

use app::port::{Append, Failure, Fingerprint, Lost, NewEvent, Part, Receipt};
use futures::future::BoxFuture;
use kernel::{Position, Version};
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::connection::{File, Synchronous, micros};
use super::greeting::greet;
use super::inserts::{chunks, insert};
use super::rows::read_command;
use super::upkeep;
use crate::backend::{Backend, RecordError, Verdict, all_made, batches, refuse_decided_elsewhere, refuse_elsewhere};
use crate::error::OpenError;
use crate::failure::{broken, failure, is_refused_by_trigger, is_unique_violation};
use crate::incarnation::Incarnation;
use crate::record::{also, events_of, from_sql, leading, made, position_from_sql, position_to_sql, to_sql};
use crate::steps::Steps;
use crate::upkeep::STILL_LOST;

const OPERATION: &str = "append to the log";
/// The category of the stream of accepted losses.
const ACCEPTED: &str = "log";
const IS_JSON: &str = "texts can be written as JSON";

/// Per command of the batch: what was recorded under it, the newest version of the stream that it names, the head.
const LOOK_UP: &str = "select
    commands.command_id,
    commands.request,
    commands.stream,
    commands.version,
    commands.first_position,
    commands.events,
    commands.also,
    asked.key as n,
    coalesce((select max(events.version) from events where events.stream = asked.value ->> 1), 0) as newest,
    (select head.position from head) as head
from json_each($1) as asked
left join commands on commands.command_id = unhex(asked.value ->> 0) and commands.principal = asked.value ->> 2";

/// Per other stream of the batch, in order: its newest version.
const LOOK_UP_OTHERS: &str = "select
    coalesce((select max(events.version) from events where events.stream = asked.value), 0)
from json_each($1) as asked
order by asked.key";

const INSERT_EVENTS: &str = "insert into events (position, stream, version, id, type, time, bytes)";
const EVENT_COLUMNS: usize = 7;
const INSERT_COMMANDS: &str =
    "insert into commands (command_id, principal, request, stream, version, first_position, events, also, recorded_at)";
const COMMAND_COLUMNS: usize = 9;

/// The writer's own connection.
pub(super) struct SqliteBackend {
    file: File,
    connection: Option<SqliteConnection>,
    incarnation: Incarnation,
    steps: Steps<SqliteConnection>,
}

/// Where in a transaction an error came up.
enum Step {
    /// Before the commit: the transaction is rolled back.
    Inside(Failure),
    /// A key that was assumed to be new exists, or a version that was assumed to be there does not: the transaction is rolled back.
    Key,
    /// At the commit: it may have happened.
    Commit(Failure),
}

impl SqliteBackend {
    /// With steps in place of its own, if there are any.
    pub(super) fn new(
        file: File,
        connection: SqliteConnection,
        incarnation: Incarnation,
        steps: Option<Steps<SqliteConnection>>,
    ) -> Self {
        Self { file, connection: Some(connection), incarnation, steps: steps.unwrap_or(Steps { begin, commit }) }
    }

    /// The connection, and how its transactions begin and end.
    async fn connection(&mut self) -> Result<(&mut SqliteConnection, &Steps<SqliteConnection>), Failure> {
        let connection = if let Some(connection) = self.connection.take() {
            connection
        } else {
            self.file.connect(Synchronous::Full).await.map_err(|source| failure(OPERATION, &source))?
        };
        Ok((self.connection.insert(connection), &self.steps))
    }

    /// Looks whether this is still the log it was: the file in its place, and nothing gone from its end.
    async fn meet(&mut self) -> Result<(), Failure> {
        self.file.refuse_replaced(OPERATION)?;
        let incarnation = self.incarnation.clone();
        let (connection, _) = self.connection().await?;
        greet(connection, &incarnation).await.map_err(|source| failure(OPERATION, &source))
    }
}

impl Backend for SqliteBackend {
    async fn record(&mut self, batch: &[Append]) -> Result<Vec<Verdict>, RecordError> {
        // What is known is of the log in this file, at this end of it: only now it can be said what that is.
        self.meet().await.map_err(RecordError::Undone)?;
        refuse_decided_elsewhere(batch, self.incarnation.number())?;
        let look_up = if self.incarnation.known().covers(batch) { LookUp::Head } else { LookUp::All };
        let mut recorded = self.record_once(batch, look_up).await;
        if matches!(recorded, Ok(None)) {
            recorded = self.record_once(batch, LookUp::All).await;
        }
        let twice = || RecordError::Undone(broken(OPERATION, "a key that was looked up and did not exist exists"));
        let verdicts = recorded?.ok_or_else(twice)?;
        self.incarnation.known().saw_all(&verdicts);
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
    /// Records a batch in one transaction. `None` if a key existed already: nothing was recorded then.
    async fn record_once(&mut self, batch: &[Append], look_up: LookUp) -> Result<Option<Vec<Verdict>>, RecordError> {
        let (connection, steps) = self.connection().await.map_err(RecordError::Undone)?;
        let begun = (steps.begin)(connection, batch).await;
        begun.map_err(|source| RecordError::Undone(failure(OPERATION, &source)))?;
        let recorded = match record_in_tx(connection, batch, look_up).await {
            Ok(verdicts) => {
                let committed = (steps.commit)(connection).await;
                committed.map(|()| verdicts).map_err(|source| Step::Commit(failure(OPERATION, &source)))
            }
            Err(step) => Err(step),
        };
        match recorded {
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
    let halted = upkeep::lost(connection).await.map_err(|source| Step::Inside(failure(OPERATION, &source)))?;
    if let Some(lost) = halted.filter(|_| !is_acceptance(batch)) {
        return Ok(vec![Verdict::Halted(lost); batch.len()]);
    }
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
            Verdict::Found(..) | Verdict::Conflict(..) | Verdict::Halted(_) => None,
        })
        .collect();
    let written = write(connection, &accepted, before).await;
    written.map_err(|source| match look_up {
        LookUp::Head if is_unique_violation(&source) || is_refused_by_trigger(&source) => Step::Key,
        _ => Step::Inside(failure(OPERATION, &source)),
    })?;
    if halted.is_some() && !accepted.is_empty() {
        execute(connection, "update head set lost_after = null, lost_to = null").await.map_err(Step::Inside)?;
    }
    Ok(verdicts)
}

/// Brings lost events back in one transaction, right after `before`.
pub(super) async fn bring_back(
    connection: &mut SqliteConnection,
    mut before: Position,
    appends: &[Append],
    still: Option<Lost>,
) -> Result<(), OpenError> {
    let failed = |step: Step| match step {
        Step::Inside(failure) | Step::Commit(failure) => OpenError::Failure(failure),
        Step::Key => OpenError::BringBack("one of them is recorded already".to_owned()),
    };
    execute(connection, "begin immediate").await?;
    let head: i64 =
        sqlx::query_scalar("select position from head").fetch_one(&mut *connection).await.map_err(OpenError::Head)?;
    if head != position_to_sql(before) {
        return Err(OpenError::BringBack(format!("the log is at {head}, not at {before}")));
    }
    execute(connection, "update head set lost_after = null, lost_to = null").await?;
    for batch in batches(appends) {
        let verdicts = record_in_tx(connection, batch, LookUp::All).await.map_err(failed)?;
        refuse_elsewhere(batch, &verdicts, before)?;
        before = Position(before.0 + batch.iter().map(|append| u64::from(events_of(append))).sum::<u64>());
    }
    if let Some(Lost { after, to }) = still {
        let halt = sqlx::query(STILL_LOST);
        let halt = halt.bind(position_to_sql(after)).bind(position_to_sql(to));
        halt.execute(&mut *connection).await.map_err(OpenError::Head)?;
    }
    Ok(execute(connection, "commit").await?)
}

/// Whether a batch is the one event that says that a loss is accepted: with it recording goes on.
fn is_acceptance(batch: &[Append]) -> bool {
    matches!(batch, [append] if append.parts.iter().all(|part| part.stream.category() == ACCEPTED))
}

/// Every append is recorded, after the current head.
async fn take(connection: &mut SqliteConnection, batch: &[Append]) -> Result<(Vec<Verdict>, Position), Failure> {
    let head = sqlx::query_scalar("select position from head").fetch_one(connection).await;
    let before = position_from_sql(head.map_err(|source| failure(OPERATION, &source))?)?;
    Ok((all_made(batch, before), before))
}

/// What becomes of each append, and the head before the batch. Positions are given only to accepted appends.
async fn decide(connection: &mut SqliteConnection, batch: &[Append]) -> Result<(Vec<Verdict>, Position), Failure> {
    let rows = sqlx::query(LOOK_UP)
        .bind(asked(batch))
        .fetch_all(&mut *connection)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
    let mut others = newest_of_others(connection, batch).await?.into_iter();
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
        let newest = std::iter::once(Version(from_sql(get(row, "newest")?)?));
        let newest: Vec<Version> = newest.chain(others.by_ref().take(append.parts.len() - 1)).collect();
        let verdict = verdict(append, row, &newest, head)?;
        if let Verdict::Made(receipt) = &verdict {
            head = Position(head.0 + u64::from(receipt.events));
        }
        verdicts.push(verdict);
    }
    Ok((verdicts, before))
}

/// What becomes of an append whose streams have these newest versions.
fn verdict(append: &Append, row: &SqliteRow, newest: &[Version], before: Position) -> Result<Verdict, Failure> {
    if get::<Option<Vec<u8>>>(row, "command_id")?.is_some() {
        let (receipt, request): (Receipt, Fingerprint) =
            read_command(row).map_err(|source| failure(OPERATION, &source))?.into_found()?;
        return Ok(Verdict::Found(receipt, request));
    }
    let stale = append.parts.iter().zip(newest).position(|(part, newest)| part.expected != *newest);
    Ok(stale.map_or_else(|| Verdict::Made(made(append, before)), |part| Verdict::Conflict(part, newest[part])))
}

/// The newest versions of the streams that commands concern beside the one that they name, part by part.
async fn newest_of_others(connection: &mut SqliteConnection, batch: &[Append]) -> Result<Vec<Version>, Failure> {
    let others = batch.iter().flat_map(|append| append.parts.iter().skip(1));
    let streams: Vec<&str> = others.map(|part| part.stream.as_str()).collect();
    if streams.is_empty() {
        return Ok(Vec::new());
    }
    let versions: Vec<i32> = sqlx::query_scalar(LOOK_UP_OTHERS)
        .bind(serde_json::to_string(&streams).expect(IS_JSON))
        .fetch_all(connection)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
    if versions.len() != streams.len() {
        return Err(broken(OPERATION, "the look-up left out a stream"));
    }
    versions.into_iter().map(|version| from_sql(version).map(Version)).collect()
}

/// Commands, the streams that they name, and whose commands they are, as JSON: `[["<hex>", "case-…", "staff-1"], …]`.
fn asked(batch: &[Append]) -> String {
    let mut triples = Vec::with_capacity(batch.len());
    for append in batch {
        let id = append.command.uuid().simple().to_string();
        triples.push((id, leading(append).stream.as_str(), append.principal.as_str()));
    }
    serde_json::to_string(&triples).expect(IS_JSON)
}

async fn write(
    connection: &mut SqliteConnection,
    accepted: &[(&Append, &Receipt)],
    before: Position,
) -> Result<(), sqlx::Error> {
    let parts = accepted.iter().flat_map(|(append, _)| &append.parts);
    let events: Vec<(&Part, Version, &NewEvent)> = parts
        .flat_map(|part| {
            let versions = (part.expected.0 + 1..).map(Version);
            versions.zip(&part.events).map(move |(version, event)| (part, version, event))
        })
        .collect();
    let mut position = before;
    for chunk in chunks(&events) {
        let mut query = sqlx::query(AssertSqlSafe(insert(INSERT_EVENTS, EVENT_COLUMNS, chunk.len(), "")));
        for (part, version, event) in chunk {
            position = position.next();
            query = query
                .bind(position_to_sql(position))
                .bind(part.stream.as_str())
                .bind(to_sql(version.0))
                .bind(event.id.uuid())
                .bind(event.kind)
                .bind(micros(event.time))
                .bind(&event.bytes[..]);
        }
        query.execute(&mut *connection).await?;
    }
    for chunk in chunks(accepted) {
        let mut query = sqlx::query(AssertSqlSafe(insert(INSERT_COMMANDS, COMMAND_COLUMNS, chunk.len(), "")));
        for (append, receipt) in chunk {
            query = query
                .bind(append.command.uuid())
                .bind(&append.principal)
                .bind(append.request.to_bytes())
                .bind(leading(append).stream.as_str())
                .bind(to_sql(leading(append).version().0))
                .bind(receipt.first.map(position_to_sql))
                .bind(to_sql(receipt.events))
                .bind(also(append))
                .bind(micros(append.at));
        }
        query.execute(&mut *connection).await?;
    }
    if position > before {
        sqlx::query("update head set position = $1").bind(position_to_sql(position)).execute(connection).await?;
    }
    Ok(())
}

fn begin<'a>(connection: &'a mut SqliteConnection, _batch: &'a [Append]) -> BoxFuture<'a, Result<(), sqlx::Error>> {
    Box::pin(async move { sqlx::query("begin immediate").execute(connection).await.map(drop) })
}

fn commit(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
    Box::pin(async move { sqlx::query("commit").execute(connection).await.map(drop) })
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
