//! What is done to tables of views and their register, inside a transaction.

use app::port::{Build, FilledRows, Move, RowChange, Saved, ViewSpec};
use kernel::Position;
use serde_json::Value;
use sqlx::{AssertSqlSafe, SqliteConnection};

use crate::record::{position_to_sql, to_sql};
use crate::sqlite::{chunks, insert};
use crate::views::changes::{Changes, without_nul};
use crate::views::statements::{ACTIVATE, Dialect, FINISH, FORGET_OTHERS, REGISTER, Tables, filters_of};

pub(super) async fn begin_in_tx(
    tx: &mut SqliteConnection,
    view: &ViewSpec,
    is_filled: bool,
) -> Result<Build, sqlx::Error> {
    let number: i64 = sqlx::query_scalar(REGISTER)
        .bind(view.name)
        .bind(to_sql(view.version))
        .bind(filters_of(view))
        .bind(is_filled)
        .fetch_one(&mut *tx)
        .await?;
    let build = Build { number, view: view.name };
    for statement in Dialect::Sqlite.create(&build, is_filled) {
        sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *tx).await?;
    }
    Ok(build)
}

/// Writes rows of a bulk fill and the lists of their entries.
pub(super) async fn fill_in_tx(tx: &mut SqliteConnection, build: &Build, rows: &FilledRows) -> Result<(), sqlx::Error> {
    fill_rows_in_tx(tx, build, &rows.new).await?;
    if rows.again.is_empty() {
        return Ok(());
    }
    // Few, so that it does not matter that all of them go first.
    let keys: Vec<&str> = rows.again.iter().map(|row| &*row.key).collect();
    let Tables { rows: table, fill, .. } = Tables::of(build);
    for table in [table, fill] {
        remove_in_tx(tx, &table, &keys).await?;
    }
    fill_rows_in_tx(tx, build, &rows.again).await
}

async fn fill_rows_in_tx(tx: &mut SqliteConnection, build: &Build, rows: &[RowChange]) -> Result<(), sqlx::Error> {
    let Tables { rows: table, fill, .. } = Tables::of(build);
    let written = |row: &'_ RowChange| row.doc.is_some();
    let rows: Vec<&RowChange> = rows.iter().filter(|row| written(row)).collect();
    let (head, fill_head) = (into_rows(&table), format!("insert into {fill} (key, sort, entries)"));
    for chunk in chunks(&rows) {
        let sql = insert(&head, 2, chunk.len(), "");
        let mut statement = sqlx::query(AssertSqlSafe(sql));
        for row in chunk {
            statement = statement.bind(&*row.key).bind(without_nul(row.doc.as_deref().unwrap_or_default()));
        }
        statement.execute(&mut *tx).await?;
        let sql = insert(&fill_head, 3, chunk.len(), "");
        let mut statement = sqlx::query(AssertSqlSafe(sql));
        for row in chunk {
            statement = statement
                .bind(&*row.key)
                .bind(row.entries.sort)
                .bind(json(row.entries.values.iter().map(|value| &**value)));
        }
        statement.execute(&mut *tx).await?;
    }
    Ok(())
}

/// Sets the checkpoint of a bulk fill; false where the build is gone.
pub(super) async fn finish_in_tx(tx: &mut SqliteConnection, build: &Build, to: Position) -> Result<bool, sqlx::Error> {
    let finished = sqlx::query(FINISH).bind(position_to_sql(to)).bind(build.number).execute(&mut *tx).await?;
    drop_in_tx(tx, &[&Tables::of(build).fill]).await?;
    Ok(finished.rows_affected() == 1)
}

