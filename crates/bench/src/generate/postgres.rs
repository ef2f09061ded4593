//! Filling a log on PostgreSQL with `copy`: without its indexes, which are made again at the end.

use anyhow::Context as _;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tokio::task::JoinSet;

use super::feed::{Chunk, Feed, PRINCIPAL, Totals};

const COPY_EVENTS: &str = "copy events (position, stream, version, id, type, time, bytes) from stdin (format binary)";
const COPY_COMMANDS: &str = "copy commands (command_id, principal, request, stream, version, first_position, events, recorded_at) \
                             from stdin (format binary)";
/// 2000-01-01, from which PostgreSQL counts, in microseconds since 1970.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// How an index of a table is made again.
struct Index {
    drop: String,
    create: String,
}

/// Fills it with what `feed` gives after the head.
pub(crate) async fn fill(url: &str, feed: impl FnOnce(u64) -> Feed) -> anyhow::Result<Totals> {
    let mut connection = PgConnection::connect(url).await?;
    execute(&mut connection, "set maintenance_work_mem = '512MB'").await?;
    let head: i64 = sqlx::query_scalar("select position from head").fetch_one(&mut connection).await?;
    let indexes = indexes(&mut connection).await?;
    for index in &indexes {
        execute(&mut connection, &index.drop).await?;
    }
    let mut tasks = JoinSet::new();
    let mut chunks = feed(head.cast_unsigned()).run(&mut tasks, |chunk| rows(&chunk));
    let mut others = PgConnection::connect(url).await?;
    let mut events = connection.copy_in_raw(COPY_EVENTS).await?;
    let mut commands = others.copy_in_raw(COPY_COMMANDS).await?;
    events.send(HEADER).await?;
    commands.send(HEADER).await?;
    while let Some((event_rows, command_rows)) = chunks.recv().await {
        events.send(event_rows).await?;
        commands.send(command_rows).await?;
    }
    let totals = tasks.join_next().await.context("nothing was made")???;
    for mut copy in [events, commands] {
        copy.send(TRAILER.as_slice()).await?;
        copy.finish().await?;
    }
    for index in &indexes {
        execute(&mut connection, &index.create).await?;
    }
    sqlx::query("update head set position = $1").bind(i64::try_from(totals.head)?).execute(&mut connection).await?;
    execute(&mut connection, "analyze events, commands").await?;
    Ok(totals)
}

/// Those of `events` and `commands`: constraints first, then others.
async fn indexes(connection: &mut PgConnection) -> anyhow::Result<Vec<Index>> {
    let constraints = sqlx::query(
        "select
            conrelid::regclass::text,
            quote_ident(conname),
            pg_get_constraintdef(oid)
        from pg_constraint
        where conrelid in ('events'::regclass, 'commands'::regclass) and contype in ('p', 'u')",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut indexes = Vec::new();
    for row in constraints {
        let (table, name, definition): (String, String, String) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        indexes.push(Index {
            drop: format!("alter table {table} drop constraint {name}"),
            create: format!("alter table {table} add constraint {name} {definition}"),
        });
    }
    let others = sqlx::query(
        "select
            indexrelid::regclass::text,
            pg_get_indexdef(indexrelid)
        from pg_index
        where indrelid in ('events'::regclass, 'commands'::regclass)
            and not exists (select from pg_constraint where conindid = indexrelid)",
    )
    .fetch_all(connection)
    .await?;
    for row in others {
        let (name, definition): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        indexes.push(Index { drop: format!("drop index {name}"), create: definition });
    }
    Ok(indexes)
}

async fn execute(connection: &mut PgConnection, sql: &str) -> anyhow::Result<()> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await;
    done.map(drop).with_context(|| format!("PostgreSQL refused `{sql}`"))
}

/// The rows of a chunk in the binary format of `copy`: events and commands.
fn rows(chunk: &Chunk) -> (Vec<u8>, Vec<u8>) {
    let bytes: usize = chunk.events.iter().map(|event| event.bytes.len() + 200).sum();
    let mut events = Rows(Vec::with_capacity(bytes));
    for event in &chunk.events {
        events.begin(7);
        events.field(&event.position.to_be_bytes());
        events.field(event.stream.as_bytes());
        events.field(&event.version.to_be_bytes());
        events.field(event.id.as_bytes());
        events.field(event.kind.as_bytes());
        events.field(&(event.time.timestamp_micros() - EPOCH_MICROS).to_be_bytes());
        events.field(&event.bytes);
    }
    let mut commands = Rows(Vec::with_capacity(chunk.commands.len() * 200));
    for command in &chunk.commands {
        commands.begin(8);
        commands.field(command.id.as_bytes());
        commands.field(PRINCIPAL.as_bytes());
        commands.field(&[7; 32]);
        commands.field(command.stream.as_bytes());
        commands.field(&command.version.to_be_bytes());
        commands.field(&command.first.to_be_bytes());
        commands.field(&command.events.to_be_bytes());
        commands.field(&(command.time.timestamp_micros() - EPOCH_MICROS).to_be_bytes());
    }
    (events.0, commands.0)
}

struct Rows(Vec<u8>);

impl Rows {
    fn begin(&mut self, fields: i16) {
        self.0.extend(fields.to_be_bytes());
    }

    fn field(&mut self, bytes: &[u8]) {
        let length = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
        self.0.extend(length.to_be_bytes());
        self.0.extend(bytes);
    }
}
