//! One round trip a batch: one statement if all versions are known, else the function `append_batch` of the migrations.

mod arrays;
mod head;
mod statements;

use std::collections::HashMap;
use std::time::Duration;

use app::port::{Append, Failure, Fingerprint, Lost, NewEvent, Part, Receipt};
use kernel::{CommandId, Position, Version};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};
use uuid::Uuid;

use super::connection::{Place, durability, in_time};
use super::greeting::greet;
use super::rows::read_command;
use crate::backend::{
    Backend, RecordError, Verdict, all_made, batches, key_of, refuse_decided_elsewhere, refuse_elsewhere,
};
use crate::error::OpenError;
use crate::failure::{broken, failure, is_null_violation, is_read_only, is_undone, is_unique_violation};
use crate::incarnation::Incarnation;
use crate::options::Options;
use crate::postgres::upkeep::lost_in;
use crate::record::{events_of, from_sql, made, position_from_sql, position_to_sql, to_sql};
use crate::steps::Steps;
use crate::trial;
use crate::upkeep::STILL_LOST;
use arrays::{Appends, Events, Others};
use head::{HeadPage, Pages};
use statements::{APPEND_BATCH, APPEND_KNOWN, APPEND_ONE};

const OPERATION: &str = "append to the log";

/// What the lanes of one writer share: which log is before them, the versions that are known, and where the head row is.
#[derive(Clone, Debug)]
pub(super) struct Shared {
    incarnation: Incarnation,
    head: HeadPage,
}

impl Shared {
    pub(super) fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, head: HeadPage::default() }
    }
}

/// A connection of the writer.
pub(super) struct PgBackend {
    place: Place,
    connection: Option<PgConnection>,
    /// The incarnation of the log behind the connection.
    number: u64,
    connect_timeout: Duration,
    answer_timeout: Duration,
    shared: Shared,
    steps: Option<Steps<PgConnection>>,
}

impl PgBackend {
    /// With steps around each call, or one statement as the transaction.
    pub(super) fn new(
        place: Place,
        connection: PgConnection,
        options: &Options,
        shared: Shared,
        steps: Option<Steps<PgConnection>>,
    ) -> Self {
        let (connect_timeout, answer_timeout) = (options.acquire_timeout, options.answer_timeout);
        let number = shared.incarnation.number();
        Self { place, connection: Some(connection), number, connect_timeout, answer_timeout, shared, steps }
    }

    /// The connection; a new one is checked like the first, since the server may have been reconfigured.
    async fn connection(&mut self) -> Result<&mut PgConnection, Failure> {
        // Another connection may have met another log meanwhile; then this one leads to an older server.
        let is_current = self.number == self.shared.incarnation.number();
        if let Some(connection) = self.connection.take().filter(|_| is_current) {
            return Ok(self.connection.insert(connection));
        }
        let connecting = self.place.connect(self.connect_timeout).await;
        let mut connection = connecting.map_err(|source| failure(OPERATION, &source))?;
        let found = in_time(self.connect_timeout, durability(&mut connection)).await;
        let found = found.map_err(|source| failure(OPERATION, &source))?;
        if !found.is_enough() {
            return Err(broken(OPERATION, format!("the server is no longer durable: {found}")));
        }
        let met = in_time(self.connect_timeout, greet(&mut connection, &self.shared.incarnation)).await;
        self.number = met.map_err(|source| failure(OPERATION, &source))?;
        Ok(self.connection.insert(connection))
    }
}

impl Backend for PgBackend {
    async fn record(&mut self, batch: &[Append]) -> Result<Vec<Verdict>, RecordError> {
        // What is known is of the log behind the connection: only when there is one it can be said what that is.
        self.connection().await.map_err(RecordError::Undone)?;
        refuse_decided_elsewhere(batch, self.number)?;
        if self.shared.incarnation.known().covers(batch)
            && let Some(verdicts) = self.record_known(batch).await?
        {
            return Ok(verdicts);
        }
        let rows = self.ask(Call::Batch, batch).await.map_err(RecordError::Undone)?;
        let rows = match rows {
            Ok(rows) => rows,
            Err(source) => match lost_in(&source) {
                Some(lost) => return Ok(vec![Verdict::Halted(lost); batch.len()]),
                None => return Err(self.record_error(&source)),
            },
        };
        let verdicts = verdicts(batch, &rows).map_err(RecordError::Lost)?;
        self.saw_all(&verdicts);
        Ok(verdicts)
    }
}

impl PgBackend {
    fn saw_all(&self, verdicts: &[Verdict]) {
        if self.number == self.shared.incarnation.number() {
            self.shared.incarnation.known().saw_all(verdicts);
        }
    }

