-- Register of the builds of views: one row a build, at most one active build a view. The tables of a build are named after its
-- view and its number: rows in `view_NAME_NUMBER`, the entries by which they are found in `view_NAME_NUMBER_by`.
create table views (
    number bigint generated always as identity primary key,
    name text collate "C" not null,
    version integer not null,
    -- The sets of filters, as JSON. An entry begins with the place of its set in this list.
    filters text not null,
    position bigint not null default 0 check (position >= 0),
    active boolean not null default false,
    -- Filled in one pass, without checkpoints on the way: nobody else continues it.
    filling boolean not null
);

create unique index views_active on views (name) where active;

create index views_name on views (name);
