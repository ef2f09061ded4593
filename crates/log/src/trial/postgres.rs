//! The transaction of a batch on PostgreSQL in steps that a trial can come between.

use app::fault::{self, Point, Sabotage};
use app::port::Append;
use futures::future::BoxFuture;
use sqlx::{Executor as _, PgConnection};

use crate::record::events_of;
use crate::steps::Steps;

/// Steps for a build with faults; in every other build one statement is the transaction.
pub(crate) fn postgres_steps() -> Option<Steps<PgConnection>> {
    fault::IS_ENABLED.then_some(Steps { begin, commit })
}

fn begin<'a>(connection: &'a mut PgConnection, batch: &'a [Append]) -> BoxFuture<'a, Result<(), sqlx::Error>> {
    Box::pin(async move {
        if fault::is_sabotaged(Sabotage::AnswerBeforeCommit) {
            // Of the batch before, which was answered; without one it is a warning.
            connection.execute("commit").await?;
        }
        if !fault::is_sabotaged(Sabotage::Sequence) {
            return connection.execute("begin").await.map(drop);
        }
        connection.execute("create sequence if not exists views.sabotage minvalue 0 start 0").await?;
        connection.execute("begin").await?;
        let wanted: u32 = batch.iter().map(events_of).sum();
        // What a sequence gave is not taken back: where the batch is refused, its positions are skipped.
        sqlx::query(
            "with moved as (
                update head
                set position = greatest(head.position, (select last_value from views.sabotage))
                returning position
            )
            select setval('views.sabotage', position + $1)
            from moved",
        )
        .bind(i64::from(wanted))
        .execute(connection)
        .await
        .map(drop)
    })
}

fn commit(connection: &mut PgConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
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
