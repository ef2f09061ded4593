-- Two databases, one for the log and the views, one for the vault, which have different backups. Each has two users: the owner, as whom
-- only `dualgrid migrate` connects, and the one as whom dualgrid runs, which cannot change what was recorded.
-- Run it once, with psql 14 or later, as a superuser:
--     DUALGRID_LOG_OWNER_PASSWORD=… DUALGRID_LOG_PASSWORD=… DUALGRID_VAULT_OWNER_PASSWORD=… DUALGRID_VAULT_PASSWORD=… \
--         psql --set ON_ERROR_STOP=1 --file deploy/init-databases.sql
-- `dualgrid migrate` makes the tables and gives the second user its rights.

\getenv log_owner_password DUALGRID_LOG_OWNER_PASSWORD
\getenv log_password DUALGRID_LOG_PASSWORD
\getenv vault_owner_password DUALGRID_VAULT_OWNER_PASSWORD
\getenv vault_password DUALGRID_VAULT_PASSWORD

create role dualgrid_log_owner
    login
    nosuperuser
    nocreatedb
    nocreaterole
    password :'log_owner_password';

create role dualgrid_log
    login
    nosuperuser
    nocreatedb
    nocreaterole
    password :'log_password';

create role dualgrid_vault_owner
    login
    nosuperuser
    nocreatedb
    nocreaterole
    password :'vault_owner_password';

create role dualgrid_vault
    login
    nosuperuser
    nocreatedb
    nocreaterole
    password :'vault_password';

create database dualgrid_log
    owner dualgrid_log_owner
    template template0
    encoding 'UTF8';

create database dualgrid_vault
    owner dualgrid_vault_owner
    template template0
    encoding 'UTF8';

-- dualgrid refuses to start where this is less.
alter database dualgrid_log set synchronous_commit = on;
alter database dualgrid_vault set synchronous_commit = on;

-- Nobody sees a database of somebody else.
revoke all on database dualgrid_log from public;
revoke all on database dualgrid_vault from public;

-- With `store.require_standby`: otherwise no standby is seen.
-- grant pg_read_all_stats to dualgrid_log;
