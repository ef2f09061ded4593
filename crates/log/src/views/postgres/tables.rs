//! What is done to tables of views and their register, inside a transaction.

use app::port::{Build, FilledRows, Move, RowChange, Saved, ViewSpec};
use kernel::Position;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::record::{position_to_sql, to_sql};
use crate::views::changes::Changes;
use crate::views::copied::{copy_entries_in_tx, copy_rows_in_tx};
use crate::views::statements::{ACTIVATE, Dialect, FINISH, FORGET_OTHERS, REGISTER, Tables, filters_of};

/// Moves checkpoints that are where they are expected, in order of number, so that two readers do not wait for each other in a
/// ring: numbers, positions before, positions after. Gives the builds that exist, and whether they were moved.
const MOVE_CHECKPOINTS: &str = "
with moves as (
    select
        unnest($1::bigint[]) as number,
        unnest($2::bigint[]) as before,
        unnest($3::bigint[]) as after
),
locked as (
    select
        views.number,
        views.position
    from views
    where views.number = any($1) and not views.filling
    order by views.number
    for update
),
moved as (
    update views
    set position = moves.after
    from locked
    join moves on moves.number = locked.number
    where views.number = locked.number and locked.position = moves.before
    returning views.number
)
select
    locked.number,
    moved.number is not null
from locked
left join moved on moved.number = locked.number";

pub(super) async fn begin_in_tx(tx: &mut PgConnection, view: &ViewSpec, is_filled: bool) -> Result<Build, sqlx::Error> {
    let number: i64 = sqlx::query_scalar(REGISTER)
        .bind(view.name)
        .bind(to_sql(view.version))
        .bind(filters_of(view))
        .bind(is_filled)
        .fetch_one(&mut *tx)
        .await?;
    let build = Build { number, view: view.name };
    for statement in Dialect::Postgres.create(&build, is_filled) {
        sqlx::query(AssertSqlSafe(statement)).persistent(false).execute(&mut *tx).await?;
    }
    compress_well_in_tx(tx, &Tables::of(&build).rows).await?;
    Ok(build)
}

/// Has documents of 2 KB and more compressed by LZ4, where the server was built with it: as small as with pglz, in a
/// tenth of the time.
async fn compress_well_in_tx(tx: &mut PgConnection, table: &str) -> Result<(), sqlx::Error> {
    let is_built: Option<bool> = sqlx::query_scalar(
        "select 'lz4' = any(enumvals)
        from pg_settings
        where name = 'default_toast_compression'",
    )
    .fetch_optional(&mut *tx)
    .await?;
    if is_built == Some(true) {
        let sql = format!("alter table {table} alter column doc set compression lz4");
        sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(tx).await?;
    }
    Ok(())
}

/// Writes rows of a bulk fill and the lists of their entries.
pub(super) async fn fill_in_tx(tx: &mut PgConnection, build: &Build, rows: &FilledRows) -> Result<(), sqlx::Error> {
    let Tables { rows: table, fill, .. } = Tables::of(build);
    if !rows.new.is_empty() {
        copy_rows_in_tx(tx, &table, &rows.new).await?;
        copy_entries_in_tx(tx, &fill, &rows.new).await?;
    }
    if rows.again.is_empty() {
        return Ok(());
    }
    // Few, so that it does not matter that all of them go first.
    let keys: Vec<&str> = rows.again.iter().map(|row| &*row.key).collect();
    for table in [&table, &fill] {
        let sql = format!("delete from {table} where key = any($1)");
        sqlx::query(AssertSqlSafe(sql)).bind(&keys).execute(&mut *tx).await?;
    }
    copy_rows_in_tx(tx, &table, &rows.again).await?;
    copy_entries_in_tx(tx, &fill, &rows.again).await
}

/// Sets the checkpoint of a bulk fill; false where the build is gone.
pub(super) async fn finish_in_tx(tx: &mut PgConnection, build: &Build, to: Position) -> Result<bool, sqlx::Error> {
    let finished = sqlx::query(FINISH).bind(position_to_sql(to)).bind(build.number).execute(&mut *tx).await?;
    drop_in_tx(tx, &[&Tables::of(build).fill]).await?;
    Ok(finished.rows_affected() == 1)
}

/// Moves checkpoints, and says what became of each.
pub(super) async fn move_checkpoints_in_tx(tx: &mut PgConnection, moves: &[Move]) -> Result<Vec<Saved>, sqlx::Error> {
    let numbers: Vec<i64> = moves.iter().map(|one| one.build.number).collect();
    let before: Vec<i64> = moves.iter().map(|one| position_to_sql(one.from)).collect();
    let after: Vec<i64> = moves.iter().map(|one| position_to_sql(one.to)).collect();
    let found: Vec<(i64, bool)> =
        sqlx::query_as(MOVE_CHECKPOINTS).bind(&numbers).bind(&before).bind(&after).fetch_all(tx).await?;
    let saved = |number| match found.iter().find(|(found, _)| *found == number) {
        Some((_, true)) => Saved::Written,
        Some((_, false)) => Saved::Fenced,
        None => Saved::Gone,
    };
    Ok(numbers.into_iter().map(saved).collect())
}

/// Writes and removes rows and entries, in one statement. Entries that are made do not exist: to have that looked at
/// (`on conflict do nothing`) made each of them half as dear again.
pub(super) async fn write_in_tx(tx: &mut PgConnection, build: &Build, rows: &[RowChange]) -> Result<(), sqlx::Error> {
    let Tables { rows: table, by, .. } = Tables::of(build);
    let Changes { keys, docs, removed, gone, made } = Changes::of(rows);
    let docs: Vec<&str> = docs.iter().map(|doc| &**doc).collect();
    let sql = format!(
        "with gone as (
            delete from {by} as entry
            using (
                select
                    unnest($1::text[]),
                    unnest($2::bigint[]),
                    unnest($3::text[])
            ) as dropped (value, sort, key)
            where entry.value = dropped.value and entry.sort = dropped.sort and entry.key = dropped.key
        ),
        made as (
            insert into {by} (value, sort, key)
            select
                unnest($4::text[]),
                unnest($5::bigint[]),
                unnest($6::text[])
        ),
        removed as (
            delete from {table} where key = any($7)
        )
        insert into {table} (key, doc)
        select
            unnest($8::text[]),
            unnest($9::text[])::json
        on conflict (key) do update set doc = excluded.doc"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(&gone.values)
        .bind(&gone.sorts)
        .bind(&gone.keys)
        .bind(&made.values)
        .bind(&made.sorts)
        .bind(&made.keys)
        .bind(&removed)
        .bind(&keys)
        .bind(&docs)
        .execute(tx)
        .await
        .map(drop)
}

/// False where the build is gone.
pub(super) async fn activate_in_tx(tx: &mut PgConnection, build: &Build) -> Result<bool, sqlx::Error> {
    // In order of number, so that two processes that activate builds of one view do not wait for each other in a ring.
    let numbers: Vec<i64> = sqlx::query_scalar("select number from views where name = $1 order by number for update")
        .bind(build.view)
        .fetch_all(&mut *tx)
        .await?;
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

pub(super) async fn drop_in_tx(tx: &mut PgConnection, tables: &[&str]) -> Result<(), sqlx::Error> {
    let sql = format!("drop table if exists {}", tables.join(", "));
    sqlx::query(AssertSqlSafe(sql)).persistent(false).execute(tx).await.map(drop)
}
