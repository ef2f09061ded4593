//! The one log: gapless positions, one effect per command, bytes as they were written.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::digest::Digest;
use kernel::{CommandId, EventId, PersonId, Position, Recorded, StreamId, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

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
    /// Whose command it is. Ids of commands are of their principal: two principals may use the same one.
    pub principal: String,
    /// Made by the client.
    pub command: CommandId,
    /// What the request says: the same id of the same principal with another one is refused.
    pub request: Fingerprint,
    /// The stream that the command names, then the others. At least one, and no stream twice.
    pub parts: Vec<Part>,
    /// When the command was handled.
    pub at: DateTime<Utc>,
    /// The incarnation of the log that was decided on, where the decision rests on what was read or remembered before. In another
    /// one nothing is recorded.
    pub incarnation: Option<u64>,
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
    /// Nothing is recorded until it is settled what becomes of lost events.
    #[error("{0}")]
    Halted(Lost),
    /// The log is broken or out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Events that were recorded and are not in the log, which went back in time: after a failover or a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The last position before the first of them.
    pub after: Position,
    /// The last of them.
    pub to: Position,
}

impl Lost {
    /// The first one.
    pub const fn first(&self) -> Position {
        self.after.next()
    }

    /// How many, at least; 0 where it is only known that the log is an older one.
    pub const fn count(&self) -> u64 {
        self.to.0.saturating_sub(self.after.0)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            0 => write!(f, "the log is older than the stream of NATS, and reaches to {}", self.after)?,
            // Not even the first event is the same: a loss leaves the beginning.
            count if self.after == Position::START => write!(
                f,
                "the stream of NATS is the copy of another log: none of its {count} events is in this one, which is a new installation \
                 or another database"
            )?,
            count => write!(f, "the log has lost {count} events, from position {} on", self.first())?,
        }
        f.write_str("; nothing is recorded until an operator has settled it with `dualgrid log`")
    }
}

/// What a request says, so that a repeat can be told from another request under the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// Digest of the command as it was read, without the personal data in it.
    pub open: Digest,
    /// Digest of the personal data in it, keyed with the key of the person whose they are: it says nothing once that key is gone.
    pub personal: Option<(PersonId, Digest)>,
}

/// The request of a command that was brought back from its events, which do not hold it.
pub const UNKNOWN_REQUEST: Fingerprint = Fingerprint { open: Digest::from_bytes([0; 32]), personal: None };

impl Fingerprint {
    /// Of a command without personal data.
    pub const fn of(open: Digest) -> Self {
        Self { open, personal: None }
    }

    /// Whether a command that was recorded for this request was recorded for the other one too. One that was brought back counts as
    /// recorded for whatever comes with its id.
    pub fn is_of(&self, asked: &Self) -> bool {
        self == asked || *self == UNKNOWN_REQUEST
    }

    /// As a log stores it: 32 bytes, or 80 with a person.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.open.as_bytes().to_vec();
        if let Some((person, digest)) = &self.personal {
            bytes.extend_from_slice(person.uuid().as_bytes());
            bytes.extend_from_slice(digest.as_bytes());
        }
        bytes
    }

    /// What [`Fingerprint::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (open, rest) = bytes.split_first_chunk::<32>()?;
        let open = Digest::from_bytes(*open);
        if rest.is_empty() {
            return Some(Self::of(open));
        }
        let (person, digest) = rest.split_first_chunk::<16>()?;
        let digest = Digest::from_bytes(digest.try_into().ok()?);
        Some(Self { open, personal: Some((PersonId::new(Uuid::from_bytes(*person)), digest)) })
    }
}

/// The event log.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Records the events of a command durably, all or none. A repeated command gets its first receipt.
    ///
    /// An append without parts, or with two parts on one stream, is a mistake of the caller and fails.
    async fn append(&self, append: Append) -> Result<Receipt, AppendError>;

    /// The receipt of a command of a principal that has been recorded, and its request.
    async fn outcome(&self, principal: &str, command: CommandId) -> Result<Option<(Receipt, Fingerprint)>, Failure>;

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

    /// Counts up whenever this may be another log than before: after a failover or a restore. Whatever was read or remembered under
    /// another number is worthless.
    fn incarnation(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }

    /// What the log is known to have lost. Nothing is recorded until that is settled, by any process.
    async fn lost(&self) -> Result<Option<Lost>, Failure> {
        Ok(None)
    }

    /// Stops recording, in every process: events were lost. Nothing happens where recording is stopped already, or where the stream
    /// of losses that were accepted has moved on from `accepted` to another version. An event on that stream lets recording go on.
    async fn halt(&self, lost: Lost, accepted: Version) -> Result<(), Failure> {
        let _ = (lost, accepted);
        Err(Failure { operation: "halt the log", reason: "this log cannot be halted".to_owned(), passing: false })
    }

    /// Takes or keeps the right to recreate the stream of NATS for a while, unless another holder has it.
    async fn lease_rebuild(&self, holder: Uuid, lasts: Duration) -> Result<bool, Failure> {
        let _ = (holder, lasts);
        Ok(true)
    }

    /// How far the durable consumers of the stream of NATS have come, by their names: whatever they were to receive up to that
    /// position was acknowledged.
    async fn floors(&self) -> Result<BTreeMap<String, Position>, Failure> {
        Ok(BTreeMap::new())
    }

    /// How many other machines a commit waits for now before it counts as recorded: synchronous standbys that follow.
    async fn standbys(&self) -> Result<usize, Failure> {
        Ok(0)
    }

    /// Keeps how far consumers have come. A floor never falls, and one that is not named stays as it is.
    async fn raise_floors(&self, floors: BTreeMap<String, Position>) -> Result<(), Failure> {
        let _ = floors;
        Ok(())
    }
}
