//! One round trip a batch: one statement where what is there is known, else the function `append_batch` of the migrations.
//! Both are called with arrays.

mod head;
mod statements;
mod trial;

use std::collections::HashMap;
use std::time::Duration;

use app::fault::{self, Sabotage};
use app::port::{Append, Failure, NewEvent, Receipt};
use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{CommandId, Position, Version};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _, SqlSafeStr};
use uuid::Uuid;

use super::connection::{Place, durability, in_time};
use super::read_command;
use crate::failure::{broken, failure, is_null_violation, is_undone, is_unique_violation};
use crate::known::Known;
use crate::options::Options;
use crate::record::{from_sql, made, position_from_sql, to_sql};
use crate::writer::{Backend, RecordError, Verdict, all_made};
pub(super) use head::HeadPage;
use head::Pages;
use statements::{APPEND_BATCH, APPEND_KNOWN, APPEND_ONE};

const OPERATION: &str = "append to the log";

/// The writer's own connection.
pub(super) struct PgBackend {
    place: Place,
    connection: Option<PgConnection>,
    connect_timeout: Duration,
    answer_timeout: Duration,
    known: Known,
    head: HeadPage,
}

impl PgBackend {
    /// With what the lanes of one writer share: the versions that are known, and where the head row is.
    pub(super) fn new(
        place: Place,
        connection: PgConnection,
        options: &Options,
        (known, head): (Known, HeadPage),
    ) -> Self {
        let (connect_timeout, answer_timeout) = (options.acquire_timeout, options.answer_timeout);
        Self { place, connection: Some(connection), connect_timeout, answer_timeout, known, head }
    }

    /// The connection; a new one is checked like the first, since the server may have been reconfigured.
    async fn connection(&mut self) -> Result<&mut PgConnection, Failure> {
        if let Some(connection) = self.connection.take() {
            return Ok(self.connection.insert(connection));
        }
        self.known.clear();
        let connecting = self.place.connect(self.connect_timeout).await;
        let mut connection = connecting.map_err(|source| failure(OPERATION, &source))?;
        let found = in_time(self.connect_timeout, durability(&mut connection)).await;
        let found = found.map_err(|source| failure(OPERATION, &source))?;
        if !found.is_enough() {
            return Err(broken(OPERATION, format!("the server is no longer durable: {found}")));
        }
        Ok(self.connection.insert(connection))
    }
}

impl Backend for PgBackend {
    async fn record(&mut self, batch: &[Append]) -> Result<Vec<Verdict>, RecordError> {
        let covered = self.known.covers(batch) && !fault::is_sabotaged(Sabotage::Sequence);
        if covered && let Some(verdicts) = self.record_known(batch).await? {
            return Ok(verdicts);
        }
        let rows = self.ask(Call::Batch, batch).await.map_err(RecordError::Undone)?;
        let rows = rows.map_err(|source| self.record_error(&source))?;
        let verdicts = verdicts(batch, &rows).map_err(RecordError::Lost)?;
        self.known.saw_all(&verdicts);
        Ok(verdicts)
    }
}

impl PgBackend {
    /// Records a batch without looking anything up first. None where a key was there already: nothing was recorded then.
    async fn record_known(&mut self, batch: &[Append]) -> Result<Option<Vec<Verdict>>, RecordError> {
        let mut pages = self.head.pages();
        loop {
            let is_partial = pages != Pages::ALL;
            match self.ask(Call::Known(pages), batch).await.map_err(RecordError::Undone)? {
                Ok(rows) if is_partial && rows.is_empty() => {}
                Err(source) if is_partial && is_null_violation(&source) => {}
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
        self.head.saw(row.try_get(1).map_err(|source| failure(OPERATION, &source))?);
        let verdicts = all_made(batch, position_from_sql(base)?);
        self.known.saw_all(&verdicts);
        Ok(verdicts)
    }

    /// All rows of a call, so that the end of the transaction has been heard of and not only the rows it made.
    async fn ask(&mut self, call: Call, batch: &[Append]) -> Result<Result<Vec<PgRow>, sqlx::Error>, Failure> {
        let patience = self.answer_timeout;
        let connection = self.connection().await?;
        Ok(if fault::IS_ENABLED {
            in_time(patience, trial::in_steps(connection, call, batch)).await
        } else {
            in_time(patience, call.run(connection, batch)).await
        })
    }

    /// What an error of a call means for its batch. A connection in doubt is not used again.
    fn record_error(&mut self, source: &sqlx::Error) -> RecordError {
        if is_undone(source) {
            return RecordError::Undone(failure(OPERATION, source));
        }
        self.connection = None;
        RecordError::Lost(failure(OPERATION, source))
    }
}

/// How a batch is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    /// What is there is looked up first.
    Batch,
    /// The keys say whether it fits. The head row is looked for on these pages of its table.
    Known(Pages),
}

impl Call {
    async fn run(self, connection: &mut PgConnection, batch: &[Append]) -> Result<Vec<PgRow>, sqlx::Error> {
        match self {
            Self::Batch => call_function(APPEND_BATCH, connection, batch).await,
            Self::Known(pages) => call_known(connection, batch, pages.places()).await,
        }
    }
}

/// Per append: command, request, stream, expected version, number of events, time.
#[derive(Default)]
struct Appends<'a> {
    commands: Vec<Uuid>,
    requests: Vec<&'a [u8]>,
    streams: Vec<&'a str>,
    expecteds: Vec<i32>,
    counts: Vec<i32>,
    times: Vec<DateTime<Utc>>,
}

