//! The vault in a PostgreSQL database of its own.

use app::port::{Failure, Vault, VaultError};
use async_trait::async_trait;
use kernel::{PersonId, PersonKey};
use sqlx::PgConnection;
use uuid::Uuid;

use super::rewrap::{Rewrap, Rewrapped, Wrapped};
use super::wrapping::{Known, StoredKey, Wrapping, vanished};
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
/// vault until those are reused. Autovacuum comes by soon after an erasure; keep backups of the vault shorter than those of the
/// log. Until then what is left is the wrapped key, of no use without the wrapping key.
#[derive(Debug)]
pub struct PgVault {
    pool: Pool,
    wrapping: Wrapping,
}

impl PgVault {
    /// Connects, applies missing migrations, checks durability and that the wrapping key fits.
    pub async fn connect(url: &str, options: &Options, wrapping: Wrapping) -> Result<Self, OpenError> {
        let place = Place::parse(url, &options.tls)?;
        let mut connection = place.connect_at_start(options.acquire_timeout).await?;
        refuse_unless_durable(&place, &mut connection).await?;
        let unreachable = |source| place.unreachable(source);
        if holds_a_log(&mut connection).await.map_err(unreachable)? {
            return Err(OpenError::VaultInLog);
        }
        POSTGRES_VAULT.run_on_postgres(&mut connection).await?;
        let known = known(&mut connection).await.map_err(unreachable)?;
        if wrapping.fit(&known)? {
            introduce(&mut connection, &wrapping).await.map_err(unreachable)?;
        }
        Ok(Self { pool: Pool::new(place, "dualgrid vault", CONNECTIONS_MAX, options), wrapping })
    }

    async fn stored(&self, operation: &'static str, person: PersonId) -> Result<Option<StoredKey>, Failure> {
        let query = sqlx::query_as::<_, (Option<Vec<u8>>, Option<String>)>(
            "select wrapped, wrapping from keys where person = $1",
        );
        let found = self.pool.wait(query.bind(person.uuid()).fetch_optional(&self.pool.get())).await;
        let found = found.map_err(|source| failure(operation, &source))?;
        Ok(found.map(|(wrapped, id)| StoredKey { wrapped: wrapped.zip(id) }))
    }
}

async fn holds_a_log(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select to_regclass('log_migrations') is not null").fetch_one(connection).await
}

/// The wrapping keys that the vault knows.
async fn known(connection: &mut PgConnection) -> Result<Vec<Known>, sqlx::Error> {
    let known: Vec<(String, Vec<u8>, bool, bool)> = sqlx::query_as(
        "select
            id,
            check_value,
            retired_at is not null,
            exists (select from keys where keys.wrapping = wrapping_keys.id)
        from wrapping_keys",
    )
    .fetch_all(connection)
    .await?;
    let known = known.into_iter();
    Ok(known.map(|(id, check_value, is_retired, is_used)| Known { id, check_value, is_retired, is_used }).collect())
}

/// Makes the current wrapping key known. Another process may do the same at once.
async fn introduce(connection: &mut PgConnection, wrapping: &Wrapping) -> Result<(), sqlx::Error> {
    sqlx::query("insert into wrapping_keys (id, check_value) values ($1, $2) on conflict (id) do nothing")
        .bind(wrapping.id())
        .bind(wrapping.check_value())
        .execute(connection)
        .await
        .map(drop)
}

impl Rewrap for PgVault {
    fn wrapping(&self) -> &Wrapping {
        &self.wrapping
    }

    async fn left(&self) -> Result<u64, sqlx::Error> {
        let query = sqlx::query_scalar("select count(*) from keys where wrapping <> $1").bind(self.wrapping.id());
        let left: i64 = self.pool.wait(query.fetch_one(&self.pool.get())).await?;
        Ok(left.unsigned_abs())
    }

    async fn some(&self, count: u32) -> Result<Vec<Wrapped>, sqlx::Error> {
        let query = sqlx::query_as("select person, wrapped, wrapping from keys where wrapping <> $1 limit $2");
        let query = query.bind(self.wrapping.id()).bind(i64::from(count));
        let some: Vec<(Uuid, Vec<u8>, String)> = self.pool.wait(query.fetch_all(&self.pool.get())).await?;
        Ok(some.into_iter().map(|(person, key, id)| Wrapped { person, key, id }).collect())
    }

