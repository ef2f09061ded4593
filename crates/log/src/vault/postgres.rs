//! The vault in a PostgreSQL database of its own.

use app::port::{Failure, Vault, VaultError};
use async_trait::async_trait;
use kernel::{PersonId, PersonKey};
use sqlx::PgConnection;

use super::wrapping::{StoredKey, Wrapping, vanished};
use crate::error::OpenError;
use crate::failure::failure;
use crate::migrations::POSTGRES_VAULT;
use crate::options::Options;
use crate::postgres::{Place, Pool, refuse_unless_durable};

/// Connections of the vault; it is asked once per person, not per event.
const CONNECTIONS_MAX: u32 = 4;

/// The vault in a PostgreSQL database.
///
/// PostgreSQL overwrites no bytes: what was erased stays in old pages, in its write-ahead log and in backups of the
/// vault until those are reused. `vacuum` runs after an erasure; keep backups of the vault shorter than those of the
/// log. Until then what is left is the wrapped key, of no use without the wrapping key.
#[derive(Debug)]
pub struct PgVault {
    pool: Pool,
    wrapping: Wrapping,
}

impl PgVault {
    /// Connects, applies missing migrations, checks durability and that the wrapping key fits.
    pub async fn connect(url: &str, options: &Options, wrapping: Wrapping) -> Result<Self, OpenError> {
        let place = Place::parse(url)?;
        let mut connection = place.connect_at_start(options.acquire_timeout).await?;
        refuse_unless_durable(&place, &mut connection).await?;
        let unreachable = |source| place.unreachable(source);
        if holds_a_log(&mut connection).await.map_err(unreachable)? {
            return Err(OpenError::VaultInLog);
        }
        POSTGRES_VAULT.run_on_postgres(&mut connection).await?;
        let check_value = check_value(&mut connection, &wrapping).await.map_err(unreachable)?;
        wrapping.refuse_unless_fits(&check_value)?;
        Ok(Self { pool: Pool::new(place, "dualgrid vault", CONNECTIONS_MAX, options), wrapping })
    }

    async fn stored(&self, operation: &'static str, person: PersonId) -> Result<Option<StoredKey>, Failure> {
        let query = sqlx::query_scalar("select wrapped from keys where person = $1").bind(person.uuid());
        let found: Result<Option<Option<Vec<u8>>>, _> = self.pool.wait(query.fetch_optional(&self.pool.get())).await;
        let found = found.map_err(|source| failure(operation, &source))?;
        Ok(found.map(|wrapped| StoredKey { wrapped }))
    }
}

async fn holds_a_log(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select to_regclass('log_migrations') is not null").fetch_one(connection).await
}

/// The stored check value, stored now if there is none.
async fn check_value(connection: &mut PgConnection, wrapping: &Wrapping) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query("insert into wrapping_check (wrapped) values ($1) on conflict (only_row) do nothing")
        .bind(wrapping.check_value())
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("select wrapped from wrapping_check").fetch_one(connection).await
}

#[async_trait]
impl Vault for PgVault {
    async fn key(&self, person: PersonId) -> Result<Option<PersonKey>, VaultError> {
        const OPERATION: &str = "read the key of a person";
        let stored = self.stored(OPERATION, person).await?;
        stored.map(|stored| self.wrapping.open(OPERATION, person, stored)).transpose()
    }

    async fn keep(&self, person: PersonId, key: &PersonKey) -> Result<PersonKey, VaultError> {
        const OPERATION: &str = "store the key of a person";
        let wrapped = self.wrapping.wrap(person, key);
        let query = sqlx::query(
            "insert into keys (person, wrapped, created_at) values ($1, $2, $3) on conflict (person) do nothing",
        )
        .bind(person.uuid())
        .bind(&wrapped)
        .bind(self.wrapping.now());
        let inserted = self.pool.wait(query.execute(&self.pool.get())).await;
        inserted.map_err(|source| failure(OPERATION, &source))?;
        // Another key may have been stored before, or at the same time: the first one wins.
        let stored = self.stored(OPERATION, person).await?.ok_or_else(|| vanished(OPERATION, person))?;
        self.wrapping.open(OPERATION, person, stored)
    }

    async fn erase(&self, person: PersonId) -> Result<bool, Failure> {
        const OPERATION: &str = "erase the key of a person";
        let query =
            sqlx::query("update keys set wrapped = null, erased_at = $2 where person = $1 and erased_at is null")
                .bind(person.uuid())
                .bind(self.wrapping.now());
        let erased = self.pool.wait(query.execute(&self.pool.get())).await;
        let erased = erased.map_err(|source| failure(OPERATION, &source))?;
        let vacuum = sqlx::query("vacuum keys").persistent(false);
        if let Err(source) = self.pool.wait(vacuum.execute(&self.pool.get())).await {
            // The key is gone for every reader; autovacuum comes by later.
            tracing::warn!(error = %source, "could not vacuum the vault after an erasure");
        }
        Ok(erased.rows_affected() > 0)
    }

    async fn check(&self) -> Result<(), Failure> {
        // No row is like that. A server that takes no writes refuses it all the same.
        let query = sqlx::query("update wrapping_check set wrapped = wrapped where not only_row");
        let checked = self.pool.wait(query.execute(&self.pool.get())).await;
        checked.map(drop).map_err(|source| failure("write to the vault", &source))
    }
}
