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
/// matter. The head is asked for where the first event needs its position, after the arrays were taken apart: that is done
/// while another batch holds the lock.
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
    from unnest($8::text[], $9::integer[], $10::uuid[], $11::text[], $12::timestamptz[], $13::bytea[])
        with ordinality as event (stream, version, id, type, time, bytes, n)
    returning 1
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
    from unnest($1::uuid[], $2::bytea[], $3::text[], $4::integer[], $5::integer[], $6::integer[], $7::timestamptz[])
        as command (id, request, stream, version, first, event_count, time)
)
select
    (select base from head_moved),
    (select place from head_moved)::text
from (select count(*) from event) as recorded";

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
)
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
returning
    first_position - 1,
    (select place from head_moved)::text";
