//! What is done to tables of views and their registry, inside a transaction.

use app::port::{Build, ViewSpec};
use kernel::Position;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::record::{position_to_sql, to_sql};
use crate::sqlite::{chunks, insert};
use crate::views::Filling;
use crate::views::changes::Changes;
use crate::views::statements::{
    ACTIVATE, Dialect, FINISH, FORGET_OTHERS, MOVE_CHECKPOINT, NAME_TABLE, REGISTER, table, table_of,
};

pub(super) async fn begin_in_tx(
    tx: &mut SqliteConnection,
    view: &ViewSpec,
    filling: Filling,
) -> Result<i64, sqlx::Error> {
    let number: i64 = sqlx::query_scalar(REGISTER)
        .bind(view.name)
        .bind(to_sql(view.version))
        .bind(filling == Filling::Bulk)
        .fetch_one(&mut *tx)
        .await?;
    sqlx::query(NAME_TABLE).bind(table(view, number)).bind(number).execute(&mut *tx).await?;
    let create = Dialect::Sqlite.create(number, view);
    sqlx::query(AssertSqlSafe(create)).persistent(false).execute(&mut *tx).await?;
    if filling == Filling::Live {
        create_indexes_in_tx(tx, number, view).await?;
    }
    Ok(number)
}

async fn create_indexes_in_tx(tx: &mut SqliteConnection, number: i64, view: &ViewSpec) -> Result<(), sqlx::Error> {
    for statement in Dialect::create_indexes(number, view) {
        sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Sets the checkpoint of a bulk fill; false where the build is gone.
pub(super) async fn finish_in_tx(tx: &mut SqliteConnection, build: &Build, to: Position) -> Result<bool, sqlx::Error> {
    let finished = sqlx::query(FINISH).bind(position_to_sql(to)).bind(build.number).execute(tx).await?;
    Ok(finished.rows_affected() == 1)
}

/// False where another runner has moved the checkpoint, or the build is gone.
pub(super) async fn move_checkpoint_in_tx(
    tx: &mut SqliteConnection,
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

/// Writes rows, and removes rows.
pub(super) async fn upsert_in_tx(
    tx: &mut SqliteConnection,
    build: &Build,
    mut changes: Changes,
) -> Result<(), sqlx::Error> {
    let removed = std::mem::take(&mut changes.removed);
    let (_, conflict) = Dialect::upsert(&build.spec);
    insert_in_tx(tx, build, changes, &format!(" {conflict}")).await?;
    if !removed.is_empty() {
        let sql = format!("delete from {} where key in (select value from json_each($1))", table_of(build));
        sqlx::query(AssertSqlSafe(sql)).bind(json(&removed)).execute(tx).await?;
    }
    Ok(())
}

/// Writes rows; `tail` says what becomes of one that is there already.
pub(super) async fn insert_in_tx(
    tx: &mut SqliteConnection,
    build: &Build,
    changes: Changes,
    tail: &str,
) -> Result<(), sqlx::Error> {
    let (columns, _) = Dialect::upsert(&build.spec);
    let head = format!("insert into {} ({columns})", table_of(build));
    let places: Vec<usize> = (0..changes.keys.len()).collect();
    let mut rows = changes.keys.into_iter().zip(changes.sorts).zip(changes.docs);
    let mut fields: Vec<_> = changes.fields.into_iter().map(Vec::into_iter).collect();
    for chunk in chunks(&places) {
        let sql = insert(&head, 3 + fields.len(), chunk.len(), tail);
        let mut statement = sqlx::query(AssertSqlSafe(sql));
        for ((key, sort), doc) in rows.by_ref().take(chunk.len()) {
            statement = statement.bind(key).bind(sort).bind(doc);
            for field in &mut fields {
                statement = statement.bind(field.next().flatten());
            }
        }
        statement.execute(&mut *tx).await?;
    }
    Ok(())
}

pub(super) fn json(keys: &[String]) -> String {
    serde_json::to_string(keys).expect("texts can be written as JSON")
}

/// False where the build is gone.
pub(super) async fn activate_in_tx(tx: &mut SqliteConnection, build: &Build) -> Result<bool, sqlx::Error> {
    let builds: Vec<(i64, String)> = sqlx::query_as(
        "select
            number,
            table_name
        from views
        where name = $1",
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

pub(super) async fn drop_in_tx(tx: &mut SqliteConnection, table: &str) -> Result<(), sqlx::Error> {
    let sql = format!("drop table if exists {table}");
    sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(tx).await.map(drop)
}