/// Per event: number of its append from 1, stream, version, id, type, time, bytes.
#[derive(Default)]
struct Events<'a> {
    appends: Vec<i32>,
    streams: Vec<&'a str>,
    versions: Vec<i32>,
    ids: Vec<Uuid>,
    types: Vec<&'a str>,
    times: Vec<DateTime<Utc>>,
    bytes: Vec<&'a [u8]>,
}

impl<'a> Appends<'a> {
    fn push(&mut self, append: &'a Append) {
        self.commands.push(append.command.uuid());
        self.requests.push(append.request.as_bytes());
        self.streams.push(append.stream.as_str());
        self.expecteds.push(to_sql(append.expected.0));
        self.counts.push(to_sql(crate::record::count_of(append.events.len())));
        self.times.push(append.at);
    }
}

impl<'a> Events<'a> {
    fn push(&mut self, append: &'a Append, n: i32) {
        for (version, event) in (append.expected.0 + 1..).zip(&append.events) {
            self.appends.push(n);
            self.streams.push(append.stream.as_str());
            self.versions.push(to_sql(version));
            self.ids.push(event.id.uuid());
            self.types.push(event.kind);
            self.times.push(event.time);
            self.bytes.push(&event.bytes);
        }
    }
}

async fn call_known(
    connection: &mut PgConnection,
    batch: &[Append],
    [from, to]: [String; 2],
) -> Result<Vec<PgRow>, sqlx::Error> {
    if let [append] = batch
        && let [event] = append.events.as_slice()
    {
        return call_one(connection, append, event, [from, to]).await;
    }
    let (mut appends, mut events) = (Appends::default(), Events::default());
    let mut firsts = Vec::with_capacity(batch.len());
    for append in batch {
        firsts.push(to_sql(crate::record::count_of(events.ids.len())) + 1);
        appends.push(append);
        // The version after it, not the one before.
        let count = to_sql(crate::record::count_of(append.events.len()));
        appends.expecteds.last_mut().into_iter().for_each(|version| *version += count);
        events.push(append, 0);
    }
    sqlx::query(APPEND_KNOWN)
        .bind(appends.commands)
        .bind(appends.requests)
        .bind(appends.streams)
        .bind(appends.expecteds)
        .bind(firsts)
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
        .fetch_all(connection)
        .await
}

async fn call_function(
    statement: impl SqlSafeStr,
    connection: &mut PgConnection,
    batch: &[Append],
) -> Result<Vec<PgRow>, sqlx::Error> {
    let (mut appends, mut events) = (Appends::default(), Events::default());
    for (n, append) in (1..).zip(batch) {
        appends.push(append);
        events.push(append, n);
    }
    sqlx::query(statement)
        .bind(appends.commands)
        .bind(appends.requests)
        .bind(appends.streams)
        .bind(appends.expecteds)
        .bind(appends.counts)
        .bind(appends.times)
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
    event: &NewEvent,
    [from, to]: [String; 2],
) -> Result<Vec<PgRow>, sqlx::Error> {
    sqlx::query(APPEND_ONE)
        .bind(append.command.uuid())
        .bind(&append.request.as_bytes()[..])
        .bind(append.stream.as_str())
        .bind(to_sql(append.expected.0 + 1))
        .bind(event.id.uuid())
        .bind(event.kind)
        .bind(event.time)
        .bind(&event.bytes[..])
        .bind(append.at)
        .bind(from)
        .bind(to)
        .fetch_all(connection)
        .await
}

/// The rows in the order of the batch.
fn verdicts(batch: &[Append], rows: &[PgRow]) -> Result<Vec<Verdict>, Failure> {
    let mut verdicts = HashMap::with_capacity(rows.len());
    for row in rows {
        let command: Uuid = get(row, "command")?;
        verdicts.insert(CommandId::new(command), row);
    }
    let verdict = |append: &Append| {
        let row = verdicts.get(&append.command);
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
            let (receipt, request): (Receipt, Digest) =
                read_command(row).map_err(|source| failure(OPERATION, &source))?.into_found()?;
            Ok(Verdict::Found(receipt, request))
        }
        _ => Ok(Verdict::Conflict(Version(from_sql(get(row, "new_version")?)?))),
    }
}

fn get<'r, T>(row: &'r PgRow, column: &str) -> Result<T, Failure>
where
    T: sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    row.try_get(column).map_err(|source| failure(OPERATION, &source))
}
