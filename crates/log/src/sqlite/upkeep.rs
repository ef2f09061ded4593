//! What is kept beside the events: losses, whole streams, and how far departments had come.

use std::collections::BTreeMap;
use std::time::Duration;

use app::port::{Failure, Lost};
use kernel::{Position, Version};
use sqlx::{Connection as _, Row as _, SqliteConnection};
use uuid::Uuid;

use crate::error::OpenError;
use crate::failure::{broken, failure};
use crate::record::{position_to_sql, to_sql};
use crate::upkeep::{FLOORS, HALT, HOLE, LOST_OF_HEAD, RAISE_FLOOR, floors_of, lost_from};

/// Refuses a log in which a stream does not begin at 1 or has a hole, among the events after what was found whole before, or among
/// all of them.
pub(super) async fn refuse_holes(connection: &mut SqliteConnection, is_all: bool) -> Result<(), OpenError> {
    let row = sqlx::query("select whole_to, (select coalesce(max(position), 0) from events) from upkeep");
    let row = row.fetch_one(&mut *connection).await.map_err(OpenError::Streams)?;
    let whole_to: i64 = row.try_get(0).map_err(OpenError::Streams)?;
    let head: i64 = row.try_get(1).map_err(OpenError::Streams)?;
    let from = if is_all { 0 } else { whole_to };
    let hole = sqlx::query_as(HOLE).bind(from).fetch_optional(&mut *connection).await.map_err(OpenError::Streams)?;
    if let Some((position, stream, version)) = hole {
        return Err(OpenError::Hole { position, stream, version });
    }
    let whole = sqlx::query("update upkeep set whole_to = max(whole_to, $1)").bind(head).execute(connection).await;
    whole.map(drop).map_err(OpenError::Streams)
}

/// What the log is known to have lost.
pub(super) async fn lost(connection: &mut SqliteConnection) -> Result<Option<Lost>, sqlx::Error> {
    let row: (Option<i64>, Option<i64>) = sqlx::query_as(LOST_OF_HEAD).fetch_one(connection).await?;
    Ok(lost_from(row))
}

/// Stops recording, unless the stream of accepted losses has moved on.
pub(super) async fn halt(connection: &mut SqliteConnection, lost: Lost, accepted: Version) -> Result<(), sqlx::Error> {
    sqlx::query(HALT)
        .bind(position_to_sql(lost.after))
        .bind(position_to_sql(lost.to))
        .bind(i64::from(to_sql(accepted.0)))
        .execute(connection)
        .await
        .map(drop)
}

/// Takes or keeps the right to recreate the stream.
pub(super) async fn lease(
    connection: &mut SqliteConnection,
    holder: Uuid,
    lasts: Duration,
) -> Result<bool, sqlx::Error> {
    let taken = sqlx::query(
        "update upkeep
        set rebuilder = $1, rebuilds_until = unixepoch() + $2
        where rebuilder is null or rebuilder = $1 or rebuilds_until < unixepoch()",
    )
    .bind(holder)
    .bind(i64::try_from(lasts.as_secs()).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// How far consumers have come.
pub(super) async fn floors(connection: &mut SqliteConnection) -> Result<BTreeMap<String, Position>, Failure> {
    const OPERATION: &str = "read how far consumers have come";
    let rows: Vec<(String, i64)> =
        sqlx::query_as(FLOORS).fetch_all(connection).await.map_err(|source| failure(OPERATION, &source))?;
    floors_of(rows).map_err(|error| broken(OPERATION, error.reason))
}

/// Raises what is kept of them. In the order of their names, so that two processes do not wait for each other.
pub(super) async fn raise_floors(
    connection: &mut SqliteConnection,
    floors: BTreeMap<String, Position>,
) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    for (consumer, position) in floors {
        sqlx::query(RAISE_FLOOR).bind(consumer).bind(position_to_sql(position)).execute(&mut *tx).await?;
    }
    tx.commit().await
}
