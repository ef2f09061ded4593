//! Views in the PostgreSQL database of the log.

mod tables;

use app::port::{
    Build, Either, Failure, FilledRows, FindError, Loaded, Move, Query, Registered, Row, RowPage, Saved, ViewSpec,
    ViewStore, Wanted,
};
use async_trait::async_trait;
use kernel::Position;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Transaction};
use tokio::sync::Semaphore;

use super::active::{Active, ActiveBuilds, SWITCHES_MAX, not_built};
use super::found::{FoundRow, page, registered, row};
use super::saving::{Saving, save};
use super::statements::{ABANDON, ACTIVE, Argument, BUILDS, Dialect, Reading, Tables, check_name};
use crate::error::OpenError;
use crate::failure::{broken, failure, is_missing_table};
use crate::migrate::run_on_views;
use crate::options::Options;
use crate::postgres::rights::VIEWS_SCHEMA;
use crate::postgres::{Place, Pool};
use tables::{activate_in_tx, begin_in_tx, drop_in_tx, fill_in_tx, finish_in_tx, move_checkpoints_in_tx, write_in_tx};

/// Tables below that size are read by one process where an index is made: to start others takes longer than to read.
const ALONE_BELOW: &str = "256MB";

/// Statements that a connection keeps prepared: each view has some of its own.
const STATEMENTS: usize = 512;

/// Views in a PostgreSQL database.
#[derive(Debug)]
pub struct PgViews {
    /// For those who ask.
    pool: Pool,
    /// For those who follow the log.
    runners: Pool,
    /// How many fills and indexes are under way at once: one connection stays free for everybody else. Whoever waits here does so
    /// without limit, in the pool he would not.
    bulk: Semaphore,
    active: ActiveBuilds,
}

impl PgViews {
    /// Connects and applies missing migrations.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, OpenError> {
        // A crash may take back the last commits of views, rows and checkpoint together.
        let place =
            Place::parse(url, &options.tls)?.with("synchronous_commit", "off").with("search_path", VIEWS_SCHEMA);
        let place = planned(place).with_statements(STATEMENTS);
        let mut connection = place.connect_at_start(options.acquire_timeout).await?;
        run_on_views(&mut connection).await?;
        let pool = Pool::new(place.clone(), "dualgrid views", options.view_connections_max, options);
        let place = place.with("min_parallel_table_scan_size", ALONE_BELOW);
        let runners = Pool::new(place, "dualgrid projector", options.view_runner_connections_max, options);
        let at_once = options.view_runner_connections_max.saturating_sub(1).max(1);
        let bulk = Semaphore::new(at_once.try_into().unwrap_or(1));
        Ok(Self { pool, runners, bulk, active: ActiveBuilds::default() })
    }

    /// Makes the entries of a bulk fill and their index, when it is its turn, for as long as it takes.
    async fn make_entries(&self, build: &Build) -> Result<(), sqlx::Error> {
        let _turn = self.bulk.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let statements = [Some(Dialect::Postgres.make_entries(build)), Dialect::Postgres.create_index(build)];
        for statement in statements.into_iter().flatten() {
            let statement = sqlx::query(AssertSqlSafe(statement)).persistent(false);
            statement.execute(&self.runners.get()).await?;
        }
        Ok(())
    }

    async fn begin_tx(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.runners.get().begin().await
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
        self.runners.wait(begun).await.map_err(|source| failure(OPERATION, &source))
    }

    async fn active(&self, operation: &'static str, view: &ViewSpec) -> Result<Active, Failure> {
        if let Some(active) = self.active.get(view.name) {
            return Ok(active);
        }
        let query = sqlx::query_as(ACTIVE).bind(view.name);
        let found = self.pool.wait(query.fetch_optional(&self.pool.get())).await;
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
            match self.pool.wait(statement.fetch_all(&self.pool.get())).await {
                // A build that is not registered any more is gone too.
                Ok(rows) if rows.is_empty() => self.active.forget(view.name),
                Ok(rows) => return Ok(rows),
                Err(source) if is_missing_table(&source) => self.active.forget(view.name),
                Err(source) => return Err(failure(operation, &source).into()),
            }
        }
        Err(not_built(operation, view).into())
    }
}

impl Saving for PgViews {
    async fn save_together(&self, moves: &[Move]) -> Result<Vec<Saved>, sqlx::Error> {
        let saved = async {
            if moves.iter().all(|one| one.rows.is_empty()) {
                let mut connection = self.runners.get().acquire().await?;
                return move_checkpoints_in_tx(&mut connection, moves).await;
            }
            let mut tx = self.begin_tx().await?;
            let saved = move_checkpoints_in_tx(&mut tx, moves).await?;
            for (one, saved) in moves.iter().zip(&saved) {
                if matches!(saved, Saved::Written) && !one.rows.is_empty() {
                    write_in_tx(&mut tx, &one.build, &one.rows).await?;
                }
            }
            tx.commit().await?;
            Ok(saved)
        };
        self.runners.wait(saved).await
    }
}