    /// Records a batch without looking anything up first. `None` if a key existed already, a version was missing, or nothing may be
    /// recorded now: nothing was recorded then.
    async fn record_known(&mut self, batch: &[Append]) -> Result<Option<Vec<Verdict>>, RecordError> {
        let mut pages = self.shared.head.pages();
        loop {
            let is_partial = pages != Pages::ALL;
            match self.ask(Call::Known(pages), batch).await.map_err(RecordError::Undone)? {
                Ok(rows) if is_partial && rows.is_empty() => {}
                Ok(rows) if rows.is_empty() => return Ok(None),
                Err(source) if is_null_violation(&source) => {
                    if !is_partial {
                        return Ok(None);
                    }
                }
                Err(source) if is_unique_violation(&source) => return Ok(None),
                Err(source) => return Err(self.record_error(&source)),
                Ok(rows) => return self.recorded(batch, &rows).map(Some).map_err(RecordError::Lost),
            }
            pages = Pages::ALL;
        }
    }

    /// The verdicts of a batch that was recorded as a whole.
    fn recorded(&self, batch: &[Append], rows: &[PgRow]) -> Result<Vec<Verdict>, Failure> {
        let row = rows.first().ok_or_else(|| broken(OPERATION, "an append gave nothing"))?;
        let base = row.try_get(0).map_err(|source| failure(OPERATION, &source))?;
        self.shared.head.saw(row.try_get(1).map_err(|source| failure(OPERATION, &source))?);
        let verdicts = all_made(batch, position_from_sql(base)?);
        self.saw_all(&verdicts);
        Ok(verdicts)
    }

    /// All rows of a call, so that the end of the transaction has been heard of and not only the rows it made.
    async fn ask(&mut self, call: Call, batch: &[Append]) -> Result<Result<Vec<PgRow>, sqlx::Error>, Failure> {
        let patience = self.answer_timeout;
        self.connection().await?;
        let (connection, steps) = (self.connection.as_mut(), self.steps.as_ref());
        let connection = connection.ok_or_else(|| broken(OPERATION, "a connection that was opened is gone"))?;
        Ok(in_time(patience, call.run(connection, steps, batch)).await)
    }

    /// What an error of a call means for its batch. A connection in doubt is not used again.
    fn record_error(&mut self, source: &sqlx::Error) -> RecordError {
        if is_undone(source) && !is_read_only(source) {
            return RecordError::Undone(failure(OPERATION, source));
        }
        self.connection = None;
        let failure = failure(OPERATION, source);
        if is_undone(source) { RecordError::Undone(failure) } else { RecordError::Lost(failure) }
    }
}

/// How a batch is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// Commands and versions are looked up first.
    Batch,
    /// The keys say whether the batch fits. The head row is looked for on these pages of its table.
    Known(Pages),
}

impl Call {
    async fn run(
        self,
        connection: &mut PgConnection,
        steps: Option<&Steps<PgConnection>>,
        batch: &[Append],
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let Some(steps) = steps else { return self.ask(connection, batch).await };
        (steps.begin)(connection, batch).await?;
        let rows = self.ask(connection, batch).await;
        match &rows {
            Ok(_) => (steps.commit)(connection).await?,
            Err(_) => connection.execute("rollback").await.map(drop)?,
        }
        rows
    }

    async fn ask(self, connection: &mut PgConnection, batch: &[Append]) -> Result<Vec<PgRow>, sqlx::Error> {
        match self {
            Self::Batch => call_function(connection, batch).await,
            Self::Known(pages) => call_known(connection, batch, pages.places()).await,
        }
    }
}

async fn call_known(
    connection: &mut PgConnection,
    batch: &[Append],
    [from, to]: [String; 2],
) -> Result<Vec<PgRow>, sqlx::Error> {
    let looks_back = !trial::is_any_log_the_same();
    if looks_back
        && let [append] = batch
        && let [part] = append.parts.as_slice()
        && let [event] = part.events.as_slice()
    {
        return call_one(connection, append, part, event, [from, to]).await;
    }
    let (appends, others, events) = (Appends::of(batch), Others::of(batch), Events::of(batch));
    let follows = if looks_back { events.follows } else { vec![0; events.follows.len()] };
    sqlx::query(APPEND_KNOWN)
        .bind(appends.commands)
        .bind(appends.requests)
        .bind(appends.streams)
        .bind(appends.versions)
        .bind(appends.firsts)
        .bind(appends.counts)
        .bind(appends.times)
        .bind(events.streams)
        .bind(events.versions)
        .bind(events.ids)
        .bind(events.types)
        .bind(events.times)
        .bind(events.bytes)
        .bind(from)
        .bind(to)
        .bind(others.alsos)
        .bind(follows)
        .bind(appends.principals)
        .fetch_all(connection)
        .await
}

