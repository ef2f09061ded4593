//! Views in a SQLite file beside that of the log.
//!
//! A file of its own, so that views do not take the log's write lock, and a backup of the log is only the log.

mod tables;

use std::sync::atomic::{AtomicUsize, Ordering};

use app::port::{Build, Failure, FilledRows, Query, Row, RowChange, SaveError, ViewSpec, ViewStore};
use async_trait::async_trait;
use kernel::Position;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, Sqlite, SqlitePool, Transaction};
use tokio::sync::Mutex;

use super::active::{ActiveBuilds, SWITCHES_MAX};
use super::statements::{ABANDON, Dialect, Reading, check_names, check_query, table_of};
use super::{Filling, not_built};
use crate::error::OpenError;
use crate::failure::{broken, failure, is_missing_column, is_missing_table};
use crate::migrations::SQLITE_VIEWS;
use crate::options::Options;
use crate::record::{from_sql, position_from_sql, to_sql};
use crate::sqlite::{File, Synchronous};
use crate::views::changes::Changes;
use tables::{
    activate_in_tx, begin_in_tx, drop_in_tx, finish_in_tx, insert_in_tx, json, move_checkpoint_in_tx, upsert_in_tx,
};

/// What the writer keeps of the file in memory: 16 MiB. With the 2 MiB that SQLite keeps by itself, filling a view with
/// some 30,000 rows takes a third longer.
const WRITER_CACHE: &str = "-16384";

/// Bytes of a page of a new file. A row of an order has some 2.4 KB: in the 4 KiB that SQLite takes by itself there is room for one
/// and a third of each page stays empty. With 8 KiB, rows are filled in in two thirds of the time, and indexed in three quarters.
const PAGE_BYTES: &str = "8192";

/// Pages of the write-ahead log after which it is copied into the file: as many bytes as for the log.
const WAL_PAGES: &str = "10000";

/// Bytes of filled rows after which the write-ahead log is copied into the file.
const FILLED_BYTES_MAX: usize = 8 << 20;

/// Views in a SQLite file.
#[derive(Debug)]
pub struct SqliteViews {
    readers: SqlitePool,
    /// One connection: SQLite has one writer at a time anyway.
    writer: SqlitePool,
    /// Whoever fills a view, makes an index or ends a fill, one at a time. Who waits here does so without limit; in the pool he
    /// would not, and an index of a long log takes longer than the pool waits.
    filling: Mutex<()>,
    /// About so many bytes were filled since the write-ahead log was copied last.
    filled_bytes: AtomicUsize,
    active: ActiveBuilds,
}

impl SqliteViews {
    /// Opens or creates the file beside the log at `url` (`log.db` has its views in `log.views.db`) and applies
    /// missing migrations.
    pub async fn open(url: &str, options: &Options) -> Result<Self, OpenError> {
        let file = File::parse(url, options.acquire_timeout)?.beside("views");
        let file = file.with("page_size", PAGE_BYTES).with("wal_autocheckpoint", WAL_PAGES);
        // A loss of power may take back the last commits of views, rows and checkpoint together.
        let mut connection = file.connect_at_start(Synchronous::Normal).await?;
        SQLITE_VIEWS.run_on_sqlite(&mut connection).await?;
        let readers = file.readers(options.view_connections_max);
        let writer = file.with("cache_size", WRITER_CACHE).pool(Synchronous::Normal, 1);
        let (filled_bytes, active) = (AtomicUsize::new(0), ActiveBuilds::default());
        Ok(Self { readers, writer, filling: Mutex::new(()), filled_bytes, active })
    }

    /// Copies what was filled from the write-ahead log into the file, once it is much, on a connection of the readers.
    ///
    /// The writer would do so by itself, but much later, all at once, and let everybody wait for the disk. A copy in
    /// passing lets it write on.
    async fn copy_filled(&self, bytes: usize) -> Result<(), sqlx::Error> {
        if self.filled_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes < FILLED_BYTES_MAX {
            return Ok(());
        }
        self.filled_bytes.store(0, Ordering::Relaxed);
        sqlx::query("pragma wal_checkpoint(passive)").execute(&self.readers).await.map(drop)
    }

