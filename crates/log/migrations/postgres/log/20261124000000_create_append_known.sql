-- Records a batch of appends of which the caller knows that every stream has its expected version, from having read or
-- written it, and believes that it is the newest and that the commands are new. The unique keys say whether that is so: where
-- it is not, the call fails as a whole with a unique violation, has had no effect, and append_batch decides one by one.
--
-- Every append has at least one event: what inserts nothing could not be refused. Gives the position before the batch.
create function append_known(
    command_ids uuid[],
    requests bytea[],
    streams text[],
    versions integer[],
    firsts integer[],
    event_counts integer[],
    times timestamptz[],
    event_streams text[],
    event_versions integer[],
    event_ids uuid[],
    event_types text[],
    event_times timestamptz[],
    event_bytes bytea[]
) returns bigint
language plpgsql
as $$
declare
    wanted constant bigint := cardinality(event_ids);
    base bigint;
begin
    update head
    set position = head.position + wanted
    returning head.position - wanted
    into strict base;

    insert into events (position, stream, version, id, type, time, bytes)
    select
        base + event.n,
        event.stream,
        event.version,
        event.id,
        event.type,
        event.time,
        event.bytes
    from unnest(event_streams, event_versions, event_ids, event_types, event_times, event_bytes)
        with ordinality as event (stream, version, id, type, time, bytes, n);

    insert into commands (command_id, request, stream, version, first_position, events, recorded_at)
    select
        command.id,
        command.request,
        command.stream,
        command.version,
        base + command.first,
        command.event_count,
        command.time
    from unnest(command_ids, requests, streams, versions, firsts, event_counts, times)
        as command (id, request, stream, version, first, event_count, time);

    return base;
end
$$;
