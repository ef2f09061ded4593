-- Keys of persons, wrapped. An erased person keeps a row without a key, forever.
create table keys (
    person uuid primary key,
    wrapped bytea,
    created_at timestamptz not null,
    erased_at timestamptz,
    check ((wrapped is null) = (erased_at is not null))
);

-- A key of nobody, by which start-up notices a wrong wrapping key.
create table wrapping_check (
    only_row boolean primary key default true check (only_row),
    wrapped bytea not null
);
