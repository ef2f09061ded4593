-- PostgreSQL reads and plans a check constraint anew in each statement that it applies to, and opens the index of a primary
-- key: for an append of one event, an eighth of all that it computes. What they guard is guarded by domains, which are
-- planned once, and by a trigger that no update fires.
create domain log_position as bigint constraint log_position_check check (value >= 0);

alter table head
    drop constraint head_only_row_check,
    drop constraint head_position_check,
    drop constraint head_pkey,
    alter column position type log_position;

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

-- The constraint comes after the column has the domain: so the table is read once, and not written anew.
create domain stream_version as integer;

drop view events_readable;

alter table events
    drop constraint events_version_check,
    alter column version type stream_version;

alter domain stream_version add constraint stream_version_check check (value > 0);

create view events_readable as
select
    position,
    stream,
    version,
    type,
    time,
    convert_from(bytes, 'UTF8')::json as event
from events;
