//! Views in the PostgreSQL database of the log.

use app::port::{Build, Failure, FilledRows, Query, Row, RowChange, SaveError, ViewSpec, ViewStore};
use async_trait::async_trait;
use kernel::Position;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Postgres, Row as _, Transaction};

use super::active::{ActiveBuilds, SWITCHES_MAX};
use super::copied::copy_in_tx;
use super::statements::{Dialect, Reading, check_names, check_query, table, table_of};
use super::{Filling, not_built};
use crate::failure::{broken, failure, is_missing_column, is_missing_table};
use crate::migrations::POSTGRES_VIEWS;
use crate::open::OpenError;
use crate::options::Options;
use crate::postgres::{Place, Pool};
use crate::record::{from_sql, position_from_sql, position_to_sql, to_sql};
use crate::views::changes::Changes;

/// Views in a PostgreSQL database.
#[derive(Debug)]
pub struct PgViews {
    /// For those who ask.
    pool: Pool,
    /// For those who follow the log.
    runners: Pool,
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
        let runners = Pool::new(place, "dualgrid projector", options.view_runner_connections_max, options);
        Ok(Self { pool, runners, active: ActiveBuilds::default() })
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
        // No limit to the time: the indexes of a long log take longer than any answer.
        let finished = async {
            let mut tx = self.begin_tx().await?;
            create_indexes_in_tx(&mut tx, build.number, &build.spec).await?;
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
            let deleted = sqlx::query("delete from views where number = $1 and not active")
                .bind(build.number)
                .execute(&mut *tx)
                .await?;
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

async fn begin_in_tx(tx: &mut PgConnection, view: &ViewSpec, filling: Filling) -> Result<i64, sqlx::Error> {
    let number: i64 = sqlx::query_scalar(
        "insert into views (name, version, table_name, filling) values ($1, $2, '', $3) returning number",
    )
    .bind(view.name)
    .bind(to_sql(view.version))
    .bind(filling == Filling::Bulk)
    .fetch_one(&mut *tx)
    .await?;
    sqlx::query("update views set table_name = $1 where number = $2")
        .bind(table(view, number))
        .bind(number)
        .execute(&mut *tx)
        .await?;
    let create = Dialect::Postgres.create(number, view);
    sqlx::query(AssertSqlSafe(create)).persistent(false).execute(&mut *tx).await?;
    compress_well_in_tx(tx, &table(view, number)).await?;
    if filling == Filling::Live {
        create_indexes_in_tx(tx, number, view).await?;
    }
    Ok(number)
}

/// Has documents of 2 KB and more compressed by LZ4, where the server was built with it: as small as with pglz, in a
/// tenth of the time.
async fn compress_well_in_tx(tx: &mut PgConnection, table: &str) -> Result<(), sqlx::Error> {
    let there: Option<bool> = sqlx::query_scalar(
        "select 'lz4' = any(enumvals)
        from pg_settings
        where name = 'default_toast_compression'",
    )
    .fetch_optional(&mut *tx)
    .await?;
    if there == Some(true) {
        let sql = format!("alter table {table} alter column doc set compression lz4");
        sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(tx).await?;
    }
    Ok(())
}

async fn create_indexes_in_tx(tx: &mut PgConnection, number: i64, view: &ViewSpec) -> Result<(), sqlx::Error> {
    for statement in Dialect::create_indexes(number, view) {
        sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Sets the checkpoint of a bulk fill; false where the build is gone.
async fn finish_in_tx(tx: &mut PgConnection, build: &Build, to: Position) -> Result<bool, sqlx::Error> {
    let finished = sqlx::query("update views set position = $1, filling = $2 where number = $3 and filling")
        .bind(position_to_sql(to))
        .bind(false)
        .bind(build.number)
        .execute(tx)
        .await?;
    Ok(finished.rows_affected() == 1)
}

/// False where another runner has moved the checkpoint, or the build is gone.
async fn move_checkpoint_in_tx(
    tx: &mut PgConnection,
    build: &Build,
    from: Position,
    to: Position,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query("update views set position = $1 where number = $2 and position = $3")
        .bind(position_to_sql(to))
        .bind(build.number)
        .bind(position_to_sql(from))
        .execute(tx)
        .await?;
    Ok(moved.rows_affected() == 1)
}

async fn write_in_tx(tx: &mut PgConnection, build: &Build, changes: &Changes) -> Result<(), sqlx::Error> {
    let table = table_of(build);
    if !changes.keys.is_empty() {
        let (columns, conflict) = Dialect::upsert(&build.spec);
        let fields = 4..4 + changes.fields.len();
        let arrays = fields.clone().map(|n| format!(", ${n}::text[]")).collect::<Vec<_>>().concat();
        let names = fields.map(|n| format!(", f{n}")).collect::<Vec<_>>().concat();
        let sql = format!(
            "insert into {table} ({columns})
            select
                key,
                sort,
                doc::json{names}
            from unnest($1::text[], $2::bigint[], $3::text[]{arrays}) as changed (key, sort, doc{names})
            {conflict}"
        );
        let mut statement =
            sqlx::query(AssertSqlSafe(sql)).bind(&changes.keys).bind(&changes.sorts).bind(&changes.docs);
        for field in &changes.fields {
            statement = statement.bind(field);
        }
        statement.execute(&mut *tx).await?;
    }
    if !changes.removed.is_empty() {
        let sql = format!("delete from {table} where key = any($1)");
        sqlx::query(AssertSqlSafe(sql)).bind(&changes.removed).execute(tx).await?;
    }
    Ok(())
}

/// False where the build is gone.
async fn activate_in_tx(tx: &mut PgConnection, build: &Build) -> Result<bool, sqlx::Error> {
    // In order of number, so that two processes that activate builds of one view do not wait for each other in a ring.
    let builds: Vec<(i64, String)> = sqlx::query_as(
        "select
            number,
            table_name
        from views
        where name = $1
        order by number
        for update",
    )
    .bind(build.spec.name)
    .fetch_all(&mut *tx)
    .await?;
    if !builds.iter().any(|(number, _)| *number == build.number) {
        return Ok(false);
    }
    sqlx::query("delete from views where name = $1 and number <> $2")
        .bind(build.spec.name)
        .bind(build.number)
        .execute(&mut *tx)
        .await?;
    sqlx::query("update views set active = true where number = $1").bind(build.number).execute(&mut *tx).await?;
    for (_, table) in builds.iter().filter(|(number, _)| *number != build.number) {
        drop_in_tx(tx, table).await?;
    }
    Ok(true)
}

async fn drop_in_tx(tx: &mut PgConnection, table: &str) -> Result<(), sqlx::Error> {
    let sql = format!("drop table if exists {table}");
    sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(tx).await.map(drop)
}
