//! The same batch in steps that a fault trial can come between. No build for production calls this.

use app::fault::{self, Point, Sabotage};
use app::port::Append;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::{Call, call_function};

/// The statement on the function that takes positions from a sequence.
const APPEND_BATCH_BY_SEQUENCE: &str = "select
    command,
    command_request,
    command_stream,
    new_version,
    first,
    event_count,
    outcome
from pg_temp.append_batch_by_sequence($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// The function as it is, and what becomes of it when positions come from a sequence.
const FUNCTION: &str = include_str!("../../../migrations/postgres/log/20261123000100_create_append_batch.sql");
const BY_SEQUENCE: [(&str, &str); 3] = [
    ("function append_batch(", "function pg_temp.append_batch_by_sequence("),
    (
        "update head
    set position = head.position + wanted
    returning head.position - wanted
    into strict base;",
        "select setval('sabotage', nextval('sabotage') + wanted - 1) - wanted into strict base;",
    ),
    (
        "if used < wanted then
        update head
        set position = base + used;
    end if;",
        "update head set position = greatest(head.position, base + used);",
    ),
];

/// Begins, calls, commits: as one call does, with the points of a trial between.
pub(super) async fn in_steps(
    connection: &mut PgConnection,
    call: Call,
    batch: &[Append],
) -> Result<Vec<PgRow>, sqlx::Error> {
    if fault::is_sabotaged(Sabotage::AnswerBeforeCommit) {
        // Of the batch before, which was answered; without one it is a warning.
        connection.execute("commit").await?;
    }
    let by_sequence = fault::is_sabotaged(Sabotage::Sequence);
    if by_sequence {
        make_sequence(connection).await?;
    }
    connection.execute("begin").await?;
    let rows = if by_sequence {
        call_function(APPEND_BATCH_BY_SEQUENCE, connection, batch).await
    } else {
        call.run(connection, batch).await
    };
    fault::point(Point::AppendBeforeCommit);
    match &rows {
        Ok(_) if fault::is_sabotaged(Sabotage::AnswerBeforeCommit) => {}
        Ok(_) => connection.execute("commit").await.map(|_| ())?,
        Err(_) => connection.execute("rollback").await.map(|_| ())?,
    }
    rows
}

/// The function with a sequence instead of the head row, once a connection.
async fn make_sequence(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let made: bool = sqlx::query_scalar("select to_regproc('pg_temp.append_batch_by_sequence') is not null")
        .fetch_one(&mut *connection)
        .await?;
    if made {
        return Ok(());
    }
    let function = BY_SEQUENCE.iter().fold(FUNCTION.to_owned(), |text, (from, to)| text.replace(from, to));
    connection.execute("create sequence if not exists sabotage").await?;
    connection.execute("select setval('sabotage', greatest((select position from head), 1))").await?;
    connection.execute(AssertSqlSafe(function)).await.map(drop)
}
