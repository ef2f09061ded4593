-- Registry of the tables of views: one row a build, at most one active build a view.
create table views (
    number bigint generated always as identity primary key,
    name text collate "C" not null,
    version integer not null,
    table_name text collate "C" not null,
    position bigint not null default 0 check (position >= 0),
    active boolean not null default false
);

create unique index views_active on views (name) where active;

create index views_name on views (name);
