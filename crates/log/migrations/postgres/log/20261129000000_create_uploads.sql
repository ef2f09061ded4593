-- Who uploaded which file. Times are microseconds since 1970. until is null once something names it; leaving is when
-- its removal was begun, or 0. captured is sealed.
create table uploads (
    sha256 bytea not null,
    owner text collate "C" not null,
    sender text collate "C" not null,
    department text collate "C",
    media_type text not null,
    size bigint not null,
    original bytea not null,
    received bigint not null,
    at bigint not null,
    until bigint,
    captured text,
    leaving bigint not null default 0,
    primary key (sha256, owner)
);

create index uploads_that_end on uploads (until) where until is not null;

create index uploads_of_senders on uploads (sender, at);

create index uploads_of_departments on uploads (department, at) where department is not null;
