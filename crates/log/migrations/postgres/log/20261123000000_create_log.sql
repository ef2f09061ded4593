-- The one log. Its readers rely on: position is 1, 2, 3 ... without a gap, in commit order.

-- One row. Every append locks it first, so that appends commit one after the other.
create table head (
    only_row boolean primary key default true check (only_row),
    position bigint not null check (position >= 0)
) with (fillfactor = 10);

insert into head (position) values (0);

-- bytes is the record; the other columns are what is asked for.
create table events (
    position bigint primary key,
    stream text collate "C" not null,
    version integer not null check (version > 0),
    id uuid not null,
    type text collate "C" not null,
    time timestamptz not null,
    bytes bytea not null,
    unique (stream, version)
);

-- What each command did, for ever: the same id again gets the same answer.
create table commands (
    command_id uuid primary key,
    request bytea not null,
    stream text collate "C" not null,
    version integer not null,
    first_position bigint,
    events integer not null,
    recorded_at timestamptz not null
);

-- For people with psql.
create view events_readable as
select
    position,
    stream,
    version,
    type,
    time,
    convert_from(bytes, 'UTF8')::json as event
from events;

create function refuse_change() returns trigger
language plpgsql
as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'object_not_in_prerequisite_state';
end
$$;

create trigger events_are_append_only
before update or delete or truncate on events
for each statement execute function refuse_change();

create trigger commands_are_append_only
before update or delete or truncate on commands
for each statement execute function refuse_change();
