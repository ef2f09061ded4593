//! The statements of the writer, one round trip each.

/// Looks up commands and versions first.
pub(super) const APPEND_BATCH: &str = "select
    command,
    command_request,
    command_stream,
    new_version,
    first,
    event_count,
    command_also,
    outcome,
    command_principal
from append_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";

/// For a batch whose caller knows that every stream has its expected version, from having read or written it, and assumes that
/// it is the newest and that the commands are new. The unique keys check that: if one assumption is wrong, the statement fails
/// as a whole with a unique violation. Every part must have events: a part that inserts nothing cannot be refused. Returns the
/// position before the batch. `$17` is, for the first event of each part, the version before it, which must exist: where it does not,
/// there is no position for the event, and the statement fails as a whole with a null violation. For the other events it is 0.
///
/// It may be one statement, because it looks nothing up: that its snapshot is older than the lock of the head row does not
/// matter. The arrays are taken apart in lists of columns, side by side: in `from`, PostgreSQL would keep the elements of each
/// array in a store of its own first, which took an eighth of the whole append. An array that is shorter than the others is
/// filled up with nulls, so that the other streams of commands cost nothing where no command has any.
///
/// The head is looked for where it was last ([`super::head::HeadPage`]), and where it is now is returned too. If it is not
/// there, there is no position for the events, and the statement fails as a whole with a null violation.
pub(super) const APPEND_KNOWN: &str = "with head_moved as (
    update head
    set position = head.position + cardinality($10::uuid[])
    where ctid >= $14::text::tid
        and ctid < $15::text::tid
        and lost_after is null
    returning position - cardinality($10::uuid[]) as base, ctid as place
),
event as (
    insert into events (position, stream, version, id, type, time, bytes)
    select
        case
            when event.follows = 0 or (
                select true
                from events
                where events.stream = event.stream and events.version = event.follows
                limit 1
            )
            then (select base from head_moved) + event.n
        end,
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
            unnest($13::bytea[]) as bytes,
            unnest($17::integer[]) as follows
    ) as event
),
command as (
    insert into commands (command_id, principal, request, stream, version, first_position, events, also, recorded_at)
    select
        command.id,
        command.principal,
        command.request,
        command.stream,
        command.version,
        (select base from head_moved) + command.first,
        command.event_count,
        command.also,
        command.time
    from (
        select
            unnest($1::uuid[]) as id,
            unnest($18::text[]) as principal,
            unnest($2::bytea[]) as request,
            unnest($3::text[]) as stream,
            unnest($4::integer[]) as version,
            unnest($5::integer[]) as first,
            unnest($6::integer[]) as event_count,
            unnest($7::timestamptz[]) as time,
            unnest($16::text[]) as also
    ) as command
)
select
    base,
    place::text
from head_moved";

/// The same for one event of one command. Returns nothing, and has no effect, if the head is not there, and fails with a null
/// violation if the version before that of the event does not exist.
pub(super) const APPEND_ONE: &str = "with head_moved as (
    update head
    set position = head.position + 1
    where ctid >= $10::text::tid
        and ctid < $11::text::tid
        and lost_after is null
    returning position, ctid as place
),
event as (
    insert into events (position, stream, version, id, type, time, bytes)
    select
        case
            when $4 = 1 or (
                select true
                from events
                where events.stream = $3 and events.version = $4 - 1
                limit 1
            )
            then position
        end,
        $3,
        $4,
        $5,
        $6,
        $7,
        $8
    from head_moved
),
command as (
    insert into commands (command_id, principal, request, stream, version, first_position, events, recorded_at)
    select
        $1,
        $12,
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
    use crate::migrations::POSTGRES_LOG;
    use crate::options::Options;
    use crate::postgres::connection::Place;

    /// How PostgreSQL executes it.
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
        let place = Place::parse(&url, &Options::default().tls).unwrap().for_writing();
        let mut connection = place.connect(Options::default().acquire_timeout).await.unwrap();
        POSTGRES_LOG.run_on_postgres(&mut connection).await.unwrap();
        for (statement, parameters) in [(APPEND_KNOWN, 18), (APPEND_ONE, 12)] {
            let plan = plan(&mut connection, statement, parameters).await;
            assert!(plan.contains("Tid Range Scan on head"), "{plan}");
            assert!(!plan.contains("Seq Scan") && !plan.contains("Function Scan"), "{plan}");
        }
    }
}
