//! Views in a SQLite file beside that of the log.
//!
//! A file of its own, so that views do not take the log's write lock, and a backup of the log is only the log.

mod tables;

use std::sync::atomic::{AtomicUsize, Ordering};

use app::port::{
    Build, Either, Failure, FilledRows, FindError, Loaded, Move, Query, Registered, Row, RowPage, Saved, ViewSpec,
    ViewStore, Wanted,
};
use async_trait::async_trait;
use kernel::Position;
use sqlx::{AssertSqlSafe, Sqlite, SqlitePool, Transaction};
use tokio::sync::Mutex;

use super::active::{Active, ActiveBuilds, SWITCHES_MAX, not_built};
use super::found::{FoundRow, page, registered, row};
use super::saving::{Saving, save};
use super::statements::{ABANDON, ACTIVE, Argument, BUILDS, Dialect, Reading, Tables, check_name};
use crate::error::OpenError;
use crate::failure::{broken, failure, is_missing_table};
use crate::migrations::SQLITE_VIEWS;
use crate::options::Options;
use crate::sqlite::{File, Synchronous};
use tables::{
    activate_in_tx, begin_in_tx, drop_in_tx, fill_in_tx, finish_in_tx, json, move_checkpoint_in_tx, write_in_tx,
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
    /// Whoever fills a view, makes entries or ends a fill, one at a time. Who waits here does so without limit; in the pool he
    /// would not, and the entries of a long log take longer than the pool waits.
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

    async fn begin_tx(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.writer.begin_with("begin immediate").await
    }

    async fn begin_build(&self, view: &ViewSpec, is_filled: bool) -> Result<Build, Failure> {
        const OPERATION: &str = "begin a build of a view";
        check_name(OPERATION, view.name)?;
        let begun = async {
            let mut tx = self.begin_tx().await?;
            let build = begin_in_tx(&mut tx, view, is_filled).await?;
            tx.commit().await?;
            Ok(build)
        };
        begun.await.map_err(|source: sqlx::Error| failure(OPERATION, &source))
    }

    async fn active(&self, operation: &'static str, view: &ViewSpec) -> Result<Active, Failure> {
        if let Some(active) = self.active.get(view.name) {
            return Ok(active);
        }
        let found = sqlx::query_as(ACTIVE).bind(view.name).fetch_optional(&self.readers).await;
        let found = found.map_err(|source| failure(operation, &source))?.ok_or_else(|| not_built(operation, view))?;
        let active = Active::read(operation, view, found)?;
        self.active.set(active.clone());
        Ok(active)
    }

    /// Reads from the build that is active, and again where it was replaced at that moment.
    async fn read(
        &self,
        operation: &'static str,
        view: &ViewSpec,
        reading: impl Fn(&Active) -> Result<Reading, FindError> + Send,
    ) -> Result<Vec<FoundRow>, FindError> {
        for _ in 0..SWITCHES_MAX {
            let Reading { sql, arguments } = reading(&self.active(operation, view).await?)?;
            let mut statement = sqlx::query_as(AssertSqlSafe(sql));
            for argument in arguments {
                statement = match argument {
                    Argument::Text(text) => statement.bind(text),
                    Argument::Number(number) => statement.bind(number),
                };
            }
            match statement.fetch_all(&self.readers).await {
                // A build that is not registered any more is gone too.
                Ok(rows) if rows.is_empty() => self.active.forget(view.name),
                Ok(rows) => return Ok(rows),
                Err(source) if is_missing_table(&source) => self.active.forget(view.name),
                Err(source) => return Err(failure(operation, &source).into()),
            }
        }
        Err(not_built(operation, view).into())
    }

    async fn load_one(&self, wanted: &Wanted) -> Result<Vec<(String, String)>, sqlx::Error> {
        let Tables { rows, .. } = Tables::of(&wanted.build);
        let sql = format!("select key, doc from {rows} where key in (select value from json_each($1))");
        sqlx::query_as(AssertSqlSafe(sql))
            .bind(json(wanted.keys.iter().map(|key| &**key)))
            .fetch_all(&self.readers)
            .await
    }
}

impl Saving for SqliteViews {
    async fn save_together(&self, moves: &[Move]) -> Result<Vec<Saved>, sqlx::Error> {
        let mut tx = self.begin_tx().await?;
        let mut saved = Vec::with_capacity(moves.len());
        for one in moves {
            let outcome = move_checkpoint_in_tx(&mut tx, one).await?;
            if matches!(outcome, Saved::Written) {
                write_in_tx(&mut tx, &one.build, &one.rows).await?;
            }
            saved.push(outcome);
        }
        tx.commit().await?;
        Ok(saved)
    }
}

