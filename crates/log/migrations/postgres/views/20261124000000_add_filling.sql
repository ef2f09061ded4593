-- A build that is filled in one pass, without indexes and without checkpoints on the way: nobody else goes on with it.
alter table views add column filling boolean not null default false;