/// Moves a checkpoint that is where it is expected, and says what became of it.
pub(super) async fn move_checkpoint_in_tx(tx: &mut SqliteConnection, one: &Move) -> Result<Saved, sqlx::Error> {
    let moved = sqlx::query("update views set position = $1 where number = $2 and position = $3 and not filling")
        .bind(position_to_sql(one.to))
        .bind(one.build.number)
        .bind(position_to_sql(one.from))
        .execute(&mut *tx)
        .await?;
    if moved.rows_affected() == 1 {
        return Ok(Saved::Written);
    }
    let found: Option<i64> = sqlx::query_scalar("select number from views where number = $1 and not filling")
        .bind(one.build.number)
        .fetch_optional(tx)
        .await?;
    Ok(if found.is_some() { Saved::Fenced } else { Saved::Gone })
}

/// Writes and removes rows and entries.
pub(super) async fn write_in_tx(
    tx: &mut SqliteConnection,
    build: &Build,
    rows: &[RowChange],
) -> Result<(), sqlx::Error> {
    let Tables { rows: table, by, .. } = Tables::of(build);
    let Changes { keys, docs, removed, gone, made } = Changes::of(rows);
    let rows: Vec<(&str, &str)> = keys.into_iter().zip(docs.iter().map(|doc| &**doc)).collect();
    let head = into_rows(&table);
    for chunk in chunks(&rows) {
        let sql = insert(&head, 2, chunk.len(), " on conflict (key) do update set doc = excluded.doc");
        let mut statement = sqlx::query(AssertSqlSafe(sql));
        for (key, doc) in chunk {
            statement = statement.bind(*key).bind(*doc);
        }
        statement.execute(&mut *tx).await?;
    }
    remove_in_tx(tx, &table, &removed).await?;
    if !gone.keys.is_empty() {
        let sql = format!(
            "delete from {by} where (value, sort, key) in \
             (select value ->> 0, value ->> 1, value ->> 2 from json_each($1))"
        );
        let gone = gone.iter().map(|(value, sort, key)| serde_json::json!([value, sort, key]));
        sqlx::query(AssertSqlSafe(sql)).bind(json(gone)).execute(&mut *tx).await?;
    }
    let made: Vec<_> = made.iter().collect();
    let head = format!("insert or ignore into {by} (value, sort, key)");
    for chunk in chunks(&made) {
        let mut statement = sqlx::query(AssertSqlSafe(insert(&head, 3, chunk.len(), "")));
        for (value, sort, key) in chunk {
            statement = statement.bind(*value).bind(*sort).bind(*key);
        }
        statement.execute(&mut *tx).await?;
    }
    Ok(())
}

async fn remove_in_tx(tx: &mut SqliteConnection, table: &str, keys: &[&str]) -> Result<(), sqlx::Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = format!("delete from {table} where key in (select value from json_each($1))");
    sqlx::query(AssertSqlSafe(sql)).bind(json(keys.iter().copied())).execute(tx).await.map(drop)
}

fn into_rows(table: &str) -> String {
    format!("insert into {table} (key, doc)")
}

/// A list as an argument: SQLite takes none.
pub(super) fn json(values: impl IntoIterator<Item = impl Into<Value>>) -> String {
    values.into_iter().map(Into::into).collect::<Value>().to_string()
}

/// False where the build is gone.
pub(super) async fn activate_in_tx(tx: &mut SqliteConnection, build: &Build) -> Result<bool, sqlx::Error> {
    let numbers: Vec<i64> =
        sqlx::query_scalar("select number from views where name = $1").bind(build.view).fetch_all(&mut *tx).await?;
    if !numbers.contains(&build.number) {
        return Ok(false);
    }
    sqlx::query(FORGET_OTHERS).bind(build.view).bind(build.number).execute(&mut *tx).await?;
    sqlx::query(ACTIVATE).bind(build.number).execute(&mut *tx).await?;
    for number in numbers.into_iter().filter(|number| *number != build.number) {
        drop_in_tx(tx, &Tables::of(&Build { number, view: build.view }).all()).await?;
    }
    Ok(true)
}

pub(super) async fn drop_in_tx(tx: &mut SqliteConnection, tables: &[&str]) -> Result<(), sqlx::Error> {
    for table in tables {
        let sql = format!("drop table if exists {table}");
        sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(&mut *tx).await?;
    }
    Ok(())
}
