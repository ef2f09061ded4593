//! The transaction of a batch on SQLite, with what a trial does at its beginning and end.

use std::sync::atomic::{AtomicI64, Ordering};

use app::fault::{self, Point, Sabotage};
use app::port::Append;
use futures::future::BoxFuture;
use sqlx::{Executor as _, SqliteConnection};

use crate::record::events_of;
use crate::steps::Steps;

/// The last position that was given to anybody, whether or not it was used: the sequence of a sabotaged log.
static SEQUENCE: AtomicI64 = AtomicI64::new(0);

/// Steps for a build with faults; in every other build the transaction has the backend's own.
pub(crate) fn sqlite_steps() -> Option<Steps<SqliteConnection>> {
    fault::IS_ENABLED.then_some(Steps { begin, commit })
}

fn begin<'a>(connection: &'a mut SqliteConnection, batch: &'a [Append]) -> BoxFuture<'a, Result<(), sqlx::Error>> {
    Box::pin(async move {
        if fault::is_sabotaged(Sabotage::AnswerBeforeCommit) {
            // Of the batch before, which was answered; there is none the first time.
            let _ = connection.execute("commit").await;
        }
        connection.execute("begin immediate").await?;
        if fault::is_sabotaged(Sabotage::Sequence) {
            let wanted: u32 = batch.iter().map(events_of).sum();
            let base: i64 = sqlx::query_scalar("update head set position = max(position, $1) returning position")
                .bind(SEQUENCE.load(Ordering::Relaxed))
                .fetch_one(connection)
                .await?;
            SEQUENCE.store(base + i64::from(wanted), Ordering::Relaxed);
        }
        Ok(())
    })
}

fn commit(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
    Box::pin(async move {
        if fault::is_sabotaged(Sabotage::Sequence) {
            connection.execute("update head set position = (select coalesce(max(position), 0) from events)").await?;
        }
        fault::point(Point::AppendBeforeCommit);
        if fault::is_sabotaged(Sabotage::AnswerBeforeCommit) {
            return Ok(());
        }
        connection.execute("commit").await.map(drop)
    })
}