#[async_trait]
impl ViewStore for PgViews {
    async fn builds(&self) -> Result<Vec<Registered>, Failure> {
        let found = self.runners.wait(sqlx::query_as(BUILDS).fetch_all(&self.runners.get())).await;
        registered("read the register of views", found)
    }

    async fn begin(&self, view: &ViewSpec) -> Result<Build, Failure> {
        self.begin_build(view, false).await
    }

    async fn load(&self, wanted: &[Wanted]) -> Vec<Loaded> {
        const OPERATION: &str = "load rows of a view";
        let loaded = async {
            let mut connection = self.runners.get().acquire().await?;
            let mut loaded = Vec::with_capacity(wanted.len());
            for one in wanted {
                loaded.push(match load(&mut connection, one).await {
                    Ok(docs) => Loaded::Docs(docs),
                    Err(source) if is_missing_table(&source) => Loaded::Gone,
                    Err(source) => Loaded::Failed(failure(OPERATION, &source)),
                });
            }
            Ok(loaded)
        };
        self.runners.wait(loaded).await.unwrap_or_else(|source| {
            let failed = Loaded::Failed(failure(OPERATION, &source));
            vec![failed; wanted.len()]
        })
    }

    async fn save(&self, moves: &[Move]) -> Result<Vec<Saved>, Failure> {
        save(self, moves).await
    }

    async fn begin_bulk(&self, view: &ViewSpec) -> Result<Build, Failure> {
        self.begin_build(view, true).await
    }

    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure> {
        const OPERATION: &str = "fill a view";
        let filled = async {
            let mut tx = self.begin_tx().await?;
            fill_in_tx(&mut tx, build, &rows).await?;
            tx.commit().await
        };
        let _turn = self.bulk.acquire().await.map_err(|_| failure(OPERATION, &sqlx::Error::PoolClosed))?;
        self.runners.wait(filled).await.map_err(|source| failure(OPERATION, &source))
    }

    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure> {
        const OPERATION: &str = "finish the filling of a view";
        // No limit to the time: the entries of a long log take longer than any answer.
        let finished = async {
            self.make_entries(build).await?;
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
        let is_there = self.runners.wait(activated).await.map_err(|source| failure(OPERATION, &source))?;
        self.active.forget(build.view);
        if is_there { Ok(()) } else { Err(gone(OPERATION, build)) }
    }

    async fn abandon(&self, build: &Build) -> Result<(), Failure> {
        const OPERATION: &str = "abandon a build of a view";
        let abandoned = async {
            let mut tx = self.begin_tx().await?;
            let deleted = sqlx::query(ABANDON).bind(build.number).execute(&mut *tx).await?;
            if deleted.rows_affected() > 0 {
                drop_in_tx(&mut tx, &Tables::of(build).all()).await?;
            }
            tx.commit().await
        };
        self.runners.wait(abandoned).await.map_err(|source| failure(OPERATION, &source))
    }

    async fn get(&self, view: &ViewSpec, key: &str) -> Result<Option<Row>, Failure> {
        const OPERATION: &str = "read a row of a view";
        let found = self.read(OPERATION, view, |active| Ok(Dialect::Postgres.get(&active.build, key))).await;
        row(OPERATION, found)
    }

    async fn find(&self, view: &ViewSpec, query: &Query) -> Result<RowPage, FindError> {
        const OPERATION: &str = "read a page of a view";
        let found = self.read(OPERATION, view, |active| Dialect::Postgres.find(OPERATION, view, active, query)).await?;
        Ok(page(query.limit, found)?)
    }

    async fn find_either(&self, view: &ViewSpec, either: &Either) -> Result<RowPage, FindError> {
        const OPERATION: &str = "read rows of a view by several values";
        let reading = |active: &Active| Dialect::Postgres.find_either(OPERATION, view, active, either);
        let found = self.read(OPERATION, view, reading).await?;
        Ok(page(either.limit, found)?)
    }
}

/// The place for sessions that know their plans: everything they look for has an index. The planner may have seen the tables when
/// they were empty, and would read all of them.
fn planned(place: Place) -> Place {
    let off = ["enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin", "enable_sort", "jit"];
    let place = off.into_iter().fold(place, |place, setting| place.with(setting, "off"));
    place.with("plan_cache_mode", "force_generic_plan")
}

async fn load(connection: &mut PgConnection, wanted: &Wanted) -> Result<Vec<(String, String)>, sqlx::Error> {
    let Tables { rows, .. } = Tables::of(&wanted.build);
    let sql = format!("select key, doc::text from {rows} where key = any($1)");
    sqlx::query_as(AssertSqlSafe(sql)).bind(&wanted.keys).fetch_all(connection).await
}

fn gone(operation: &'static str, build: &Build) -> Failure {
    broken(operation, format!("build {} of the view {} is gone", build.number, build.view))
}
