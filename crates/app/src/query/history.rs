//! One entry of a history, as an auditor reads it, and where a page of a history begins.

use kernel::digest::Digest;
use kernel::{Position, Recorded, StreamId, Version, envelope};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::invalid;
use crate::event::Unreadable;
use crate::losses::Mark;
use crate::{App, Error};

/// Characters of the name of a history in a cursor.
const NAME_LEN: usize = 8;

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

/// The cursor after a version: it is written as a [`Mark`] is, with the version in place of the position, and the history that it is
/// of behind it.
pub(super) fn after(epoch: u32, version: Version, stream: &StreamId) -> String {
    let mark = Mark { epoch: Some(epoch), position: Position(version.0.into()) };
    format!("{mark}@{}", name_of(stream))
}

/// A short name of a history.
fn name_of(stream: &StreamId) -> String {
    let mut name = Digest::of(stream.to_string().as_bytes()).to_string();
    name.truncate(NAME_LEN);
    name
}

impl App {
    /// The version after which a page begins. `next` of another history means nothing in this one. Where the event of that version is not the one that the page before showed, nothing
    /// can follow it.
    pub(super) async fn beyond_version(&self, stream: &StreamId, beyond: Option<&str>) -> Result<Version, Error> {
        let Some(beyond) = beyond else { return Ok(Version(0)) };
        let not_one = || invalid("`beyond` is `next` of the page before, of the same history, or a version");
        let (mark, of) = beyond.split_once('@').map_or((beyond, None), |(mark, of)| (mark, Some(of)));
        if of.is_some_and(|of| of != name_of(stream)) {
            return Err(not_one());
        }
        let Mark { epoch, position } = mark.parse().map_err(|_| not_one())?;
        let version = Version(u32::try_from(position.0).map_err(|_| not_one())?);
        if version > Version(0) && epoch.is_some() {
            let seen = self.ports.log.stream(stream, Version(version.0 - 1)).await?;
            // A version that is gone stood behind everything that is left.
            let position = seen.first().map_or(Position(u64::MAX), |event| event.position);
            self.refuse_lost(Mark { epoch, position }).await?;
        }
        Ok(version)
    }
}
