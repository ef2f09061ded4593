//! Rows of the log as PostgreSQL returns them.

use chrono::{DateTime, Utc};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::record::{CommandRow, EventRow};

/// Position, version, id, type, time, bytes.
pub(super) fn read_event(row: &PgRow) -> Result<EventRow, sqlx::Error> {
    Ok(EventRow {
        position: row.try_get(0)?,
        version: row.try_get(1)?,
        id: row.try_get(2)?,
        kind: row.try_get(3)?,
        time: row.try_get::<DateTime<Utc>, _>(4)?,
        bytes: row.try_get(5)?,
    })
}

/// Command, request, stream, version, first position, number of events, other streams.
pub(super) fn read_command(row: &PgRow) -> Result<CommandRow, sqlx::Error> {
    Ok(CommandRow {
        command: row.try_get(0)?,
        request: row.try_get(1)?,
        stream: row.try_get(2)?,
        version: row.try_get(3)?,
        first: row.try_get(4)?,
        events: row.try_get(5)?,
        also: row.try_get(6)?,
    })
}