#[async_trait]
impl ViewStore for SqliteViews {
    async fn builds(&self) -> Result<Vec<Registered>, Failure> {
        registered("read the register of views", sqlx::query_as(BUILDS).fetch_all(&self.readers).await)
    }

    async fn begin(&self, view: &ViewSpec) -> Result<Build, Failure> {
        self.begin_build(view, false).await
    }

    async fn load(&self, wanted: &[Wanted]) -> Vec<Loaded> {
        let mut loaded = Vec::with_capacity(wanted.len());
        for one in wanted {
            loaded.push(match self.load_one(one).await {
                Ok(docs) => Loaded::Docs(docs),
                Err(source) if is_missing_table(&source) => Loaded::Gone,
                Err(source) => Loaded::Failed(failure("load rows of a view", &source)),
            });
        }
        loaded
    }

    async fn save(&self, moves: &[Move]) -> Result<Vec<Saved>, Failure> {
        save(self, moves).await
    }

    async fn begin_bulk(&self, view: &ViewSpec) -> Result<Build, Failure> {
        self.begin_build(view, true).await
    }

    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure> {
        let docs = rows.new.iter().chain(&rows.again).filter_map(|row| row.doc.as_ref());
        let bytes = docs.map(String::len).sum();
        let filled = async {
            let turn = self.filling.lock().await;
            let mut tx = self.begin_tx().await?;
            fill_in_tx(&mut tx, build, &rows).await?;
            tx.commit().await?;
            drop(turn);
            self.copy_filled(bytes).await
        };
        filled.await.map_err(|source| failure("fill a view", &source))
    }

    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure> {
        const OPERATION: &str = "finish the filling of a view";
        let finished = async {
            let _turn = self.filling.lock().await;
            let entries = Dialect::Sqlite.make_entries(build);
            sqlx::query(AssertSqlSafe(entries)).persistent(false).execute(&self.writer).await?;
            let mut tx = self.begin_tx().await?;
            if !finish_in_tx(&mut tx, build, to).await? {
                return Ok(false);
            }
            tx.commit().await?;
            Ok(true)
        };
        let is_there = finished.await.map_err(|source: sqlx::Error| failure(OPERATION, &source))?;
        if is_there { Ok(()) } else { Err(gone(OPERATION, build)) }
    }

    async fn activate(&self, build: &Build) -> Result<(), Failure> {
        const OPERATION: &str = "activate a build of a view";
        let activated = async {
            let mut tx = self.begin_tx().await?;
            if !activate_in_tx(&mut tx, build).await? {
                return Ok(false);
            }
            tx.commit().await?;
            Ok(true)
        };
        let is_there = activated.await.map_err(|source| failure(OPERATION, &source))?;
        self.active.forget(build.view);
        if is_there { Ok(()) } else { Err(gone(OPERATION, build)) }
    }

    async fn abandon(&self, build: &Build) -> Result<(), Failure> {
        let abandoned = async {
            let mut tx = self.begin_tx().await?;
            let deleted = sqlx::query(ABANDON).bind(build.number).execute(&mut *tx).await?;
            if deleted.rows_affected() > 0 {
                drop_in_tx(&mut tx, &Tables::of(build).all()).await?;
            }
            tx.commit().await
        };
        abandoned.await.map_err(|source| failure("abandon a build of a view", &source))
    }

    async fn get(&self, view: &ViewSpec, key: &str) -> Result<Option<Row>, Failure> {
        const OPERATION: &str = "read a row of a view";
        let found = self.read(OPERATION, view, |active| Ok(Dialect::Sqlite.get(&active.build, key))).await;
        row(OPERATION, found)
    }

    async fn find(&self, view: &ViewSpec, query: &Query) -> Result<RowPage, FindError> {
        const OPERATION: &str = "read a page of a view";
        let found = self.read(OPERATION, view, |active| Dialect::Sqlite.find(OPERATION, view, active, query)).await?;
        Ok(page(query.limit, found)?)
    }

    async fn find_either(&self, view: &ViewSpec, either: &Either) -> Result<RowPage, FindError> {
        const OPERATION: &str = "read rows of a view by several values";
        let reading = |active: &Active| Dialect::Sqlite.find_either(OPERATION, view, active, either);
        let found = self.read(OPERATION, view, reading).await?;
        Ok(page(either.limit, found)?)
    }
}

fn gone(operation: &'static str, build: &Build) -> Failure {
    broken(operation, format!("build {} of the view {} is gone", build.number, build.view))
}
