-- Keys of persons, wrapped. An erased person keeps a row without a key, forever.
-- Times are microseconds since 1970, UTC.
create table keys (
    person blob primary key not null,
    wrapped blob,
    wrapping text,
    created_at integer not null,
    erased_at integer,
    check ((wrapped is null) = (erased_at is not null)),
    check ((wrapped is null) = (wrapping is null))
) strict;

create index keys_wrapping on keys (wrapping);

-- The keys under which keys of persons are wrapped, by their public names; never the keys themselves. check_value is a key of nobody, by
-- which start-up notices a wrong key. Under a retired one nothing is wrapped any more, and nothing is ever again.
create table wrapping_keys (
    id text primary key not null,
    check_value blob not null,
    retired_at integer
) strict;
