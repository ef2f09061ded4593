//! The vault in a SQLite file of its own.

use app::port::{Failure, Vault, VaultError};
use async_trait::async_trait;
use kernel::{PersonId, PersonKey};
use sqlx::{SqliteConnection, SqlitePool};

use super::wrapping::{StoredKey, Wrapping, vanished};
use crate::error::OpenError;
use crate::failure::failure;
use crate::migrations::SQLITE_VAULT;
use crate::options::Options;
use crate::sqlite::{File, Synchronous, micros};

/// The vault in a SQLite file.
///
/// What is erased is overwritten with zeros, and the write-ahead log is emptied before an erasure is acknowledged.
#[derive(Debug)]
pub struct SqliteVault {
    /// One connection, so that no reader of this process keeps the write-ahead log from being emptied.
    pool: SqlitePool,
    wrapping: Wrapping,
}

impl SqliteVault {
    /// Opens or creates the file, applies missing migrations, checks durability and that the wrapping key fits.
    pub async fn open(url: &str, options: &Options, wrapping: Wrapping) -> Result<Self, OpenError> {
        let file = File::parse(url, options.acquire_timeout)?.with("secure_delete", "on");
        let mut connection = file.connect_at_start(Synchronous::Full).await?;
        file.refuse_unless_durable(&mut connection).await?;
        let unreachable = |source| file.unreachable(source);
        if holds_a_log(&mut connection).await.map_err(unreachable)? {
            return Err(OpenError::VaultInLog);
        }
        SQLITE_VAULT.run_on_sqlite(&mut connection).await?;
        let check_value = check_value(&mut connection, &wrapping).await.map_err(unreachable)?;
        wrapping.refuse_unless_fits(&check_value)?;
        Ok(Self { pool: file.pool(Synchronous::Full, 1), wrapping })
    }

    async fn stored(&self, operation: &'static str, person: PersonId) -> Result<Option<StoredKey>, Failure> {
        let found: Option<Option<Vec<u8>>> = sqlx::query_scalar("select wrapped from keys where person = $1")
            .bind(person.uuid())
            .fetch_optional(&self.pool)
            .await
            .map_err(|source| failure(operation, &source))?;
        Ok(found.map(|wrapped| StoredKey { wrapped }))
    }

    /// Copies the write-ahead log into the file and empties it. False while another process reads.
    async fn empty_write_ahead_log(&self) -> Result<bool, sqlx::Error> {
        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("pragma wal_checkpoint(truncate)").fetch_one(&self.pool).await?;
        Ok(busy == 0)
    }
}

async fn holds_a_log(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select count(*) > 0 from sqlite_master where name = 'log_migrations'")
        .fetch_one(connection)
        .await
}

/// The stored check value, stored now if there is none.
async fn check_value(connection: &mut SqliteConnection, wrapping: &Wrapping) -> Result<Vec<u8>, sqlx::Error> {
    sqlx::query("insert into wrapping_check (only_row, wrapped) values (1, $1) on conflict (only_row) do nothing")
        .bind(wrapping.check_value())
        .execute(&mut *connection)
        .await?;
    sqlx::query_scalar("select wrapped from wrapping_check").fetch_one(connection).await
}

#[async_trait]
impl Vault for SqliteVault {
    async fn key(&self, person: PersonId) -> Result<Option<PersonKey>, VaultError> {
        const OPERATION: &str = "read the key of a person";
        let stored = self.stored(OPERATION, person).await?;
        stored.map(|stored| self.wrapping.open(OPERATION, person, stored)).transpose()
    }

    async fn keep(&self, person: PersonId, key: &PersonKey) -> Result<PersonKey, VaultError> {
        const OPERATION: &str = "store the key of a person";
        sqlx::query(
            "insert into keys (person, wrapped, created_at) values ($1, $2, $3) on conflict (person) do nothing",
        )
        .bind(person.uuid())
        .bind(self.wrapping.wrap(person, key))
        .bind(micros(self.wrapping.now()))
        .execute(&self.pool)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
        // Another key may have been stored before, or at the same time: the first one wins.
        let stored = self.stored(OPERATION, person).await?.ok_or_else(|| vanished(OPERATION, person))?;
        self.wrapping.open(OPERATION, person, stored)
    }

    /// Erasing again is harmless, and empties the write-ahead log where that failed the first time.
    async fn erase(&self, person: PersonId) -> Result<bool, Failure> {
        const OPERATION: &str = "erase the key of a person";
        let erased =
            sqlx::query("update keys set wrapped = null, erased_at = $2 where person = $1 and erased_at is null")
                .bind(person.uuid())
                .bind(micros(self.wrapping.now()))
                .execute(&self.pool)
                .await
                .map_err(|source| failure(OPERATION, &source))?;
        let emptied = self.empty_write_ahead_log().await.map_err(|source| failure(OPERATION, &source))?;
        if !emptied {
            let reason = "the key is erased, but another process reads the vault, and its write-ahead log may still \
                          hold the wrapped key; erase again";
            return Err(Failure { operation: OPERATION, reason: reason.to_owned(), passing: true });
        }
        Ok(erased.rows_affected() > 0)
    }

    async fn check(&self) -> Result<(), Failure> {
        // No row has that number. The lock of a writer is taken all the same.
        let query = sqlx::query("update wrapping_check set wrapped = wrapped where only_row = 0");
        let checked = query.execute(&self.pool).await;
        checked.map(drop).map_err(|source| failure("write to the vault", &source))
    }
}
