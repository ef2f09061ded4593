//! The one log: gapless positions, one effect per command, bytes as they were written.

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{CommandId, EventId, Position, Recorded, StreamId, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Failure;

/// An event that is not recorded yet.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub id: EventId,
    /// The CloudEvents type.
    pub kind: &'static str,
    pub time: DateTime<Utc>,
    /// The CloudEvents JSON, made by `kernel::envelope::encode`.
    pub bytes: Bytes,
}

/// What one command records: all of its parts at consecutive positions in one transaction, or nothing.
#[derive(Clone, Debug)]
pub struct Append {
    /// Made by the client.
    pub command: CommandId,
    /// Keyed hash of the request: the same id with another hash is refused.
    pub request: Digest,
    /// The stream that the command names, then the others. At least one, and no stream twice.
    pub parts: Vec<Part>,
    /// When the command was handled.
    pub at: DateTime<Utc>,
}

/// What one command records on one stream.
///
/// A part without events is check-only: its stream must be at `expected` and stays there. The command is recorded even if its
/// first part has no events.
#[derive(Clone, Debug)]
pub struct Part {
    pub stream: StreamId,
    /// The version the decision was made on.
    pub expected: Version,
    pub events: Vec<NewEvent>,
}

impl Part {
    /// The version of the stream after this part.
    ///
    /// # Panics
    /// If the stream would have more than 4 billion events.
    pub fn version(&self) -> Version {
        let events = u32::try_from(self.events.len()).expect("a command has few events");
        Version(self.expected.0.checked_add(events).expect("a stream has few events"))
    }
}

/// What a command did. The same command again gets the same receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub command: CommandId,
    /// Every stream that got events, with its version after the command. The stream that the command names comes first, and is
    /// listed even if it got no event.
    pub streams: Vec<Moved>,
    /// Position of the first event; `None` if the command recorded no event.
    pub first: Option<Position>,
    /// How many events were recorded, at consecutive positions.
    pub events: u32,
    /// Whether this is the receipt of an earlier request with the same id.
    pub replayed: bool,
}

/// A stream and its version after a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    pub stream: StreamId,
    /// The version after the command.
    pub version: Version,
}

/// Why an append had no effect.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Another command moved one of the streams first. Load, decide and try again.
    #[error("stream {stream} is at version {actual}, not {expected}")]
    Conflict {
        /// The first stream of the append that has moved.
        stream: StreamId,
        /// The version the decision was made on.
        expected: Version,
        actual: Version,
    },
    /// The command id was used for another request.
    #[error("command {0} was used for another request")]
    CommandReused(CommandId),
    /// The log is broken or out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The event log.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Records the events of a command durably, all or none. A repeated command gets its first receipt.
    ///
    /// An append without parts, or with two parts on one stream, is a mistake of the caller and fails.
    async fn append(&self, append: Append) -> Result<Receipt, AppendError>;

    /// The receipt of a command that has been recorded, and the hash of its request.
    async fn outcome(&self, command: CommandId) -> Result<Option<(Receipt, Digest)>, Failure>;

    /// The events of `stream` with a version above `after`, in order.
    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure>;

    /// At most `limit` events with a position above `after`, in order and without a gap.
    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure>;

    /// The position of the newest event.
    async fn head(&self) -> Result<Position, Failure>;

    /// Wakes readers: the newest position that is known to be committed, by this process or by another one.
    ///
    /// Commits of this process show at once, commits of others within about 20 ms, and within about a second if the message
    /// about them was lost. Before the first reading, and after a failure to reach the log, the position may be older.
    fn committed(&self) -> watch::Receiver<Position>;
}
