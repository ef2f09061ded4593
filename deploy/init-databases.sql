-- Two databases with an owner each: one for the log and the views, one for the vault. They have different backups.
-- Run it once, with psql 14 or later, as a superuser:
--     DUALGRID_LOG_PASSWORD=… DUALGRID_VAULT_PASSWORD=… psql --set ON_ERROR_STOP=1 --file deploy/init-databases.sql
-- dualgrid makes its tables itself, at its first start.

\getenv log_password DUALGRID_LOG_PASSWORD
\getenv vault_password DUALGRID_VAULT_PASSWORD

create role dualgrid_log
    login
    nosuperuser
    nocreatedb
    nocreaterole
    password :'log_password';

create role dualgrid_vault
    login
    nosuperuser
    nocreatedb
    nocreaterole
    password :'vault_password';

create database dualgrid_log
    owner dualgrid_log
    template template0
    encoding 'UTF8';

create database dualgrid_vault
    owner dualgrid_vault
    template template0
    encoding 'UTF8';

-- dualgrid refuses to start where this is less.
alter database dualgrid_log set synchronous_commit = on;
alter database dualgrid_vault set synchronous_commit = on;

-- Neither owner sees the other's database.
revoke all on database dualgrid_log from public;
revoke all on database dualgrid_vault from public;
