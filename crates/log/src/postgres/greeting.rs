//! What every new connection asks first: which log is behind it.

use std::io::{Error, ErrorKind};

use app::port::Lost;
use sqlx::PgConnection;

use crate::incarnation::{Identity, Incarnation};
use crate::record::{position_from_sql, position_to_sql};
use crate::trial;

/// The timeline is null on a standby. The oid of the table differs where the log was restored into new tables.
const ASK: &str = "select
    (select system_identifier from pg_control_system())::text || '/' || 'events'::regclass::oid,
    case
        when not pg_is_in_recovery() then substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8)
    end,
    (select coalesce(max(position), 0) from events),
    (select count(*) from events where stream >= 'log-' and stream < 'log.')";

/// Where it was not done by somebody else.
const HALT: &str = "update head
set lost_after = $1, lost_to = $2
where lost_after is null";

/// Asks which log is behind a new connection, and gives the number of its incarnation. Where this process knows that the log has
/// lost events, nothing is recorded from here on. A standby and an older server are refused, for now.
pub(super) async fn greet(connection: &mut PgConnection, incarnation: &Incarnation) -> Result<u64, sqlx::Error> {
    let certain = trial::certain(incarnation.certain());
    let (database, timeline, head, epochs): (String, Option<String>, i64, i64) =
        sqlx::query_as(ASK).fetch_one(&mut *connection).await?;
    let timeline = timeline.and_then(|timeline| u32::from_str_radix(&timeline, 16).ok());
    let timeline = timeline.ok_or_else(|| refused("this PostgreSQL is a standby"))?;
    let epochs = u64::try_from(epochs).unwrap_or_default();
    let head = position_from_sql(head).map_err(|failure| refused(&failure.reason))?;
    if trial::is_any_log_the_same() {
        return Ok(incarnation.number());
    }
    let met = incarnation.meet(Identity { database, timeline, epochs }, head, certain);
    let met = met.map_err(|_| refused("this PostgreSQL is an older one than before"))?;
    if let Some(Lost { after, to }) = met.lost {
        tracing::error!(first = %after.next(), last = %to, "the log has lost events: nothing is recorded any more");
        let halt = sqlx::query(HALT).bind(position_to_sql(after)).bind(position_to_sql(to));
        halt.execute(connection).await?;
        incarnation.told();
    }
    Ok(met.number)
}

/// A server that may be the right one later, or another one at the same address.
fn refused(why: &str) -> sqlx::Error {
    sqlx::Error::Io(Error::new(ErrorKind::ConnectionRefused, why.to_owned()))
}