async fn call_function(connection: &mut PgConnection, batch: &[Append]) -> Result<Vec<PgRow>, sqlx::Error> {
    let (appends, others, events) = (Appends::of(batch), Others::of(batch), Events::of(batch));
    sqlx::query(APPEND_BATCH)
        .bind(appends.commands)
        .bind(appends.principals)
        .bind(appends.requests)
        .bind(appends.streams)
        .bind(appends.expecteds)
        .bind(appends.first_counts)
        .bind(appends.times)
        .bind(others.counts)
        .bind(others.alsos)
        .bind(others.appends)
        .bind(others.streams)
        .bind(others.expecteds)
        .bind(events.appends)
        .bind(events.streams)
        .bind(events.versions)
        .bind(events.ids)
        .bind(events.types)
        .bind(events.times)
        .bind(events.bytes)
        .fetch_all(connection)
        .await
}

async fn call_one(
    connection: &mut PgConnection,
    append: &Append,
    part: &Part,
    event: &NewEvent,
    [from, to]: [String; 2],
) -> Result<Vec<PgRow>, sqlx::Error> {
    sqlx::query(APPEND_ONE)
        .bind(append.command.uuid())
        .bind(append.request.to_bytes())
        .bind(part.stream.as_str())
        .bind(to_sql(part.version().0))
        .bind(event.id.uuid())
        .bind(event.kind)
        .bind(event.time)
        .bind(&event.bytes[..])
        .bind(append.at)
        .bind(from)
        .bind(to)
        .bind(&append.principal)
        .fetch_all(connection)
        .await
}

/// Brings lost events back in one transaction, right after `before`. Recording goes on where nothing is `still` lost.
pub(super) async fn bring_back(
    connection: &mut PgConnection,
    mut before: Position,
    appends: &[Append],
    still: Option<Lost>,
) -> Result<(), OpenError> {
    let failed = |source: &sqlx::Error| OpenError::Failure(failure("bring events back", source));
    let mut tx = connection.begin().await.map_err(|source| failed(&source))?;
    // The lock, so that nobody else records anything until this has committed.
    let head: i64 = sqlx::query_scalar("update head set lost_after = null, lost_to = null returning position")
        .fetch_one(&mut *tx)
        .await
        .map_err(OpenError::Head)?;
    if position_from_sql(head)? != before {
        return Err(OpenError::BringBack(format!("the log is at {head}, not at {before}")));
    }
    for batch in batches(appends) {
        let rows = call_function(&mut tx, batch).await.map_err(|source| failed(&source))?;
        refuse_elsewhere(batch, &verdicts(batch, &rows)?, before)?;
        before = Position(before.0 + batch.iter().map(|append| u64::from(events_of(append))).sum::<u64>());
    }
    if let Some(Lost { after, to }) = still {
        let halt = sqlx::query(STILL_LOST);
        let halt = halt.bind(position_to_sql(after)).bind(position_to_sql(to));
        halt.execute(&mut *tx).await.map_err(|source| failed(&source))?;
    }
    tx.commit().await.map_err(|source| failed(&source))
}

/// The rows in the order of the batch.
fn verdicts(batch: &[Append], rows: &[PgRow]) -> Result<Vec<Verdict>, Failure> {
    let mut verdicts = HashMap::with_capacity(rows.len());
    for row in rows {
        let (command, principal): (Uuid, &str) = (get(row, "command")?, get(row, "command_principal")?);
        verdicts.insert((principal, CommandId::new(command)), row);
    }
    let verdict = |append: &Append| {
        let row = verdicts.get(&key_of(append));
        row.map_or_else(|| Err(broken(OPERATION, "append_batch left out a command")), |row| verdict(append, row))
    };
    batch.iter().map(verdict).collect()
}

fn verdict(append: &Append, row: &PgRow) -> Result<Verdict, Failure> {
    match get::<i32>(row, "outcome")? {
        0 => {
            let first: Option<i64> = get(row, "first")?;
            let before = first.map_or(Ok(Position::START), |first| position_from_sql(first - 1))?;
            Ok(Verdict::Made(made(append, before)))
        }
        1 => {
            let (receipt, request): (Receipt, Fingerprint) =
                read_command(row).map_err(|source| failure(OPERATION, &source))?.into_found()?;
            Ok(Verdict::Found(receipt, request))
        }
        _ => {
            let stream: &str = get(row, "command_stream")?;
            let part = append.parts.iter().position(|part| part.stream.as_str() == stream);
            let part = part.ok_or_else(|| broken(OPERATION, "append_batch named a stream of another command"))?;
            Ok(Verdict::Conflict(part, Version(from_sql(get(row, "new_version")?)?)))
        }
    }
}

fn get<'r, T>(row: &'r PgRow, column: &str) -> Result<T, Failure>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|source| failure(OPERATION, &source))
}
