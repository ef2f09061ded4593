//! Rows of the log as SQLite returns them.

use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::connection::time_from_micros;
use crate::record::{CommandRow, EventRow};

/// Position, version, id, type, time, bytes.
pub(super) fn read_event(row: &SqliteRow) -> Result<EventRow, sqlx::Error> {
    Ok(EventRow {
        position: row.try_get(0)?,
        version: row.try_get(1)?,
        id: row.try_get(2)?,
        kind: row.try_get(3)?,
        time: time_from_micros(row.try_get(4)?)?,
        bytes: row.try_get(5)?,
    })
}

/// Command, request, stream, version, first position, number of events, other streams.
pub(super) fn read_command(row: &SqliteRow) -> Result<CommandRow, sqlx::Error> {
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
