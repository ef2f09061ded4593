//! What is kept beside the events: losses, whole streams, and how far departments had come.

use std::collections::BTreeMap;
use std::time::Duration;

use app::port::{Failure, Lost};
use kernel::{Position, Version};
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::error::OpenError;
use crate::failure::{broken, failure};
use crate::record::{position_to_sql, to_sql};
use crate::upkeep::{FLOORS, HALT, HOLE, LOST_OF_HEAD, RAISE_FLOOR, floors_of, lost_from};

/// What `append_batch` raises while nothing is recorded: `lost AFTER TO`.
const LOST: &str = "DG001";

/// What was lost, if an error says that nothing is recorded because of it.
pub(super) fn lost_in(source: &sqlx::Error) -> Option<Lost> {
    let error = source.as_database_error().filter(|error| error.code().is_some_and(|code| code == LOST))?;
    let mut numbers = error.message().split(' ').filter_map(|word| word.parse().ok());
    Some(Lost { after: Position(numbers.next()?), to: Position(numbers.next()?) })
}

/// Refuses a log in which a stream does not begin at 1 or has a hole, among the events after what was found whole before, or among
/// all of them.
pub(super) async fn refuse_holes(connection: &mut PgConnection, is_all: bool) -> Result<(), OpenError> {
    let row = sqlx::query("select whole_to, (select coalesce(max(position), 0) from events) from upkeep");
    let row = row.fetch_one(&mut *connection).await.map_err(OpenError::Streams)?;
    let whole_to: i64 = row.try_get(0).map_err(OpenError::Streams)?;
    let head: i64 = row.try_get(1).map_err(OpenError::Streams)?;
    let from = if is_all { 0 } else { whole_to };
    let hole = sqlx::query_as(HOLE).bind(from).fetch_optional(&mut *connection).await.map_err(OpenError::Streams)?;
    if let Some((position, stream, version)) = hole {
        return Err(OpenError::Hole { position, stream, version });
    }
    let whole = sqlx::query("update upkeep set whole_to = greatest(whole_to, $1)").bind(head).execute(connection).await;
    whole.map(drop).map_err(OpenError::Streams)
}

/// What the log is known to have lost.
pub(super) async fn lost(connection: &mut PgConnection) -> Result<Option<Lost>, sqlx::Error> {
    let row: (Option<i64>, Option<i64>) = sqlx::query_as(LOST_OF_HEAD).fetch_one(connection).await?;
    Ok(lost_from(row))
}

/// Stops recording, unless the stream of accepted losses has moved on.
pub(super) async fn halt(connection: &mut PgConnection, lost: Lost, accepted: Version) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    // What is counted below was recorded before this lock.
    sqlx::query("select position from head for update").execute(&mut *tx).await?;
    sqlx::query(HALT)
        .bind(position_to_sql(lost.after))
        .bind(position_to_sql(lost.to))
        .bind(i64::from(to_sql(accepted.0)))
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}

/// Takes or keeps the right to recreate the stream.
pub(super) async fn lease(connection: &mut PgConnection, holder: Uuid, lasts: Duration) -> Result<bool, sqlx::Error> {
    let taken = sqlx::query(
        "update upkeep
        set rebuilder = $1, rebuilds_until = clock_timestamp() + $2 * interval '1 second'
        where rebuilder is null or rebuilder = $1 or rebuilds_until < clock_timestamp()",
    )
    .bind(holder)
    .bind(lasts.as_secs_f64())
    .execute(connection)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// How many standbys a commit waits for. Whoever may not see statistics of other users (`pg_read_all_stats`) sees none.
pub(super) async fn standbys(connection: &mut PgConnection) -> Result<usize, sqlx::Error> {
    let counted: i64 = sqlx::query_scalar(
        "select count(*)
        from pg_stat_replication
        where sync_state in ('sync', 'quorum') and state = 'streaming'",
    )
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(counted).unwrap_or_default())
}

/// How far consumers have come.
pub(super) async fn floors(connection: &mut PgConnection) -> Result<BTreeMap<String, Position>, Failure> {
    const OPERATION: &str = "read how far consumers have come";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(FLOORS).fetch_all(connection).await.map_err(|source| failure(OPERATION, &source))?;
    floors_of(rows).map_err(|error| broken(OPERATION, error.reason))
}

/// Raises what is kept of them. In the order of their names, so that two processes do not wait for each other.
pub(super) async fn raise_floors(
    connection: &mut PgConnection,
    floors: BTreeMap<String, Position>,
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    for (consumer, position) in floors {
        sqlx::query(RAISE_FLOOR).bind(consumer).bind(position_to_sql(position)).execute(&mut *tx).await?;
    }
    tx.commit().await
}
