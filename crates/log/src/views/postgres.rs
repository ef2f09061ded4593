//! Views in the PostgreSQL database of the log.

mod tables;

use app::port::{Build, Failure, FilledRows, Query, Row, RowChange, SaveError, ViewSpec, ViewStore};
use async_trait::async_trait;
use futures::future::try_join_all;
use kernel::Position;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres, Row as _, Transaction};
use tokio::sync::Semaphore;

use super::active::{ActiveBuilds, SWITCHES_MAX};
use super::copied::copy_in_tx;
use super::statements::{ABANDON, Dialect, Reading, check_names, check_query, table_of};
use super::{Filling, not_built};
use crate::error::OpenError;
use crate::failure::{broken, failure, is_missing_column, is_missing_table};
use crate::migrations::POSTGRES_VIEWS;
use crate::options::Options;
use crate::postgres::{Place, Pool};
use crate::record::{from_sql, position_from_sql, to_sql};
use crate::views::changes::Changes;
use tables::{activate_in_tx, begin_in_tx, drop_in_tx, finish_in_tx, move_checkpoint_in_tx, write_in_tx};

/// Tables below that size are read by one process where an index is made: to start others takes longer than to read.
const ALONE_BELOW: &str = "256MB";

/// Views in a PostgreSQL database.
#[derive(Debug)]
pub struct PgViews {
    /// For those who ask.
    pool: Pool,
    /// For those who follow the log.
    runners: Pool,
    /// How many indexes are made at once: one connection stays free for everybody else. Whoever waits here does so without
    /// limit, in the pool he would not.
    index_builders: Semaphore,
    active: ActiveBuilds,
}

impl PgViews {
    /// Connects and applies missing migrations.
    pub async fn connect(url: &str, options: &Options) -> Result<Self, OpenError> {
        // A crash may take back the last commits of views, rows and checkpoint together.
        let place = Place::parse(url)?.with("synchronous_commit", "off");
        let mut connection = place.connect_at_start(options.acquire_timeout).await?;
        POSTGRES_VIEWS.run_on_postgres(&mut connection).await?;
        let pool = Pool::new(place.clone(), "dualgrid views", options.view_connections_max, options);
        let place = place.with("min_parallel_table_scan_size", ALONE_BELOW);
        let runners = Pool::new(place, "dualgrid projector", options.view_runner_connections_max, options);
        let builders = options.view_runner_connections_max.saturating_sub(1).max(1);
        let index_builders = Semaphore::new(builders.try_into().unwrap_or(1));
        Ok(Self { pool, runners, index_builders, active: ActiveBuilds::default() })
    }

    /// Makes an index, when it is its turn, for as long as it takes.
    async fn create_index(&self, statement: String) -> Result<(), sqlx::Error> {
        let _turn = self.index_builders.acquire().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let statement = sqlx::query(AssertSqlSafe(statement)).persistent(false);
        statement.execute(&self.runners.get()).await.map(drop)
    }