    async fn exchange(&self, rewrapped: &[Rewrapped]) -> Result<(), sqlx::Error> {
        let (persons, before): (Vec<Uuid>, Vec<&[u8]>) =
            rewrapped.iter().map(|one| (one.person, one.before.as_slice())).unzip();
        let after: Vec<&[u8]> = rewrapped.iter().map(|one| one.after.as_slice()).collect();
        let query = sqlx::query(
            "update keys
            set wrapped = done.after, wrapping = $4
            from unnest($1::uuid[], $2::bytea[], $3::bytea[]) as done (person, before, after)
            where keys.person = done.person and keys.wrapped = done.before",
        );
        let query = query.bind(persons).bind(before).bind(after).bind(self.wrapping.id());
        self.pool.wait(query.execute(&self.pool.get())).await.map(drop)
    }

    async fn retire(&self) -> Result<bool, sqlx::Error> {
        let retired = async {
            let mut tx = self.pool.get().begin().await?;
            // Whoever keeps a key holds the row of its wrapping key until that is committed, and finds it retired afterwards.
            let mark = sqlx::query("update wrapping_keys set retired_at = $2 where id <> $1 and retired_at is null");
            mark.bind(self.wrapping.id()).bind(self.wrapping.now()).execute(&mut *tx).await?;
            let left = sqlx::query_scalar("select exists (select from keys where wrapping <> $1)");
            if left.bind(self.wrapping.id()).fetch_one(&mut *tx).await? {
                tx.rollback().await?;
                return Ok(false);
            }
            tx.commit().await?;
            Ok(true)
        };
        self.pool.wait(retired).await
    }

    async fn clean(&self) -> Result<bool, sqlx::Error> {
        // Autovacuum comes by, as after an erasure.
        Ok(true)
    }
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
            "insert into keys (person, wrapped, wrapping, created_at)
            select
                $1,
                $2,
                current.id,
                $3
            from (
                select id
                from wrapping_keys
                where id = $4 and retired_at is null
                for share
            ) as current
            on conflict (person) do nothing",
        )
        .bind(person.uuid())
        .bind(&wrapped)
        .bind(self.wrapping.now())
        .bind(self.wrapping.id());
        let inserted = self.pool.wait(query.execute(&self.pool.get())).await;
        inserted.map_err(|source| failure(OPERATION, &source))?;
        // Another key may have been stored before, or at the same time: the first one wins.
        let stored = self.stored(OPERATION, person).await?.ok_or_else(|| vanished(OPERATION, person))?;
        self.wrapping.open(OPERATION, person, stored)
    }

    async fn erase(&self, persons: &[PersonId]) -> Result<u64, Failure> {
        const OPERATION: &str = "erase keys of persons";
        let persons: Vec<Uuid> = persons.iter().map(|person| person.uuid()).collect();
        let query = sqlx::query_scalar(
            "select asked.person
             from unnest($1) as asked(person)
             left join keys on keys.person = asked.person
             where keys.erased_at is null",
        );
        let open: Result<Vec<Uuid>, _> = self.pool.wait(query.bind(&persons).fetch_all(&self.pool.get())).await;
        if open.map_err(|source| failure(OPERATION, &source))?.is_empty() {
            return Ok(0);
        }
        // A row that was not there is no key that was deleted.
        let query = sqlx::query_scalar(
            "with had as (select person from keys where person = any($1) and erased_at is null for update),
             marked as (
                 insert into keys (person, wrapped, created_at, erased_at)
                 select distinct asked.person, null::bytea, $2, $2 from unnest($1) as asked(person)
                 on conflict (person) do update set wrapped = null, wrapping = null, erased_at = excluded.erased_at
                 where keys.erased_at is null
             )
             select count(*) from had",
        );
        let query = query.bind(&persons).bind(self.wrapping.now());
        let deleted: Result<i64, _> = self.pool.wait(query.fetch_one(&self.pool.get())).await;
        let deleted = deleted.map_err(|source| failure(OPERATION, &source))?;
        Ok(deleted.unsigned_abs())
    }

    fn generation(&self) -> Option<String> {
        Some(self.wrapping.key.id())
    }

    async fn check(&self) -> Result<(), Failure> {
        // No row is like that. A server that takes no writes refuses it all the same.
        let query = sqlx::query("update wrapping_keys set retired_at = retired_at where id = ''");
        let checked = self.pool.wait(query.execute(&self.pool.get())).await;
        checked.map(drop).map_err(|source| failure("write to the vault", &source))
    }
}
