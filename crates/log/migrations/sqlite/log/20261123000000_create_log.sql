-- The one log. Its readers rely on: position is 1, 2, 3 ... without a gap, in commit order.
-- Times are microseconds since 1970, UTC.

-- One row, moved by every append. While lost_after is not null, nothing is recorded: events after that position, up to lost_to,
-- were recorded once and are gone.
create table head (
    only_row integer primary key check (only_row = 1),
    position integer not null check (position >= 0),
    lost_after integer,
    lost_to integer
) strict;

insert into head (only_row, position) values (1, 0);

-- One row: up to where the streams were found whole, and who may recreate the stream of NATS for now.
create table upkeep (
    only_row integer primary key check (only_row = 1),
    whole_to integer not null default 0,
    rebuilder blob,
    rebuilds_until integer
) strict;

insert into upkeep (only_row) values (1);

-- How far each durable consumer of the stream of NATS has come, by its name: it has acknowledged what was for it up to here.
create table floors (
    consumer text primary key not null,
    position integer not null
) strict, without rowid;

-- bytes is the record; the other columns are for queries.
create table events (
    position integer primary key,
    stream text not null,
    version integer not null check (version > 0),
    id blob not null,
    type text not null,
    time integer not null,
    bytes blob not null,
    unique (stream, version)
) strict;

create trigger events_follow_each_other before insert on events
when new.version > 1 and not exists (
    select 1
    from events
    where events.stream = new.stream and events.version = new.version - 1
)
begin
    select raise(abort, 'a version of a stream is missing before the one that is recorded');
end;

-- What each command did, forever: the same id of the same principal again gets the same answer. request says what was asked: a
-- digest of the command without personal data, and where it had some, their person and a digest keyed with the key of that
-- person. stream is the one that the command names and version
-- its version afterwards. also is null as a rule; it lists the other streams that got events, as JSON: [["case-...",3]].
create table commands (
    command_id blob not null,
    principal text not null,
    request blob not null,
    stream text not null,
    version integer not null,
    first_position integer,
    events integer not null,
    also text,
    recorded_at integer not null,
    primary key (command_id, principal)
) strict, without rowid;

-- For people with the sqlite3 shell.
create view events_readable as
select
    position,
    stream,
    version,
    type,
    strftime('%Y-%m-%dT%H:%M:%fZ', time / 1000000.0, 'unixepoch') as time,
    json(cast(bytes as text)) as event
from events;

create trigger events_are_not_changed before update on events
begin
    select raise(abort, 'events is append-only');
end;

create trigger events_are_not_deleted before delete on events
begin
    select raise(abort, 'events is append-only');
end;

create trigger commands_are_not_changed before update on commands
begin
    select raise(abort, 'commands is append-only');
end;

create trigger commands_are_not_deleted before delete on commands
begin
    select raise(abort, 'commands is append-only');
end;
