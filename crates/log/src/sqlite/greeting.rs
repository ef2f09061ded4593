//! Which log is in the file, and where it ends.

use sqlx::SqliteConnection;

use crate::incarnation::{Identity, Incarnation};
use crate::record::{position_from_sql, position_to_sql};

const ASK: &str = "select
    position,
    (select count(*) from events where stream >= 'log-' and stream < 'log.')
from head";

const HALT: &str = "update head
set lost_after = $1, lost_to = $2
where lost_after is null";

/// Asks where the log ends. Where this process knows that it has lost events, nothing is recorded from here on.
pub(super) async fn greet(connection: &mut SqliteConnection, incarnation: &Incarnation) -> Result<(), sqlx::Error> {
    let certain = incarnation.certain();
    let (head, epochs): (i64, i64) = sqlx::query_as(ASK).fetch_one(&mut *connection).await?;
    let head = position_from_sql(head).map_err(|failure| sqlx::Error::Decode(failure.reason.into()))?;
    let epochs = u64::try_from(epochs).unwrap_or_default();
    let identity = Identity { database: "file".to_owned(), timeline: 0, epochs };
    let met = incarnation.meet(identity, head, certain);
    if let Some(lost) = met.ok().and_then(|met| met.lost) {
        tracing::error!(first = %lost.first(), last = %lost.to, "the log has lost events: nothing is recorded any more");
        let halt = sqlx::query(HALT).bind(position_to_sql(lost.after)).bind(position_to_sql(lost.to));
        halt.execute(connection).await?;
        incarnation.told();
    }
    Ok(())
}
