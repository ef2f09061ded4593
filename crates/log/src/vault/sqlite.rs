//! The vault in a SQLite file of its own.

use app::port::{Failure, Vault, VaultError};
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

use async_trait::async_trait;
use kernel::{PersonId, PersonKey};
use sqlx::{SqliteConnection, SqlitePool};
use uuid::Uuid;

use super::rewrap::{Rewrap, Rewrapped, Wrapped};
use super::wrapping::{Known, StoredKey, Wrapping, vanished};
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
    /// Whether the write-ahead log may hold a key that was erased. Nobody knows of what a process did before.
    is_to_empty: AtomicBool,
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
        let known = known(&mut connection).await.map_err(unreachable)?;
        if wrapping.fit(&known)? {
            introduce(&mut connection, &wrapping).await.map_err(unreachable)?;
        }
        Ok(Self { pool: file.pool(Synchronous::Full, 1), wrapping, is_to_empty: AtomicBool::new(true) })
    }

    async fn stored(&self, operation: &'static str, person: PersonId) -> Result<Option<StoredKey>, Failure> {
        let found: Option<(Option<Vec<u8>>, Option<String>)> =
            sqlx::query_as("select wrapped, wrapping from keys where person = $1")
                .bind(person.uuid())
                .fetch_optional(&self.pool)
                .await
                .map_err(|source| failure(operation, &source))?;
        Ok(found.map(|(wrapped, id)| StoredKey { wrapped: wrapped.zip(id) }))
    }

    /// Marks everybody who is not marked yet. Says how many keys were deleted with it.
    async fn mark(&self, persons: &[PersonId]) -> Result<u64, sqlx::Error> {
        let query = sqlx::query_scalar("select person from keys where erased_at is not null");
        let marked: HashSet<Uuid> = query.fetch_all(&self.pool).await?.into_iter().collect();
        let open: Vec<Uuid> = persons.iter().map(|person| person.uuid()).filter(|id| !marked.contains(id)).collect();
        if open.is_empty() {
            return Ok(0);
        }
        self.is_to_empty.store(true, Relaxed);
        let (mut transaction, mut deleted) = (self.pool.begin().await?, 0);
        for person in open {
            let now = micros(self.wrapping.now());
            let query = "update keys set wrapped = null, wrapping = null, erased_at = $2 where person = $1 and erased_at is null";
            let done = sqlx::query(query).bind(person).bind(now).execute(&mut *transaction).await?;
            deleted += done.rows_affected();
            let query = "insert into keys (person, wrapped, created_at, erased_at) values ($1, null, $2, $2)
                         on conflict (person) do nothing";
            sqlx::query(query).bind(person).bind(now).execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(deleted)
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

/// The wrapping keys that the vault knows.
async fn known(connection: &mut SqliteConnection) -> Result<Vec<Known>, sqlx::Error> {
    let known: Vec<(String, Vec<u8>, bool, bool)> = sqlx::query_as(
        "select
            id,
            check_value,
            retired_at is not null,
            exists (select 1 from keys where keys.wrapping = wrapping_keys.id)
        from wrapping_keys",
    )
    .fetch_all(connection)
    .await?;
    let known = known.into_iter();
    Ok(known.map(|(id, check_value, is_retired, is_used)| Known { id, check_value, is_retired, is_used }).collect())
}

/// Makes the current wrapping key known. Another process may do the same at once.
async fn introduce(connection: &mut SqliteConnection, wrapping: &Wrapping) -> Result<(), sqlx::Error> {
    sqlx::query("insert into wrapping_keys (id, check_value) values ($1, $2) on conflict (id) do nothing")
        .bind(wrapping.id())
        .bind(wrapping.check_value())
        .execute(connection)
        .await
        .map(drop)
}

impl Rewrap for SqliteVault {
    fn wrapping(&self) -> &Wrapping {
        &self.wrapping
    }

    async fn left(&self) -> Result<u64, sqlx::Error> {
        let query = sqlx::query_scalar("select count(*) from keys where wrapping <> $1").bind(self.wrapping.id());
        let left: i64 = query.fetch_one(&self.pool).await?;
        Ok(left.unsigned_abs())
    }

    async fn some(&self, count: u32) -> Result<Vec<Wrapped>, sqlx::Error> {
        let query = sqlx::query_as("select person, wrapped, wrapping from keys where wrapping <> $1 limit $2");
        let query = query.bind(self.wrapping.id()).bind(i64::from(count));
        let some: Vec<(Uuid, Vec<u8>, String)> = query.fetch_all(&self.pool).await?;
        Ok(some.into_iter().map(|(person, key, id)| Wrapped { person, key, id }).collect())
    }

    async fn exchange(&self, rewrapped: &[Rewrapped]) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        for Rewrapped { person, before, after } in rewrapped {
            sqlx::query("update keys set wrapped = $3, wrapping = $4 where person = $1 and wrapped = $2")
                .bind(person)
                .bind(before)
                .bind(after)
                .bind(self.wrapping.id())
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await
    }

    async fn retire(&self) -> Result<bool, sqlx::Error> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let mark = sqlx::query("update wrapping_keys set retired_at = $2 where id <> $1 and retired_at is null");
        mark.bind(self.wrapping.id()).bind(micros(self.wrapping.now())).execute(&mut *tx).await?;
        let left = sqlx::query_scalar("select exists (select 1 from keys where wrapping <> $1)");
        if left.bind(self.wrapping.id()).fetch_one(&mut *tx).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn clean(&self) -> Result<bool, sqlx::Error> {
        self.empty_write_ahead_log().await
    }
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
            "insert into keys (person, wrapped, wrapping, created_at)
            select
                $1,
                $2,
                id,
                $3
            from wrapping_keys
            where id = $4 and retired_at is null
            on conflict (person) do nothing",
        )
        .bind(person.uuid())
        .bind(self.wrapping.wrap(person, key))
        .bind(micros(self.wrapping.now()))
        .bind(self.wrapping.id())
        .execute(&self.pool)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
        // Another key may have been stored before, or at the same time: the first one wins.
        let stored = self.stored(OPERATION, person).await?.ok_or_else(|| vanished(OPERATION, person))?;
        self.wrapping.open(OPERATION, person, stored)
    }

    /// Erasing again is harmless, and empties the write-ahead log where that failed the first time, or before this process.
    async fn erase(&self, persons: &[PersonId]) -> Result<u64, Failure> {
        const OPERATION: &str = "erase keys of persons";
        let deleted = self.mark(persons).await.map_err(|source| failure(OPERATION, &source))?;
        if !self.is_to_empty.load(Relaxed) {
            return Ok(deleted);
        }
        let emptied = self.empty_write_ahead_log().await.map_err(|source| failure(OPERATION, &source))?;
        if !emptied && deleted == 0 {
            // Nothing was promised to anybody now: it is tried again with the next look.
            return Ok(0);
        }
        if !emptied {
            let reason = "the key is erased, but another process reads the vault, and its write-ahead log may still \
                          hold the wrapped key; erase again";
            return Err(Failure { operation: OPERATION, reason: reason.to_owned(), passing: true });
        }
        self.is_to_empty.store(false, Relaxed);
        Ok(deleted)
    }

    fn generation(&self) -> Option<String> {
        Some(self.wrapping.key.id())
    }

    async fn check(&self) -> Result<(), Failure> {
        // No row has that number. The lock of a writer is taken all the same.
        let query = sqlx::query("update wrapping_keys set retired_at = retired_at where id = ''");
        let checked = query.execute(&self.pool).await;
        checked.map(drop).map_err(|source| failure("write to the vault", &source))
    }
}
