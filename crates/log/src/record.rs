//! What rows of a log mean, for every backend alike.

use app::port::{Append, Failure, Receipt};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{CommandId, EventId, Position, Recorded, StreamId, Version};
use uuid::Uuid;

use crate::failure::broken;

const READ: &str = "read the log";

/// The receipt of an append whose first event comes right after `before`.
pub(crate) fn made(append: &Append, before: Position) -> Receipt {
    let events = count_of(append.events.len());
    Receipt {
        command: append.command,
        stream: append.stream.clone(),
        version: Version(append.expected.0 + events),
        first: (events > 0).then(|| before.next()),
        events,
        replayed: false,
    }
}

/// A count of events as it is stored.
pub(crate) fn count_of(events: usize) -> u32 {
    u32::try_from(events).unwrap_or(u32::MAX)
}

/// The version of a stream that has so many events.
pub(crate) fn version_of(events: usize) -> Version {
    Version(count_of(events))
}

/// A version or count as SQL keeps it.
pub(crate) fn to_sql(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A version or count as SQL gave it.
pub(crate) fn from_sql(number: i32) -> Result<u32, Failure> {
    u32::try_from(number).map_err(|_| broken(READ, format!("{number} is stored where a count belongs")))
}

/// A position as SQL keeps it.
pub(crate) fn position_to_sql(position: Position) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}

/// A position as SQL gave it.
pub(crate) fn position_from_sql(position: i64) -> Result<Position, Failure> {
    let position = u64::try_from(position);
    position.map(Position).map_err(|_| broken(READ, "a negative number is stored where a position belongs"))
}

/// A row of `events`.
pub(crate) struct EventRow {
    pub(crate) position: i64,
    pub(crate) version: i32,
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) time: DateTime<Utc>,
    pub(crate) bytes: Vec<u8>,
}

impl EventRow {
    /// The event, which belongs to `stream`.
    pub(crate) fn into_recorded(self, stream: StreamId) -> Result<Recorded, Failure> {
        Ok(Recorded {
            position: position_from_sql(self.position)?,
            stream,
            version: Version(from_sql(self.version)?),
            id: EventId::new(self.id),
            kind: self.kind,
            time: self.time,
            bytes: Bytes::from(self.bytes),
        })
    }
}

/// A row of `commands`.
pub(crate) struct CommandRow {
    pub(crate) command: Uuid,
    pub(crate) request: Vec<u8>,
    pub(crate) stream: String,
    pub(crate) version: i32,
    pub(crate) first: Option<i64>,
    pub(crate) events: i32,
}

impl CommandRow {
    /// The receipt, marked as found, and the hash of the request.
    pub(crate) fn into_found(self) -> Result<(Receipt, Digest), Failure> {
        let request = <[u8; 32]>::try_from(self.request);
        let request = request.map_err(|_| broken(READ, format!("command {} has no request hash", self.command)))?;
        let receipt = Receipt {
            command: CommandId::new(self.command),
            stream: stream_from_sql(&self.stream)?,
            version: Version(from_sql(self.version)?),
            first: self.first.map(position_from_sql).transpose()?,
            events: from_sql(self.events)?,
            replayed: true,
        };
        Ok((receipt, Digest::from_bytes(request)))
    }
}

/// A stream as SQL gave it.
pub(crate) fn stream_from_sql(stream: &str) -> Result<StreamId, Failure> {
    stream.parse().map_err(|error: kernel::stream::InvalidStream| broken(READ, error.to_string()))
}

/// Events read in order of position, where nothing may be missing: position is `after` + 1, + 2, ...
pub(crate) fn check_gapless(after: Position, events: &[Recorded]) -> Result<(), Failure> {
    let mut before = after;
    for event in events {
        if event.position != before.next() {
            let reason = format!("after position {before} comes {}: the log has been damaged", event.position);
            return Err(broken(READ, reason));
        }
        before = event.position;
    }
    Ok(())
}
