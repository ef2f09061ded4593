//! What appends and rows of a log mean, for every backend alike.

use app::port::{Append, Failure, Fingerprint, Moved, Part, Receipt};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::{CommandId, EventId, Position, Recorded, StreamId, Version};
use uuid::Uuid;

use crate::failure::broken;

const READ: &str = "read the log";

/// Refuses an append that no log could record: a mistake of the caller.
pub(crate) fn check(append: &Append) -> Result<(), Failure> {
    let reason = match append.parts.as_slice() {
        [] => format!("command {} names no stream", append.command),
        [_] => return Ok(()),
        parts => {
            let repeated =
                parts.iter().enumerate().find(|(n, part)| parts[..*n].iter().any(|p| p.stream == part.stream));
            let Some((_, part)) = repeated else { return Ok(()) };
            format!("command {} names {} twice", append.command, part.stream)
        }
    };
    Err(broken("append to the log", reason))
}

/// The part on the stream that the command names.
pub(crate) fn leading(append: &Append) -> &Part {
    append.parts.first().expect("an append without parts was refused when it came")
}

/// How many events an append has.
pub(crate) fn events_of(append: &Append) -> u32 {
    append.parts.iter().map(|part| count_of(part.events.len())).sum()
}

/// The receipt of an append whose first event comes right after `before`.
pub(crate) fn made(append: &Append, before: Position) -> Receipt {
    let events = events_of(append);
    let moved = |part: &Part| Moved { stream: part.stream.clone(), version: part.version() };
    let (first, others) = (leading(append), moving_others(append));
    Receipt {
        command: append.command,
        streams: std::iter::once(first).chain(others).map(moved).collect(),
        first: (events > 0).then(|| before.next()),
        events,
        replayed: false,
    }
}

/// The parts with events, without the first part.
fn moving_others(append: &Append) -> impl Iterator<Item = &Part> {
    append.parts.iter().skip(1).filter(|part| !part.events.is_empty())
}

/// Every other stream of a receipt with its version, as it is stored: `[["case-…",3]]`. `None` if there is none, as a rule.
pub(crate) fn also(append: &Append) -> Option<String> {
    let others: Vec<(&str, u32)> = moving_others(append).map(|part| (part.stream.as_str(), part.version().0)).collect();
    (!others.is_empty()).then(|| serde_json::to_string(&others).expect("texts and numbers can be written as JSON"))
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
    pub(crate) also: Option<String>,
}

impl CommandRow {
    /// The receipt, marked as replayed, and the request.
    pub(crate) fn into_found(self) -> Result<(Receipt, Fingerprint), Failure> {
        let request = Fingerprint::from_bytes(&self.request);
        let request = request.ok_or_else(|| broken(READ, format!("command {} has no request", self.command)))?;
        let mut streams =
            vec![Moved { stream: stream_from_sql(&self.stream)?, version: Version(from_sql(self.version)?) }];
        streams.extend(self.also.as_deref().map_or(Ok(Vec::new()), also_from_sql)?);
        let receipt = Receipt {
            command: CommandId::new(self.command),
            streams,
            first: self.first.map(position_from_sql).transpose()?,
            events: from_sql(self.events)?,
            replayed: true,
        };
        Ok((receipt, request))
    }
}

fn also_from_sql(also: &str) -> Result<Vec<Moved>, Failure> {
    let others: Vec<(String, u32)> =
        serde_json::from_str(also).map_err(|error| broken(READ, format!("the streams of a command: {error}")))?;
    let moved =
        |(stream, version): (String, u32)| Ok(Moved { stream: stream_from_sql(&stream)?, version: Version(version) });
    others.into_iter().map(moved).collect()
}

/// A stream as SQL gave it.
pub(crate) fn stream_from_sql(stream: &str) -> Result<StreamId, Failure> {
    stream.parse().map_err(|error: kernel::stream::InvalidStream| broken(READ, error.to_string()))
}

/// Refuses events of one stream with a hole before or between them: they must be the versions `after` + 1, + 2, ...
pub(crate) fn check_whole(after: Version, events: &[Recorded]) -> Result<(), Failure> {
    let mut before = after;
    for event in events {
        if event.version.0 != before.0 + 1 {
            let reason =
                format!("in {} comes version {} after {before}: the log has been damaged", event.stream, event.version);
            return Err(broken(READ, reason));
        }
        before = event.version;
    }
    Ok(())
}

/// Refuses events with a gap in their positions, which must be `after` + 1, + 2, ...
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
