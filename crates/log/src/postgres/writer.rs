//! One round trip a batch: the function `append_batch` of the migrations, called with arrays.

use std::collections::HashMap;
use std::time::Duration;

use app::fault;
use app::port::{Append, Failure, Receipt};
use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{CommandId, Position, Version};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::connection::{Place, durability, in_time};
use super::read_command;
use crate::failure::{broken, failure, is_undone};
use crate::options::Options;
use crate::record::{from_sql, made, position_from_sql, to_sql};
use crate::writer::{Backend, RecordError, Verdict};

const OPERATION: &str = "append to the log";

const APPEND_BATCH: &str = "select
    command,
    command_request,
    command_stream,
    new_version,
    first,
    event_count,
    outcome
from append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// The writer's own connection.
pub(super) struct PgBackend {
    place: Place,
    connection: Option<PgConnection>,
    connect_timeout: Duration,
    answer_timeout: Duration,
}

impl PgBackend {
    pub(super) fn new(place: Place, connection: PgConnection, options: &Options) -> Self {
        let (connect_timeout, answer_timeout) = (options.acquire_timeout, options.answer_timeout);
        Self { place, connection: Some(connection), connect_timeout, answer_timeout }
    }

    /// The connection; a new one is checked like the first, since the server may have been reconfigured.
    async fn connection(&mut self) -> Result<&mut PgConnection, Failure> {
        if let Some(connection) = self.connection.take() {
            return Ok(self.connection.insert(connection));
        }
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
        let patience = self.answer_timeout;
        let connection = self.connection().await.map_err(RecordError::Undone)?;
        // All rows, so that the end of the transaction has been heard of and not only the rows it made.
        let outcome = if fault::IS_ENABLED {
            in_time(patience, trial::call_in_steps(connection, batch)).await
        } else {
            in_time(patience, call(connection, batch)).await
        };
        match outcome {
            Ok(rows) => verdicts(batch, &rows).map_err(RecordError::Lost),
            Err(source) if is_undone(&source) => Err(RecordError::Undone(failure(OPERATION, &source))),
            Err(source) => {
                self.connection = None;
                Err(RecordError::Lost(failure(OPERATION, &source)))
            }
        }
    }
}

mod trial;

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

async fn call(connection: &mut PgConnection, batch: &[Append]) -> Result<Vec<PgRow>, sqlx::Error> {
    call_function(APPEND_BATCH, connection, batch).await
}

async fn call_function(
    statement: &'static str,
    connection: &mut PgConnection,
    batch: &[Append],
) -> Result<Vec<PgRow>, sqlx::Error> {
    let (mut appends, mut events) = (Appends::default(), Events::default());
    for (n, append) in (1..).zip(batch) {
        appends.commands.push(append.command.uuid());
        appends.requests.push(append.request.as_bytes());
        appends.streams.push(append.stream.as_str());
        appends.expecteds.push(to_sql(append.expected.0));
        appends.counts.push(to_sql(crate::record::count_of(append.events.len())));
        appends.times.push(append.at);
        for (version, event) in (append.expected.0 + 1..).zip(&append.events) {
            events.appends.push(n);
            events.streams.push(append.stream.as_str());
            events.versions.push(to_sql(version));
            events.ids.push(event.id.uuid());
            events.types.push(event.kind);
            events.times.push(event.time);
            events.bytes.push(&event.bytes);
        }
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
