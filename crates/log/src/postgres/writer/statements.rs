//! What the writer asks the database, in one round trip each.

/// Looks up, for each append, what is there.
pub(super) const APPEND_BATCH: &str = "select
    command,
    command_request,
    command_stream,
    new_version,
    first,
    event_count,
    outcome
from append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";

/// A batch of which the caller knows that every stream has its expected version, from having read or written it, and believes
/// that it is the newest and that the commands are new. The unique keys say whether that is so: where it is not, the statement
/// fails as a whole with a unique violation. Gives the position before the batch.
///
/// It may be one statement, because it looks nothing up: that its snapshot is older than the lock of the head row does not
/// matter. The arrays are taken apart in lists of columns, side by side: in `from`, PostgreSQL would keep the elements of each
/// array in a store of its own first, which took an eighth of the whole append.
///
/// The head is looked for where it was last ([`super::head::HeadPage`]), and where it is now is given as well. If it is not
/// there, there is no position for the events, and the statement fails as a whole with a null violation.
pub(super) const APPEND_KNOWN: &str = "with head_moved as (
    update head
    set position = head.position + cardinality($10::uuid[])
    where ctid >= $14::text::tid
        and ctid < $15::text::tid
    returning position - cardinality($10::uuid[]) as base, ctid as place
),
event as (
    insert into events (position, stream, version, id, type, time, bytes)
    select
        (select base from head_moved) + event.n,
        event.stream,
        event.version,
        event.id,
        event.type,
        event.time,
        event.bytes
    from (
        select
            generate_subscripts($10::uuid[], 1) as n,
            unnest($8::text[]) as stream,
            unnest($9::integer[]) as version,
            unnest($10::uuid[]) as id,
            unnest($11::text[]) as type,
            unnest($12::timestamptz[]) as time,
            unnest($13::bytea[]) as bytes
    ) as event
),
command as (
    insert into commands (command_id, request, stream, version, first_position, events, recorded_at)
    select
        command.id,
        command.request,
        command.stream,
        command.version,
        (select base from head_moved) + command.first,
        command.event_count,
        command.time
    from (
        select
            unnest($1::uuid[]) as id,
            unnest($2::bytea[]) as request,
            unnest($3::text[]) as stream,
            unnest($4::integer[]) as version,
            unnest($5::integer[]) as first,
            unnest($6::integer[]) as event_count,
            unnest($7::timestamptz[]) as time
    ) as command
)
select
    base,
    place::text
from head_moved";

/// The same of one event of one command. Gives nothing, and has had no effect, where the head is not there.
pub(super) const APPEND_ONE: &str = "with head_moved as (
    update head
    set position = head.position + 1
    where ctid >= $10::text::tid
        and ctid < $11::text::tid
    returning position, ctid as place
),
event as (
    insert into events (position, stream, version, id, type, time, bytes)
    select
        position,
        $3,
        $4,
        $5,
        $6,
        $7,
        $8
    from head_moved
),
command as (
    insert into commands (command_id, request, stream, version, first_position, events, recorded_at)
    select
        $1,
        $2,
        $3,
        $4,
        position,
        1,
        $9
    from head_moved
)
select
    position - 1,
    place::text
from head_moved";

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
    use testkit::postgres::Postgres;

    use super::*;
    use crate::options::Options;
    use crate::postgres::{PgLog, writing};

    /// How PostgreSQL does it.
    async fn plan(connection: &mut PgConnection, statement: &str, parameters: usize) -> String {
        let nulls = vec!["null"; parameters].join(", ");
        connection.execute(AssertSqlSafe(format!("prepare asked as {statement}"))).await.unwrap();
        let explain = format!("explain execute asked({nulls})");
        let lines: Vec<String> = sqlx::query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *connection).await.unwrap();
        connection.execute("deallocate asked").await.unwrap();
        lines.join("\n")
    }

    #[tokio::test]
    async fn an_append_looks_for_the_head_by_its_place_and_keeps_no_array() {
        let url = Postgres::shared().await.unwrap().create_database().await.unwrap();
        let options = Options::default();
        PgLog::connect(&url, &options).await.unwrap();
        let mut connection = writing(&url).unwrap().connect(options.acquire_timeout).await.unwrap();
        for (statement, parameters) in [(APPEND_KNOWN, 15), (APPEND_ONE, 11)] {
            let plan = plan(&mut connection, statement, parameters).await;
            assert!(plan.contains("Tid Range Scan on head"), "{plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("Function Scan"), "{plan}");
        }
    }
}
