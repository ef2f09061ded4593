//! Making the tables on PostgreSQL as their owner, and giving the user of running processes what it needs.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use crate::error::OpenError;
use crate::migrations::{POSTGRES_LOG, POSTGRES_VAULT, POSTGRES_VIEWS};
use crate::options::Options;
use crate::postgres::Place;
use crate::postgres::rights::{
    LOG_RIGHTS, VAULT_RIGHTS, VIEWS_SCHEMA, grant, grant_connection, grant_views, may_migrate,
};

/// Kept while the schema of views is made, so that two processes do not make it at once.
const VIEWS_LOCK: i64 = 0x6475_616c_6772_6964;

/// Whether tables at `url` are made by their owner: on PostgreSQL. SQLite makes them itself, at the first start.
pub fn has_owner(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// Makes what is missing of the tables of the log and its views, as their owner, and gives the user of `url` the rights of a running process.
///
/// # Errors
/// Where the owner may not, or there is no such user. What was made before stays; it may be repeated.
pub async fn migrate_log(owner_url: &str, url: &str, options: &Options) -> Result<(), OpenError> {
    let (mut connection, user) = as_owner(owner_url, url, options).await?;
    POSTGRES_LOG.run_on_postgres(&mut connection).await?;
    run_on_views(&mut connection).await?;
    let Some(user) = user else { return Ok(()) };
    let mut tx = connection.begin().await.map_err(OpenError::Rights)?;
    grant_connection(&mut tx, &user).await.map_err(OpenError::Rights)?;
    grant(&mut tx, &user, "public", LOG_RIGHTS).await.map_err(OpenError::Rights)?;
    grant_views(&mut tx, &user).await.map_err(OpenError::Rights)?;
    tx.commit().await.map_err(OpenError::Rights)
}

/// The same for the vault.
///
/// # Errors
/// As [`migrate_log`].
pub async fn migrate_vault(owner_url: &str, url: &str, options: &Options) -> Result<(), OpenError> {
    let (mut connection, user) = as_owner(owner_url, url, options).await?;
    POSTGRES_VAULT.run_on_postgres(&mut connection).await?;
    let Some(user) = user else { return Ok(()) };
    let mut tx = connection.begin().await.map_err(OpenError::Rights)?;
    grant_connection(&mut tx, &user).await.map_err(OpenError::Rights)?;
    grant(&mut tx, &user, "public", VAULT_RIGHTS).await.map_err(OpenError::Rights)?;
    tx.commit().await.map_err(OpenError::Rights)
}

/// A connection of the owner, and the user of running processes unless that is the owner.
async fn as_owner(owner_url: &str, url: &str, options: &Options) -> Result<(PgConnection, Option<String>), OpenError> {
    let (owner, running) = (Place::parse(owner_url, &options.tls)?, Place::parse(url, &options.tls)?);
    if owner.database() != running.database() {
        return Err(OpenError::OtherDatabase { owner: owner.name().to_owned(), running: running.name().to_owned() });
    }
    let mut connection = owner.connect_at_start(options.acquire_timeout).await?;
    if !may_migrate(&mut connection).await.map_err(OpenError::Rights)? {
        return Err(OpenError::NotOwner { database: owner.name().to_owned() });
    }
    let user = (owner.user() != running.user()).then(|| running.user().to_owned());
    Ok((connection, user))
}

/// Makes the schema of views and what is missing in it.
pub(crate) async fn run_on_views(connection: &mut PgConnection) -> Result<(), OpenError> {
    let in_views = format!("set search_path = {VIEWS_SCHEMA}");
    connection.execute(AssertSqlSafe(in_views)).await.map_err(OpenError::Rights)?;
    if POSTGRES_VIEWS.is_whole_on_postgres(connection).await? {
        return Ok(());
    }
    if may_migrate(connection).await.map_err(OpenError::Rights)? {
        let lock = sqlx::query("select pg_advisory_lock($1)").bind(VIEWS_LOCK);
        lock.execute(&mut *connection).await.map_err(OpenError::Rights)?;
        let schema = format!("create schema if not exists {VIEWS_SCHEMA}");
        let made = connection.execute(AssertSqlSafe(schema)).await.map_err(OpenError::Rights);
        let unlock = sqlx::query("select pg_advisory_unlock($1)").bind(VIEWS_LOCK);
        unlock.execute(&mut *connection).await.map_err(OpenError::Rights)?;
        made?;
    }
    POSTGRES_VIEWS.run_on_postgres(connection).await
}
