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
    /// The CloudEvents id.
    pub id: EventId,
    /// The CloudEvents type.
    pub kind: &'static str,
    /// When it is recorded.
    pub time: DateTime<Utc>,
    /// The CloudEvents JSON, made by `kernel::envelope::encode`.
    pub bytes: Bytes,
}

/// What one command records: all of its parts at consecutive positions in one transaction, or nothing.
#[derive(Clone, Debug)]
pub struct Append {
    /// The client-made id.
    pub command: CommandId,
    /// Keyed hash of the request: the same id with another hash is refused.
    pub request: Digest,
    /// The stream that the command names, then the others. No stream is named twice.
    pub parts: Vec<Part>,
    /// When the command was handled.
    pub at: DateTime<Utc>,
}

/// What one command records on one stream. The first part may have no events: the command is recorded all the same. A later
/// part without events is check-only: its stream must be at `expected` and stays there.
#[derive(Clone, Debug)]
pub struct Part {
    /// The stream.
    pub stream: StreamId,
    /// The version the decision was made on.
    pub expected: Version,
    /// What happened.
    pub events: Vec<NewEvent>,
}

impl Part {
    /// The version of the stream after it.
    ///
    /// # Panics
    /// Where a stream would have more than 4 billion events.
    pub fn version(&self) -> Version {
        let events = u32::try_from(self.events.len()).expect("a command has few events");
        Version(self.expected.0.checked_add(events).expect("a stream has few events"))
    }
}

/// What a command did; the same command again gets the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The command.
    pub command: CommandId,
    /// Every stream that it recorded events on, with its version after it: the one that the command names first, and that one
    /// also where it got no event.
    pub streams: Vec<Moved>,
    /// Position of its first event; `None` where nothing had to happen.
    pub first: Option<Position>,
    /// How many events it recorded, at consecutive positions.
    pub events: u32,
    /// Whether this is the receipt of an earlier request with the same id.
    pub replayed: bool,
}

/// A stream and the version it has after a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moved {
    /// The stream.
    pub stream: StreamId,
    /// Its version after the command.
    pub version: Version,
}

/// Why an append had no effect.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Somebody else was faster. Load, decide and try again.
    #[error("stream {stream} is at version {actual}, not {expected}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version the decision was made on.
        expected: Version,
        /// The version it has.
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
    /// Records the events of a command, all or none, durably. A repeated command gets its first receipt.
    async fn append(&self, append: Append) -> Result<Receipt, AppendError>;

    /// The receipt of a command that has been recorded.
    async fn outcome(&self, command: CommandId) -> Result<Option<(Receipt, Digest)>, Failure>;

    /// The events of `stream` with a version above `after`, in order.
    async fn stream(&self, stream: &StreamId, after: Version) -> Result<Vec<Recorded>, Failure>;

    /// At most `limit` events with a position above `after`, in order and without a gap.
    async fn after(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, Failure>;

    /// The position of the newest event.
    async fn head(&self) -> Result<Position, Failure>;

    /// Wakes readers of this process: the newest position that was committed or seen here. Appends of other
    /// processes show only after a [`EventLog::head`], so a reader also polls.
    fn committed(&self) -> watch::Receiver<Position>;
}
