-- PostgreSQL reads and plans a check constraint anew in each statement that it applies to, and opens the index of a primary
-- key. What they guard in head is guarded by a domain, which is planned once, and by a trigger that no update fires.

-- Whoever reads head for long, as pg_dump does, would have this wait, and every append behind it. Then the start fails, and the
-- next one tries again.
set local lock_timeout = '5s';

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
