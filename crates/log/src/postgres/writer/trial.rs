//! The same batch in steps that a fault trial can come between. No build for production calls this.

use app::fault::{self, Point, Sabotage};
use app::port::Append;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

use super::statements::APPEND_BATCH;
use super::{Call, call_function};

/// The function as it is, and what becomes of it, and of the statement that calls it, when positions come from a sequence.
const FUNCTION: &str = include_str!("../../../migrations/postgres/log/20261123000100_create_append_batch.sql");
const BY_SEQUENCE: [(&str, &str); 3] = [
    (" append_batch(", " pg_temp.append_batch_by_sequence("),
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
        call_function(AssertSqlSafe(by_sequence_of(APPEND_BATCH)), connection, batch).await
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
    connection.execute("create sequence if not exists sabotage").await?;
    connection.execute("select setval('sabotage', greatest((select position from head), 1))").await?;
    connection.execute(AssertSqlSafe(by_sequence_of(FUNCTION))).await.map(drop)
}

fn by_sequence_of(text: &str) -> String {
    BY_SEQUENCE.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}
