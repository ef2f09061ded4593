-- Who uploaded which file. Times are microseconds since 1970. until is null once something names it; leaving is when
-- its removal was begun, or 0. captured is sealed.
create table uploads (
    sha256 blob not null,
    owner text not null,
    sender text not null,
    department text,
    media_type text not null,
    size integer not null,
    original blob not null,
    received integer not null,
    at integer not null,
    until integer,
    captured text,
    leaving integer not null default 0,
    primary key (sha256, owner)
) strict, without rowid;

create index uploads_that_end on uploads (until) where until is not null;

create index uploads_of_senders on uploads (sender, at);

create index uploads_of_departments on uploads (department, at) where department is not null;
