//! The register of uploads: a table beside the events, on either database. Its rows change and go, unlike events.
//!
//! INVARIANT: a file of which a row is leaving is registered for nobody else: whoever removes it removes nothing that is needed.

use app::port::Failure;
use app::port::uploads::{Entered, Exceeded, Leaving, Quotas, REMOVAL_LASTS, Upload, Uploads};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::{DepartmentCode, Evidence};
use sqlx::{Executor as _, Postgres, Sqlite, SqlitePool, Transaction};

use crate::error::OpenError;
use crate::failure::{broken, failure};
use crate::options::Options;
use crate::postgres::{Place, Pool};
use crate::sqlite::{File, Synchronous, micros};

/// Connections of the register on PostgreSQL; each call is short.
const CONNECTIONS_MAX: u32 = 4;
/// The time for which bytes are counted.
const A_DAY: TimeDelta = TimeDelta::days(1);

/// One writer at a time: what is looked at in a transaction is so until its end. Reading goes on.
const ALONE: &str = "lock table uploads in share row exclusive mode";

/// The columns of a row, in the order of [`Stored`].
macro_rules! columns {
    () => {
        "sha256, owner, sender, department, media_type, size, original, received, at, until, captured"
    };
}

const OF: &str = concat!("select ", columns!(), " from uploads where sha256 = $1 and leaving = 0 order by owner");

const OVER: &str = concat!(
    "select ",
    columns!(),
    " from uploads where until <= $1 and (leaving = 0 or leaving < $3) order by until limit $2"
);

/// The same file of the same owner is the same upload, and lasts anew; what something names already is kept.
const ENTER: &str = concat!(
    "insert into uploads (",
    columns!(),
    ")
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (sha256, owner) do update
set sender = excluded.sender,
    original = excluded.original,
    received = excluded.received,
    at = excluded.at,
    until = case when uploads.until is null then null else excluded.until end,
    captured = coalesce(excluded.captured, uploads.captured)"
);

const IS_THERE: &str = "select cast(count(*) as bigint) from uploads where sha256 = $1 and owner = $2";

const IS_LEAVING: &str = "select cast(count(*) as bigint) from uploads where sha256 = $1 and leaving > 0";

const SENT_BY: &str = "select cast(coalesce(sum(received), 0) as bigint) from uploads where sender = $1 and at > $2";

const SENT_FOR: &str =
    "select cast(coalesce(sum(received), 0) as bigint) from uploads where department = $1 and at > $2";

const HOLD: &str = "update uploads set until = $3 where sha256 = $1 and owner = $2 and leaving = 0 and until is not null and until < $3";

/// Whoever hides it has it for themselves until their time is over.
const HIDE: &str = "update uploads
set leaving = $3
where sha256 = $1 and owner = $2 and until <= $3 and (leaving = 0 or leaving < $4)";

const OTHERS: &str = "select cast(count(*) as bigint) from uploads where sha256 = $1 and owner <> $2";

const REMOVE: &str = "delete from uploads where sha256 = $1 and owner = $2";

const KEEP: &str = "update uploads set until = null, leaving = 0 where sha256 = $1 and owner = $2";

/// The register in the PostgreSQL database of the log.
#[derive(Debug)]
pub struct PgUploads {
    pool: Pool,
}

impl PgUploads {
    /// The register beside the log at `url`, which was opened before and has its tables.
    pub fn new(url: &str, options: &Options) -> Result<Self, OpenError> {
        Ok(Self { pool: Pool::new(Place::parse(url, &options.tls)?, "dualgrid uploads", CONNECTIONS_MAX, options) })
    }

    fn readers(&self) -> sqlx::PgPool {
        self.pool.get()
    }

    async fn begin(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        let mut tx = self.pool.get().begin().await?;
        tx.execute(ALONE).await?;
        Ok(tx)
    }

    async fn wait<T>(&self, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        self.pool.wait(call).await
    }
}

/// The register in the SQLite file of the log.
#[derive(Debug)]
pub struct SqliteUploads {
    pool: SqlitePool,
}

impl SqliteUploads {
    /// The register beside the log at `url`, which was opened before and has its tables.
    pub fn new(url: &str, options: &Options) -> Result<Self, OpenError> {
        let file = File::parse(url, options.acquire_timeout)?;
        Ok(Self { pool: file.pool(Synchronous::Full, 1) })
    }

    fn readers(&self) -> &SqlitePool {
        &self.pool
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.pool.begin_with("begin immediate").await
    }

    async fn wait<T>(&self, call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
        call.await
    }
}

/// A row as both databases have it.
type Stored = (Vec<u8>, String, String, Option<String>, String, i64, Vec<u8>, i64, i64, Option<i64>, Option<String>);

