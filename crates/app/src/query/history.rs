//! One entry of a history, as an auditor reads it.

use kernel::{Position, Recorded, Version, envelope};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::event::Unreadable;

/// One event of an aggregate with its place in the log. The event is the stored bytes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HistoryEntry {
    /// Place in the log.
    pub position: Position,
    /// Number in its stream.
    pub version: Version,
    /// The stored CloudEvents JSON, byte for byte.
    #[schemars(with = "serde_json::Value")]
    pub event: Box<RawValue>,
}

impl HistoryEntry {
    /// The entry of a recorded event.
    pub fn of(recorded: &Recorded) -> Result<Self, Unreadable> {
        let unreadable = |reason: String| Unreadable { position: recorded.position, reason };
        envelope::decode(&recorded.bytes).map_err(|error| unreadable(error.to_string()))?;
        let text = String::from_utf8(recorded.bytes.to_vec()).map_err(|error| unreadable(error.to_string()))?;
        let event = RawValue::from_string(text).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { position: recorded.position, version: recorded.version, event })
    }
}
