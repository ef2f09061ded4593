-- Keys of persons, wrapped. An erased person keeps a row without a key, forever.
-- Times are microseconds since 1970, UTC.
create table keys (
    person blob primary key not null,
    wrapped blob,
    created_at integer not null,
    erased_at integer,
    check ((wrapped is null) = (erased_at is not null))
) strict;

-- A key of nobody, by which start-up notices a wrong wrapping key.
create table wrapping_check (
    only_row integer primary key check (only_row = 1),
    wrapped blob not null
) strict;
