//! What is kept beside the events, as far as it is the same on both databases.

use std::collections::BTreeMap;

use app::port::{Failure, Lost};
use kernel::Position;

use crate::record::position_from_sql;

/// The events that follow no event of their stream, after a position.
pub(crate) const HOLE: &str = "select
    position,
    stream,
    version
from events
where position > $1
    and version > 1
    and not exists (
        select 1
        from events as before
        where before.stream = events.stream and before.version = events.version - 1
    )
order by position
limit 1";
/// What the log is known to have lost.
pub(crate) const LOST_OF_HEAD: &str = "select lost_after, lost_to from head";

/// Stops recording, unless the stream of accepted losses has moved on: after, to, and how many losses were accepted.
pub(crate) const HALT: &str = "update head
set lost_after = $1, lost_to = $2
where lost_after is null
    and (select count(*) from events where stream >= 'log-' and stream < 'log.') = $3";

/// What is still lost after events were brought back: after, to.
pub(crate) const STILL_LOST: &str = "update head set lost_after = $1, lost_to = $2";

/// How far consumers have come.
pub(crate) const FLOORS: &str = "select consumer, position from floors";

/// A floor rises and never falls: consumer, position.
pub(crate) const RAISE_FLOOR: &str = "insert into floors (consumer, position)
values ($1, $2)
on conflict (consumer) do update
set position = excluded.position
where floors.position < excluded.position";

pub(crate) fn lost_from((after, to): (Option<i64>, Option<i64>)) -> Option<Lost> {
    let position = |sql: Option<i64>| position_from_sql(sql?).ok();
    Some(Lost { after: position(after)?, to: position(to)? })
}

pub(crate) fn floors_of(rows: Vec<(String, i64)>) -> Result<BTreeMap<String, Position>, Failure> {
    rows.into_iter().map(|(consumer, position)| Ok((consumer, position_from_sql(position)?))).collect()
}