    /// Makes an index, when it is its turn, for as long as it takes.
    async fn create_index(&self, statement: String) -> Result<(), sqlx::Error> {
        let _turn = self.filling.lock().await;
        sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&self.writer).await.map(drop)
    }

    async fn begin_tx(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("begin immediate").await
    }

    async fn active_number(&self, operation: &'static str, view: &ViewSpec) -> Result<i64, Failure> {
        if let Some(number) = self.active.get(view.name) {
            return Ok(number);
        }
        let (build, _) = self.active(view).await?.ok_or_else(|| not_built(operation, view))?;
        self.active.set(view.name, build.number);
        Ok(build.number)
    }

    /// Reads from the build that is active, and again where it was replaced at that moment.
    async fn read(
        &self,
        operation: &'static str,
        view: &ViewSpec,
        reading: impl Fn(i64) -> Reading + Send,
    ) -> Result<Vec<Row>, Failure> {
        for _ in 0..SWITCHES_MAX {
            let Reading { sql, texts, numbers } = reading(self.active_number(operation, view).await?);
            let mut statement = sqlx::query(AssertSqlSafe(sql));
            for text in texts {
                statement = statement.bind(text);
            }
            for number in numbers {
                statement = statement.bind(number);
            }
            match statement.fetch_all(&self.readers).await {
                Ok(rows) => return rows.iter().map(|row| read_row(operation, row)).collect(),
                Err(source) if is_missing_table(&source) => self.active.forget(view.name),
                // The active build is of an older version, until the new one is complete.
                Err(source) if is_missing_column(&source) => break,
                Err(source) => return Err(failure(operation, &source)),
            }
        }
        Err(not_built(operation, view))
    }
}

fn read_row(operation: &'static str, row: &SqliteRow) -> Result<Row, Failure> {
    let read = || Ok(Row { key: row.try_get(0)?, sort: row.try_get(1)?, doc: row.try_get(2)? });
    read().map_err(|source| failure(operation, &source))
}

#[async_trait]
impl ViewStore for SqliteViews {
    async fn active(&self, view: &ViewSpec) -> Result<Option<(Build, u32)>, Failure> {
        const OPERATION: &str = "look up the active build of a view";
        let found: Option<(i64, i32)> = sqlx::query_as(
            "select
                number,
                version
            from views
            where name = $1 and active",
        )
        .bind(view.name)
        .fetch_optional(&self.readers)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
        let Some((number, version)) = found else { return Ok(None) };
        let version = from_sql(version)?;
        Ok(Some((Build { number, spec: ViewSpec { version, ..*view } }, version)))
    }

    async fn begin(&self, view: &ViewSpec) -> Result<Build, Failure> {
        const OPERATION: &str = "begin a build of a view";
        check_names(OPERATION, view)?;
        let begun = async {
            let mut tx = self.begin_tx().await?;
            let number = begin_in_tx(&mut tx, view, Filling::Live).await?;
            tx.commit().await?;
            Ok(number)
        };
        let number = begun.await.map_err(|source| failure(OPERATION, &source))?;
        Ok(Build { number, spec: *view })
    }

    async fn unfinished(&self, view: &ViewSpec) -> Result<Vec<Build>, Failure> {
        const OPERATION: &str = "look up unfinished builds of a view";
        let numbers: Vec<i64> = sqlx::query_scalar(
            "select number
            from views
            where name = $1 and version = $2 and not active and not filling
            order by number",
        )
        .bind(view.name)
        .bind(to_sql(view.version))
        .fetch_all(&self.readers)
        .await
        .map_err(|source| failure(OPERATION, &source))?;
        Ok(numbers.into_iter().map(|number| Build { number, spec: *view }).collect())
    }

    async fn checkpoint(&self, build: &Build) -> Result<Position, Failure> {
        const OPERATION: &str = "read the checkpoint of a view";
        let position: Option<i64> = sqlx::query_scalar("select position from views where number = $1")
            .bind(build.number)
            .fetch_optional(&self.readers)
            .await
            .map_err(|source| failure(OPERATION, &source))?;
        position_from_sql(position.ok_or_else(|| gone(OPERATION, build))?)
    }

    async fn load(&self, build: &Build, keys: &[String]) -> Result<Vec<(String, String)>, Failure> {
        const OPERATION: &str = "load rows of a view";
        check_names(OPERATION, &build.spec)?;
        let sql = format!("select key, doc from {} where key in (select value from json_each($1))", table_of(build));
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(json(keys))
            .fetch_all(&self.readers)
            .await
            .map_err(|source| failure(OPERATION, &source))
    }

