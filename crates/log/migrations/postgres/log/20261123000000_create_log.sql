-- The one log. Its readers rely on: position is 1, 2, 3 ... without a gap, in commit order.

-- PostgreSQL reads and plans a check constraint anew in each statement that it applies to, and opens the index of a primary
-- key. What they would guard in head is guarded by a domain, which is planned once, and by a trigger that no update fires.
create domain log_position as bigint constraint log_position_check check (value >= 0);

-- One row. Every append locks it first, so that appends commit one after the other. While lost_after is not null, nothing is
-- recorded: events after that position, up to lost_to, were recorded once and are gone.
create table head (
    position log_position not null,
    lost_after bigint,
    lost_to bigint
) with (fillfactor = 10);

insert into head (position) values (0);

-- Without it, a publication of all tables would refuse every append.
alter table head replica identity full;

create function refuse_another_head() returns trigger
language plpgsql
as $$
begin
    raise exception 'head is one row, which only counts' using errcode = 'object_not_in_prerequisite_state';
end
$$;

create trigger head_is_one_row
before insert or delete or truncate on head
for each statement execute function refuse_another_head();

-- One row: up to where the streams were found whole, and who may recreate the stream of NATS for now.
create table upkeep (
    only_row boolean primary key default true check (only_row),
    whole_to bigint not null default 0,
    rebuilder uuid,
    rebuilds_until timestamptz
);

insert into upkeep default values;

-- How far each durable consumer of the stream of NATS has come, by its name: it has acknowledged what was for it up to here.
create table floors (
    consumer text collate "C" primary key,
    position bigint not null
);

-- bytes is the record; the other columns are for queries.
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

-- What each command did, forever: the same id of the same principal again gets the same answer. request says what was asked: a
-- digest of the command without personal data, and where it had some, their person and a digest keyed with the key of that
-- person. stream is the one that the command names and version
-- its version afterwards. also is null as a rule; it lists the other streams that got events, as JSON: [["case-...",3]].
create table commands (
    command_id uuid not null,
    principal text collate "C" not null,
    request bytea not null,
    stream text collate "C" not null,
    version integer not null,
    first_position bigint,
    events integer not null,
    also text,
    recorded_at timestamptz not null,
    primary key (command_id, principal)
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

-- For whoever writes by hand. Appends look for the version before by themselves and set dualgrid.appends, so that they pay for the
-- condition and not for the function.
create function refuse_hole() returns trigger
language plpgsql
as $$
begin
    if not exists (
        select
        from events
        where events.stream = new.stream and events.version = new.version - 1
    ) then
        raise exception 'a version of a stream is missing before the one that is recorded'
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    return new;
end
$$;

create trigger events_follow_each_other
before insert on events
for each row
when (new.version > 1 and current_setting('dualgrid.appends', true) is distinct from 'on')
execute function refuse_hole();

create trigger commands_are_append_only
before update or delete or truncate on commands
for each statement execute function refuse_change();
