-- Registry of the tables of views: one row a build, at most one active build a view.
create table views (
    number integer primary key autoincrement,
    name text not null,
    version integer not null,
    table_name text not null,
    position integer not null default 0 check (position >= 0),
    active integer not null default 0 check (active in (0, 1))
) strict;

create unique index views_active on views (name) where active;

create index views_name on views (name);