    async fn save(&self, build: &Build, from: Position, to: Position, rows: Vec<RowChange>) -> Result<(), SaveError> {
        const OPERATION: &str = "save rows of a view";
        check_names(OPERATION, &build.spec)?;
        let changes = Changes::of(rows, build.spec.fields().len());
        let saved = async {
            let mut tx = self.begin_tx().await?;
            if !move_checkpoint_in_tx(&mut tx, build, from, to).await? {
                return Ok(false);
            }
            upsert_in_tx(&mut tx, build, changes).await?;
            tx.commit().await?;
            Ok(true)
        };
        match saved.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(SaveError::Fenced),
            Err(source) if is_missing_table(&source) => Err(SaveError::Fenced),
            Err(source) => Err(SaveError::Failure(failure(OPERATION, &source))),
        }
    }

    async fn begin_bulk(&self, view: &ViewSpec) -> Result<Build, Failure> {
        const OPERATION: &str = "begin to fill a view";
        check_names(OPERATION, view)?;
        let begun = async {
            let mut tx = self.begin_tx().await?;
            let number = begin_in_tx(&mut tx, view, Filling::Bulk).await?;
            tx.commit().await?;
            Ok(number)
        };
        let number = begun.await.map_err(|source: sqlx::Error| failure(OPERATION, &source))?;
        Ok(Build { number, spec: *view })
    }

    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure> {
        const OPERATION: &str = "fill a view";
        check_names(OPERATION, &build.spec)?;
        let fields = build.spec.fields().len();
        let new = Changes::of_each(rows.new.into_iter().filter(|row| row.doc.is_some()), fields);
        let again = Changes::of(rows.again, fields);
        let bytes = new.docs.iter().chain(&again.docs).map(String::len).sum();
        let filled = async {
            let turn = self.filling.lock().await;
            let mut tx = self.begin_tx().await?;
            insert_in_tx(&mut tx, build, new, "").await?;
            upsert_in_tx(&mut tx, build, again).await?;
            tx.commit().await?;
            drop(turn);
            self.copy_filled(bytes).await
        };
        filled.await.map_err(|source| failure(OPERATION, &source))
    }

    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure> {
        const OPERATION: &str = "finish the filling of a view";
        check_names(OPERATION, &build.spec)?;
        let finished = async {
            // Each by itself: between two of them, views that follow the log get on.
            for statement in Dialect::create_indexes(build.number, &build.spec) {
                self.create_index(statement).await?;
            }
            let _turn = self.filling.lock().await;
            let mut tx = self.begin_tx().await?;
            if !finish_in_tx(&mut tx, build, to).await? {
                return Ok(false);
            }
            tx.commit().await?;
            Ok(true)
        };
        let there = finished.await.map_err(|source: sqlx::Error| failure(OPERATION, &source))?;
        if there { Ok(()) } else { Err(gone(OPERATION, build)) }
    }

    async fn activate(&self, build: &Build) -> Result<(), Failure> {
        const OPERATION: &str = "activate a build of a view";
        check_names(OPERATION, &build.spec)?;
        let activated = async {
            let mut tx = self.begin_tx().await?;
            if !activate_in_tx(&mut tx, build).await? {
                return Ok(false);
            }
            tx.commit().await?;
            Ok(true)
        };
        let there = activated.await.map_err(|source| failure(OPERATION, &source))?;
        self.active.forget(build.spec.name);
        if there { Ok(()) } else { Err(gone(OPERATION, build)) }
    }

    async fn abandon(&self, build: &Build) -> Result<(), Failure> {
        const OPERATION: &str = "abandon a build of a view";
        check_names(OPERATION, &build.spec)?;
        let abandoned = async {
            let mut tx = self.begin_tx().await?;
            let deleted = sqlx::query(ABANDON).bind(build.number).execute(&mut *tx).await?;
            if deleted.rows_affected() > 0 {
                drop_in_tx(&mut tx, &table_of(build)).await?;
            }
            tx.commit().await
        };
        abandoned.await.map_err(|source| failure(OPERATION, &source))
    }

    async fn get(&self, view: &ViewSpec, key: &str) -> Result<Option<Row>, Failure> {
        const OPERATION: &str = "read a row of a view";
        check_names(OPERATION, view)?;
        let rows = self.read(OPERATION, view, |number| Dialect::Sqlite.get(number, view, key)).await?;
        Ok(rows.into_iter().next())
    }

    async fn find(&self, view: &ViewSpec, query: &Query) -> Result<Vec<Row>, Failure> {
        const OPERATION: &str = "read a page of a view";
        check_query(OPERATION, view, query)?;
        self.read(OPERATION, view, |number| Dialect::Sqlite.find(number, view, query)).await
    }
}

fn gone(operation: &'static str, build: &Build) -> Failure {
    broken(operation, format!("build {} of the view {} is gone", build.number, build.spec.name))
}
