-- Records a batch of appends in one round trip. READ COMMITTED is required: every statement after the first one
-- must see what was committed before the head row was locked. One statement for all (a CTE) would be wrong, its
-- snapshot is older than the lock.
--
-- Commands are distinct within a batch, and a stream that one append writes is in no other append: what is looked up before
-- the first event is inserted is right for all of them.
--
-- Per append: streams, expecteds and event_counts are of its first part; other_counts (events of its other parts) and alsos
-- are empty where no append of the batch has other parts. Per other part: other_appends is the number of its append, from 1.
-- Per event: event_appends is the number of its append.
-- outcome: 0 recorded now, 1 recorded before, 2 a stream is not at the expected version (command_stream is the first such
-- stream and new_version its actual version).
create function append_batch(
    command_ids uuid[],
    principals text[],
    requests bytea[],
    streams text[],
    expecteds integer[],
    event_counts integer[],
    times timestamptz[],
    other_counts integer[],
    alsos text[],
    other_appends integer[],
    other_streams text[],
    other_expecteds integer[],
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
    event_count integer,
    command_also text,
    command_principal text
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
    halted_after bigint;
    halted_to bigint;
    accepted boolean[];
    -- The first other part of an append that is not at its expected version, and that version. Null where there is none.
    stale_streams text[];
    stale_versions integer[];
begin
    -- The lock, in a statement of its own.
    update head
    set position = head.position + wanted
    returning head.position - wanted, head.lost_after, head.lost_to
    into strict base, halted_after, halted_to;

    -- Only an event that says that the loss is accepted, alone in its batch, lets recording go on.
    if halted_after is not null and not (cardinality(streams) = 1 and streams[1] like 'log-%') then
        raise exception 'lost % %', halted_after, halted_to using errcode = 'DG001';
    end if;

    select array_agg(recorded.command_id is null and coalesce(newest.version, 0) = asked.expected order by asked.n)
    into strict accepted
    from unnest(command_ids, principals, streams, expecteds)
        with ordinality as asked (command_id, principal, stream, expected, n)
    left join lateral (
        select commands.command_id
        from commands
        where commands.command_id = asked.command_id and commands.principal = asked.principal
        limit 1
    ) as recorded on true
    left join lateral (
        select events.version
        from events
        where events.stream = asked.stream
        order by events.version desc
        limit 1
    ) as newest on true;

    if cardinality(other_streams) > 0 then
        select
            array_agg(accepted[asked.n] and stale.stream is null order by asked.n),
            array_agg(stale.stream order by asked.n),
            array_agg(stale.version order by asked.n)
        into strict accepted, stale_streams, stale_versions
        from generate_subscripts(command_ids, 1) as asked (n)
        left join (
            select distinct on (other.append)
                other.append,
                other.stream,
                coalesce(newest.version, 0) as version
            from unnest(other_appends, other_streams, other_expecteds)
                with ordinality as other (append, stream, expected, n)
            left join lateral (
                select events.version
                from events
                where events.stream = other.stream
                order by events.version desc
                limit 1
            ) as newest on true
            where coalesce(newest.version, 0) <> other.expected
            order by other.append, other.n
        ) as stale on stale.append = asked.n;
    end if;

    if false = any (accepted) then
        return query
        select
            case when recorded.command_id is null then 2 else 1 end,
            asked.command_id,
            recorded.request,
            case
                when recorded.command_id is not null then recorded.stream
                when coalesce(newest.version, 0) <> asked.expected then asked.stream
                else stale_streams[asked.n::integer]
            end,
            case
                when recorded.command_id is not null then recorded.version
                when coalesce(newest.version, 0) <> asked.expected then coalesce(newest.version, 0)
                else stale_versions[asked.n::integer]
            end,
            recorded.first_position,
            coalesce(recorded.events, 0),
            recorded.also,
            asked.principal
        from unnest(command_ids, principals, streams, expecteds)
        with ordinality as asked (command_id, principal, stream, expected, n)
        left join lateral (
            select commands.*
            from commands
            where commands.command_id = asked.command_id and commands.principal = asked.principal
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

    if halted_after is not null and used > 0 then
        update head
        set lost_after = null, lost_to = null;
    end if;

    return query
    insert into commands (command_id, principal, request, stream, version, first_position, events, also, recorded_at)
    select
        asked.command_id,
        asked.principal,
        asked.request,
        asked.stream,
        asked.expected + asked.event_count,
        case
            when asked.events > 0
            then base + sum(asked.events) over (order by asked.n) - asked.events + 1
        end,
        asked.events,
        asked.also,
        asked.time
    from (
        select
            appended.*,
            appended.event_count + coalesce(appended.other_count, 0) as events
        from unnest(command_ids, principals, requests, streams, expecteds, event_counts, times, other_counts, alsos)
            with ordinality
            as appended (command_id, principal, request, stream, expected, event_count, time, other_count, also, n)
    ) as asked
    where accepted[asked.n::integer]
    returning
        0,
        commands.command_id,
        null::bytea,
        commands.stream,
        commands.version,
        commands.first_position,
        commands.events,
        null::text,
        commands.principal;
end
$$;