    async fn begin_tx(&self) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
        self.runners.get().begin().await
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
            match self.pool.wait(statement.fetch_all(&self.pool.get())).await {
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

fn read_row(operation: &'static str, row: &PgRow) -> Result<Row, Failure> {
    let read = || Ok(Row { key: row.try_get(0)?, sort: row.try_get(1)?, doc: row.try_get(2)? });
    read().map_err(|source| failure(operation, &source))
}

#[async_trait]
impl ViewStore for PgViews {
    async fn active(&self, view: &ViewSpec) -> Result<Option<(Build, u32)>, Failure> {
        const OPERATION: &str = "look up the active build of a view";
        let query = sqlx::query_as(
            "select
                number,
                version
            from views
            where name = $1 and active",
        )
        .bind(view.name);
        let found: Result<Option<(i64, i32)>, _> = self.runners.wait(query.fetch_optional(&self.runners.get())).await;
        let found = found.map_err(|source| failure(OPERATION, &source))?;
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
        let number = self.runners.wait(begun).await.map_err(|source| failure(OPERATION, &source))?;
        Ok(Build { number, spec: *view })
    }

    async fn unfinished(&self, view: &ViewSpec) -> Result<Vec<Build>, Failure> {
        const OPERATION: &str = "look up unfinished builds of a view";
        let query = sqlx::query_scalar(
            "select number
            from views
            where name = $1 and version = $2 and not active and not filling
            order by number",
        )
        .bind(view.name)
        .bind(to_sql(view.version));
        let numbers: Result<Vec<i64>, _> = self.runners.wait(query.fetch_all(&self.runners.get())).await;
        let numbers = numbers.map_err(|source| failure(OPERATION, &source))?;
        Ok(numbers.into_iter().map(|number| Build { number, spec: *view }).collect())
    }

    async fn checkpoint(&self, build: &Build) -> Result<Position, Failure> {
        const OPERATION: &str = "read the checkpoint of a view";
        let query = sqlx::query_scalar("select position from views where number = $1").bind(build.number);
        let position: Result<Option<i64>, _> = self.runners.wait(query.fetch_optional(&self.runners.get())).await;
        let position = position.map_err(|source| failure(OPERATION, &source))?;
        position_from_sql(position.ok_or_else(|| gone(OPERATION, build))?)
    }

    async fn load(&self, build: &Build, keys: &[String]) -> Result<Vec<(String, String)>, Failure> {
        const OPERATION: &str = "load rows of a view";
        check_names(OPERATION, &build.spec)?;
        let sql = format!("select key, doc::text from {} where key = any($1)", table_of(build));
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(keys);
        let rows = self.runners.wait(query.fetch_all(&self.runners.get())).await;
        rows.map_err(|source| failure(OPERATION, &source))
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
            write_in_tx(&mut tx, build, &changes).await?;
            tx.commit().await?;
            Ok(true)
        };
        match self.runners.wait(saved).await {
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
        let number = self.runners.wait(begun).await.map_err(|source: sqlx::Error| failure(OPERATION, &source))?;
        Ok(Build { number, spec: *view })
    }

    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure> {
        const OPERATION: &str = "fill a view";
        check_names(OPERATION, &build.spec)?;
        let fields = build.spec.fields().len();
        let again = Changes::of(rows.again, fields);
        let filled = async {
            let mut tx = self.begin_tx().await?;
            if !rows.new.is_empty() {
                let (columns, _) = Dialect::upsert(&build.spec);
                copy_in_tx(&mut tx, &table_of(build), &columns, fields, rows.new).await?;
            }
            write_in_tx(&mut tx, build, &again).await?;
            tx.commit().await
        };
        self.runners.wait(filled).await.map_err(|source| failure(OPERATION, &source))
    }

    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure> {
        const OPERATION: &str = "finish the filling of a view";
        check_names(OPERATION, &build.spec)?;
        // No limit to the time: the indexes of a long log take longer than any answer. They are made at once, so that no
        // core is idle while the last ones of the largest view are.
        let indexes = Dialect::create_indexes(build.number, &build.spec).into_iter();
        let created = try_join_all(indexes.map(|statement| self.create_index(statement)));
        let finished = async {
            created.await?;
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
        let there = self.runners.wait(activated).await.map_err(|source| failure(OPERATION, &source))?;
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
        self.runners.wait(abandoned).await.map_err(|source| failure(OPERATION, &source))
    }

    async fn get(&self, view: &ViewSpec, key: &str) -> Result<Option<Row>, Failure> {
        const OPERATION: &str = "read a row of a view";
        check_names(OPERATION, view)?;
        let rows = self.read(OPERATION, view, |number| Dialect::Postgres.get(number, view, key)).await?;
        Ok(rows.into_iter().next())
    }

    async fn find(&self, view: &ViewSpec, query: &Query) -> Result<Vec<Row>, Failure> {
        const OPERATION: &str = "read a page of a view";
        check_query(OPERATION, view, query)?;
        self.read(OPERATION, view, |number| Dialect::Postgres.find(number, view, query)).await
    }
}

fn gone(operation: &'static str, build: &Build) -> Failure {
    broken(operation, format!("build {} of the view {} is gone", build.number, build.spec.name))
}
