//! What is done to tables of views and their registry, inside a transaction.

use app::port::{Build, ViewSpec};
use kernel::Position;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::record::{position_to_sql, to_sql};
use crate::views::Filling;
use crate::views::changes::Changes;
use crate::views::statements::{
    ACTIVATE, Dialect, FINISH, FORGET_OTHERS, MOVE_CHECKPOINT, NAME_TABLE, REGISTER, table, table_of,
};

pub(super) async fn begin_in_tx(tx: &mut PgConnection, view: &ViewSpec, filling: Filling) -> Result<i64, sqlx::Error> {
    let number: i64 = sqlx::query_scalar(REGISTER)
        .bind(view.name)
        .bind(to_sql(view.version))
        .bind(filling == Filling::Bulk)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query(NAME_TABLE).bind(table(view, number)).bind(number).execute(&mut *tx).await?;
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
pub(super) async fn finish_in_tx(tx: &mut PgConnection, build: &Build, to: Position) -> Result<bool, sqlx::Error> {
    let finished = sqlx::query(FINISH).bind(position_to_sql(to)).bind(build.number).execute(tx).await?;
    Ok(finished.rows_affected() == 1)
}

/// False where another runner has moved the checkpoint, or the build is gone.
pub(super) async fn move_checkpoint_in_tx(
    tx: &mut PgConnection,
    build: &Build,
    from: Position,
    to: Position,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(MOVE_CHECKPOINT)
        .bind(position_to_sql(to))
        .bind(build.number)
        .bind(position_to_sql(from))
        .execute(tx)
        .await?;
    Ok(moved.rows_affected() == 1)
}

pub(super) async fn write_in_tx(tx: &mut PgConnection, build: &Build, changes: &Changes) -> Result<(), sqlx::Error> {
    let table = table_of(build);
    if !changes.keys.is_empty() {
        let (columns, conflict) = Dialect::upsert(&build.spec);
        let fields = 4..4 + changes.fields.len();
        let arrays = fields.clone().map(|n| format!(", unnest(${n}::text[])")).collect::<Vec<_>>().concat();
        let names = fields.map(|n| format!(", f{n}")).collect::<Vec<_>>().concat();
        let sql = format!(
            "insert into {table} ({columns})
            select
                key,
                sort,
                doc::json{names}
            from (
                select
                    unnest($1::text[]),
                    unnest($2::bigint[]),
                    unnest($3::text[]){arrays}
            ) as changed (key, sort, doc{names})
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
pub(super) async fn activate_in_tx(tx: &mut PgConnection, build: &Build) -> Result<bool, sqlx::Error> {
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
    sqlx::query(FORGET_OTHERS).bind(build.spec.name).bind(build.number).execute(&mut *tx).await?;
    sqlx::query(ACTIVATE).bind(build.number).execute(&mut *tx).await?;
    for (_, table) in builds.iter().filter(|(number, _)| *number != build.number) {
        drop_in_tx(tx, table).await?;
    }
    Ok(true)
}

pub(super) async fn drop_in_tx(tx: &mut PgConnection, table: &str) -> Result<(), sqlx::Error> {
    let sql = format!("drop table if exists {table}");
    sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(tx).await.map(drop)
}
