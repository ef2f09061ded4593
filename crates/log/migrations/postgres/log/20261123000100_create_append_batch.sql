-- Records a batch of appends in one round trip. READ COMMITTED is required: every statement after the first one
-- has to see what was committed before the head row was locked. One statement for all (a CTE) would be wrong, its
-- snapshot is older than the lock.
--
-- Commands and streams are distinct within a batch. Per event, event_appends is the number of its append, from 1.
-- outcome: 0 recorded now, 1 recorded before, 2 the stream is not at the expected version (new_version is the actual).
create function append_batch(
    command_ids uuid[],
    requests bytea[],
    streams text[],
    expecteds integer[],
    event_counts integer[],
    times timestamptz[],
    event_appends integer[],
    event_streams text[],
    event_versions integer[],
    event_ids uuid[],
    event_types text[],
    event_times timestamptz[],
    event_bytes bytea[]
) returns table (
    outcome integer,
    command uuid,
    command_request bytea,
    command_stream text,
    new_version integer,
    first bigint,
    event_count integer
)
language plpgsql
-- Plans must not depend on how many rows there were when the function was first called.
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- The penalty on sequential scans makes the planner think that these statements are worth compiling.
set jit = off
as $$
declare
    wanted constant bigint := cardinality(event_ids);
    used bigint;
    base bigint;
    accepted boolean[];
begin
    -- The lock, in a statement of its own.
    update head
    set position = head.position + wanted
    returning head.position - wanted
    into strict base;

    select array_agg(recorded.command_id is null and coalesce(newest.version, 0) = asked.expected order by asked.n)
    into strict accepted
    from unnest(command_ids, streams, expecteds) with ordinality as asked (command_id, stream, expected, n)
    left join lateral (
        select commands.command_id
        from commands
        where commands.command_id = asked.command_id
        limit 1
    ) as recorded on true
    left join lateral (
        select events.version
        from events
        where events.stream = asked.stream
        order by events.version desc
        limit 1
    ) as newest on true;

    if false = any (accepted) then
        return query
        select
            case when recorded.command_id is null then 2 else 1 end,
            asked.command_id,
            recorded.request,
            coalesce(recorded.stream, asked.stream),
            coalesce(recorded.version, newest.version, 0),
            recorded.first_position,
            coalesce(recorded.events, 0)
        from unnest(command_ids, streams) with ordinality as asked (command_id, stream, n)
        left join lateral (
            select commands.*
            from commands
            where commands.command_id = asked.command_id
            limit 1
        ) as recorded on true
        left join lateral (
            select events.version
            from events
            where events.stream = asked.stream
            order by events.version desc
            limit 1
        ) as newest on true
        where not accepted[asked.n::integer];
    end if;

    insert into events (position, stream, version, id, type, time, bytes)
    select
        base + row_number() over (order by event.n),
        event.stream,
        event.version,
        event.id,
        event.type,
        event.time,
        event.bytes
    from unnest(event_appends, event_streams, event_versions, event_ids, event_types, event_times, event_bytes)
        with ordinality as event (append, stream, version, id, type, time, bytes, n)
    where accepted[event.append];
    get diagnostics used = row_count;

    -- Positions that were not used are given back: none is ever skipped.
    if used < wanted then
        update head
        set position = base + used;
    end if;

    return query
    insert into commands (command_id, request, stream, version, first_position, events, recorded_at)
    select
        asked.command_id,
        asked.request,
        asked.stream,
        asked.expected + asked.event_count,
        case
            when asked.event_count > 0
            then base + sum(asked.event_count) over (order by asked.n) - asked.event_count + 1
        end,
        asked.event_count,
        asked.time
    from unnest(command_ids, requests, streams, expecteds, event_counts, times)
        with ordinality as asked (command_id, request, stream, expected, event_count, time, n)
    where accepted[asked.n::integer]
    returning
        0,
        commands.command_id,
        null::bytea,
        commands.stream,
        commands.version,
        commands.first_position,
        commands.events;
end
$$;
