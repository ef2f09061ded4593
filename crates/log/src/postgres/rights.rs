//! What the user of a running process may do on PostgreSQL: exactly what its statements need, and nothing that changes what was recorded.
//!
//! The tables belong to another user, the owner, as whom only `dualgrid migrate` connects. A user that is the owner too, as on a machine
//! for development, may do everything, and [`excess`] says so.
//!
//! INVARIANT: what was recorded can be read and added to. Nobody who runs dualgrid can update, delete or truncate it, disable a trigger, or
//! create, alter, drop or own anything beside it. Tables of views, which can always be made again, are theirs, in a schema of their own.

use sqlx::{AssertSqlSafe, Executor as _, PgConnection};

/// The schema of views and their register.
pub(crate) const VIEWS_SCHEMA: &str = "views";

/// A table and what may be done with it, as `grant` takes it.
pub(crate) type Rights = &'static [(&'static str, &'static str)];

/// On the tables of the log.
pub(crate) const LOG_RIGHTS: Rights = &[
    ("head", "select, update (position, lost_after, lost_to)"),
    ("upkeep", "select, update (whole_to, rebuilder, rebuilds_until)"),
    ("floors", "select, insert, update (position)"),
    ("events", "select, insert"),
    ("commands", "select, insert"),
    ("uploads", "select, insert, delete, update (sender, original, received, at, until, captured, leaving)"),
    ("log_migrations", "select"),
];

/// On the register of views. Tables of builds belong to who makes them.
pub(crate) const VIEWS_RIGHTS: Rights = &[("views", "select, insert, update, delete"), ("view_migrations", "select")];

/// On the tables of the vault.
pub(crate) const VAULT_RIGHTS: Rights = &[
    ("keys", "select, insert, update (wrapped, wrapping, erased_at)"),
    ("wrapping_keys", "select, insert, update (retired_at)"),
    ("vault_migrations", "select"),
];

/// Whether this session may make tables: it is the owner of the database, or a superuser.
pub(crate) async fn may_migrate(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select has_database_privilege(current_database(), 'create')").fetch_one(connection).await
}

/// Gives `user` these rights on the tables that the owner, who asks for it, has in a schema, and takes away every other.
pub(crate) async fn grant(
    connection: &mut PgConnection,
    user: &str,
    schema: &str,
    rights: Rights,
) -> Result<(), sqlx::Error> {
    let own: Vec<String> = sqlx::query_scalar(
        "select tablename::text
        from pg_tables
        where schemaname = $1 and tableowner = current_user",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await?;
    let (user, schema) = (quoted(user), quoted(schema));
    let table = |name: &str| format!("{schema}.{}", quoted(name));
    let mut statements = vec![
        format!("revoke create on schema {schema} from public, {user}"),
        format!("grant usage on schema {schema} to {user}"),
    ];
    statements.extend(own.iter().map(|name| format!("revoke all on table {} from public, {user}", table(name))));
    statements.extend(rights.iter().map(|(name, rights)| format!("grant {rights} on table {} to {user}", table(name))));
    for statement in statements {
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(())
}

/// Lets `user` make and drop tables of views. Those that somebody else made are dropped: they are built again by whoever follows the log.
pub(crate) async fn grant_views(connection: &mut PgConnection, user: &str) -> Result<(), sqlx::Error> {
    grant(connection, user, VIEWS_SCHEMA, VIEWS_RIGHTS).await?;
    let schema = quoted(VIEWS_SCHEMA);
    connection.execute(AssertSqlSafe(format!("grant create on schema {schema} to {}", quoted(user)))).await?;
    let others: Vec<String> = sqlx::query_scalar(
        "select tablename::text
        from pg_tables
        where schemaname = $1
            and tableowner <> $2
            and tablename not in ('views', 'view_migrations')",
    )
    .bind(VIEWS_SCHEMA)
    .bind(user)
    .fetch_all(&mut *connection)
    .await?;
    for table in others {
        connection.execute(AssertSqlSafe(format!("drop table {schema}.{}", quoted(&table)))).await?;
    }
    let gone = format!(
        "delete from {schema}.views where to_regclass(format('{schema}.%I', 'view_' || name || '_' || number)) is null"
    );
    connection.execute(AssertSqlSafe(gone)).await.map(drop)
}

/// Lets `user` connect to this database, and nobody who is not named.
pub(crate) async fn grant_connection(connection: &mut PgConnection, user: &str) -> Result<(), sqlx::Error> {
    let database: String = sqlx::query_scalar("select current_database()::text").fetch_one(&mut *connection).await?;
    let (database, user) = (quoted(&database), quoted(user));
    connection.execute(AssertSqlSafe(format!("revoke all on database {database} from public, {user}"))).await?;
    connection.execute(AssertSqlSafe(format!("grant connect on database {database} to {user}"))).await.map(drop)
}

/// What this session may do beyond what a running process needs: none of it where the rights were given by [`grant`].
pub(crate) async fn excess(connection: &mut PgConnection, rights: Rights) -> Result<Vec<String>, sqlx::Error> {
    let tables: Vec<&str> = rights.iter().map(|(table, _)| *table).collect();
    let deletes = rights.iter().filter(|(_, rights)| rights.split(", ").any(|right| right == "delete"));
    let deletes: Vec<&str> = deletes.map(|(table, _)| *table).collect();
    sqlx::query_scalar(
        "select found.excess
        from (
            select 'it is a superuser' as excess
            from pg_roles
            where rolname = current_user and rolsuper
            union all
            select 'it may create in the schema ' || current_schema()
            where has_schema_privilege(current_schema(), 'create')
            union all
            select format('it owns the table %s', wanted.name)
            from unnest($1::text[]) as wanted (name)
            join pg_class on pg_class.oid = to_regclass(wanted.name)
            where pg_has_role(pg_class.relowner, 'member')
            union all
            select format('it may %s %s', privilege.name, wanted.name)
            from unnest($1::text[]) as wanted (name)
            cross join unnest(array['delete', 'truncate', 'trigger', 'references']) as privilege (name)
            where to_regclass(wanted.name) is not null
                and has_table_privilege(wanted.name, privilege.name)
                and not (privilege.name = 'delete' and wanted.name = any($2))
        ) as found",
    )
    .bind(tables)
    .bind(deletes)
    .fetch_all(connection)
    .await
}

/// A name in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_never_more_than_a_name() {
        assert_eq!(quoted("dualgrid_log"), "\"dualgrid_log\"");
        assert_eq!(quoted("a\"; drop table events; --"), "\"a\"\"; drop table events; --\"");
    }

    #[test]
    fn what_was_recorded_can_be_read_and_added_to_and_nothing_else() {
        for table in ["events", "commands"] {
            let rights = LOG_RIGHTS.iter().find(|(name, _)| *name == table).map(|(_, rights)| *rights);
            assert_eq!(rights, Some("select, insert"));
        }
        // Files that nothing names go; they are no part of what was recorded.
        for (table, rights) in LOG_RIGHTS.iter().chain(VAULT_RIGHTS).filter(|(table, _)| *table != "uploads") {
            let is_whole_update = rights.split(", ").any(|right| right == "update");
            assert!(
                !is_whole_update && !rights.contains("delete") && !rights.contains("truncate"),
                "{table}: {rights}"
            );
        }
    }
}