fn read(stored: Stored) -> Result<Upload, Failure> {
    let (sha256, owner, by, department, media_type, size, original, received, at, until, captured) = stored;
    let unreadable = |what: &str| broken("read an upload", format!("its {what} cannot be read"));
    let digest = |bytes: Vec<u8>| {
        let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| unreadable("digest"))?;
        Ok::<_, Failure>(Digest::from_bytes(bytes))
    };
    let moment = |micros: i64| DateTime::from_timestamp_micros(micros).ok_or_else(|| unreadable("time"));
    let number = |number: i64| u64::try_from(number).map_err(|_| unreadable("size"));
    let department = department.map(|code| DepartmentCode::try_new(&code)).transpose();
    Ok(Upload {
        evidence: Evidence { sha256: digest(sha256)?, media_type, size: number(size)? },
        owner,
        by,
        department: department.map_err(|_| unreadable("department"))?,
        original: digest(original)?,
        received: number(received)?,
        at: moment(at)?,
        until: until.map(moment).transpose()?,
        captured,
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn bytes(digest: Digest) -> Vec<u8> {
    digest.as_bytes().to_vec()
}

/// Whose bytes would be too many with some more.
fn exceeded(quotas: Quotas, more: u64, principal: i64, department: Option<i64>) -> Option<Exceeded> {
    let is_over = |sent: i64, most: u64| sent.saturating_add(signed(more)) > signed(most);
    if is_over(principal, quotas.principal_bytes) {
        return Some(Exceeded::Principal);
    }
    department.filter(|sent| is_over(*sent, quotas.department_bytes)).map(|_| Exceeded::Department)
}

fn day_before(moment: DateTime<Utc>) -> DateTime<Utc> {
    moment.checked_sub_signed(A_DAY).unwrap_or(DateTime::UNIX_EPOCH)
}

/// Before when a removal must have been begun for another one to take it over.
fn left_before(now: DateTime<Utc>) -> i64 {
    micros(now.checked_sub_signed(REMOVAL_LASTS).unwrap_or(DateTime::UNIX_EPOCH))
}

/// What was sent since a moment: by a principal, and for its department.
macro_rules! sent {
    ($tx:ident, $by:expr, $department:expr, $since:expr) => {{
        let by: i64 = sqlx::query_scalar(SENT_BY).bind($by).bind(micros($since)).fetch_one(&mut *$tx).await?;
        let department: Option<i64> = match $department {
            Some(code) => {
                let sent = sqlx::query_scalar(SENT_FOR).bind(code).bind(micros($since));
                Some(sent.fetch_one(&mut *$tx).await?)
            }
            None => None,
        };
        (by, department)
    }};
}

/// The port on one database; the statements are the same on both.
macro_rules! register {
    ($name:ident) => {
        #[async_trait]
        impl Uploads for $name {
            async fn enter(&self, upload: &Upload, quotas: Quotas) -> Result<Entered, Failure> {
                let call = async {
                    let mut tx = self.begin().await?;
                    let sha256 = bytes(upload.evidence.sha256);
                    let leaving: i64 = sqlx::query_scalar(IS_LEAVING).bind(&sha256).fetch_one(&mut *tx).await?;
                    if leaving > 0 {
                        return Ok(Entered::BeingRemoved);
                    }
                    let department = upload.department.as_ref().map(DepartmentCode::as_str);
                    let (by, of_department) = sent!(tx, &upload.by, department, day_before(upload.at));
                    if let Some(whose) = exceeded(quotas, upload.received, by, of_department) {
                        return Ok(Entered::Exceeded(whose));
                    }
                    let known = sqlx::query_scalar(IS_THERE).bind(&sha256).bind(&upload.owner);
                    let known: i64 = known.fetch_one(&mut *tx).await?;
                    sqlx::query(ENTER)
                        .bind(&sha256)
                        .bind(&upload.owner)
                        .bind(&upload.by)
                        .bind(department)
                        .bind(&upload.evidence.media_type)
                        .bind(signed(upload.evidence.size))
                        .bind(bytes(upload.original))
                        .bind(signed(upload.received))
                        .bind(micros(upload.at))
                        .bind(upload.until.map(micros))
                        .bind(&upload.captured)
                        .execute(&mut *tx)
                        .await?;
                    tx.commit().await?;
                    Ok(if known > 0 { Entered::Again } else { Entered::New })
                };
                self.wait(call).await.map_err(|source| failure("register an upload", &source))
            }

            async fn exceeded(
                &self,
                by: &str,
                department: Option<&DepartmentCode>,
                now: DateTime<Utc>,
                quotas: Quotas,
            ) -> Result<Option<Exceeded>, Failure> {
                let call = async {
                    let mut connection = self.readers().acquire().await?;
                    let sent = sent!(connection, by, department.map(DepartmentCode::as_str), day_before(now));
                    Ok(sent)
                };
                let counted = self.wait(call).await.map_err(|source| failure("count what was uploaded", &source));
                // Whoever is at their limit is over it with the next byte.
                let (by, department) = counted?;
                Ok(exceeded(quotas, 1, by, department))
            }

            async fn hold(&self, sha256: Digest, owner: &str, until: DateTime<Utc>) -> Result<Option<Upload>, Failure> {
                let is_held = |found: &[Stored]| {
                    let own = found.iter().find(|stored| stored.1 == owner);
                    own.is_none_or(|stored| stored.9.is_none_or(|kept_until| kept_until >= micros(until)))
                };
                let call = async {
                    let of = || sqlx::query_as(OF).bind(bytes(sha256));
                    let found: Vec<Stored> = of().fetch_all(&mut *self.readers().acquire().await?).await?;
                    // The usual case: it lasts longer anyway, and nothing is written.
                    if is_held(&found) {
                        return Ok(found);
                    }
                    let mut tx = self.begin().await?;
                    let held = sqlx::query(HOLD).bind(bytes(sha256)).bind(owner).bind(micros(until));
                    held.execute(&mut *tx).await?;
                    let found: Vec<Stored> = of().fetch_all(&mut *tx).await?;
                    tx.commit().await?;
                    Ok(found)
                };
                let found = self.wait(call).await.map_err(|source| failure("look for an upload", &source))?;
                found.into_iter().find(|stored| stored.1 == owner).map(read).transpose()
            }

            async fn of(&self, sha256: Digest) -> Result<Vec<Upload>, Failure> {
                let call = async {
                    let mut connection = self.readers().acquire().await?;
                    let found: Vec<Stored> = sqlx::query_as(OF).bind(bytes(sha256)).fetch_all(&mut *connection).await?;
                    Ok(found)
                };
                let found = self.wait(call).await.map_err(|source| failure("read the uploads of a file", &source))?;
                found.into_iter().map(read).collect()
            }

            async fn over(&self, now: DateTime<Utc>, limit: u32) -> Result<Vec<Upload>, Failure> {
                let call = async {
                    let mut connection = self.readers().acquire().await?;
                    let over = sqlx::query_as(OVER).bind(micros(now)).bind(i64::from(limit)).bind(left_before(now));
                    let found: Vec<Stored> = over.fetch_all(&mut *connection).await?;
                    Ok(found)
                };
                let found =
                    self.wait(call).await.map_err(|source| failure("look for uploads that are over", &source))?;
                found.into_iter().map(read).collect()
            }

            async fn begin_removal(&self, sha256: Digest, owner: &str, now: DateTime<Utc>) -> Result<bool, Failure> {
                let call = async {
                    let mut tx = self.begin().await?;
                    let hide = sqlx::query(HIDE).bind(bytes(sha256)).bind(owner).bind(micros(now));
                    let hidden = hide.bind(left_before(now)).execute(&mut *tx).await?;
                    tx.commit().await?;
                    Ok(hidden.rows_affected() > 0)
                };
                self.wait(call).await.map_err(|source| failure("begin to remove an upload", &source))
            }

            async fn continue_removal(&self, sha256: Digest, owner: &str) -> Result<Leaving, Failure> {
                let call = async {
                    let mut tx = self.begin().await?;
                    let others = sqlx::query_scalar(OTHERS).bind(bytes(sha256)).bind(owner);
                    let others: i64 = others.fetch_one(&mut *tx).await?;
                    if others == 0 {
                        return Ok(Leaving::FileToo);
                    }
                    sqlx::query(REMOVE).bind(bytes(sha256)).bind(owner).execute(&mut *tx).await?;
                    tx.commit().await?;
                    Ok(Leaving::RowGone)
                };
                self.wait(call).await.map_err(|source| failure("remove an upload", &source))
            }

            async fn remove(&self, sha256: Digest, owner: &str) -> Result<(), Failure> {
                let call = async {
                    let mut tx = self.begin().await?;
                    sqlx::query(REMOVE).bind(bytes(sha256)).bind(owner).execute(&mut *tx).await?;
                    tx.commit().await
                };
                self.wait(call).await.map_err(|source| failure("remove an upload", &source))
            }

            async fn keep(&self, sha256: Digest, owner: &str) -> Result<(), Failure> {
                let call = async {
                    let mut tx = self.begin().await?;
                    sqlx::query(KEEP).bind(bytes(sha256)).bind(owner).execute(&mut *tx).await?;
                    tx.commit().await
                };
                self.wait(call).await.map_err(|source| failure("keep an upload", &source))
            }
        }
    };
}

register!(PgUploads);
register!(SqliteUploads);
