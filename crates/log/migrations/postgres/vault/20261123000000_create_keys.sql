-- The keys under which keys of persons are wrapped, by their public names; never the keys themselves. check_value is a key of nobody, by
-- which start-up notices a wrong key. Under a retired one nothing is wrapped any more, and nothing is ever again.
create table wrapping_keys (
    id text collate "C" primary key,
    check_value bytea not null,
    retired_at timestamptz
);

-- Keys of persons, wrapped. An erased person keeps a row without a key, forever. Whoever runs dualgrid is not the owner, and may not vacuum:
-- autovacuum comes by for each row that was changed.
create table keys (
    person uuid primary key,
    wrapped bytea,
    wrapping text collate "C" references wrapping_keys,
    created_at timestamptz not null,
    erased_at timestamptz,
    check ((wrapped is null) = (erased_at is not null)),
    check ((wrapped is null) = (wrapping is null))
) with (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);

create index keys_wrapping on keys (wrapping);
