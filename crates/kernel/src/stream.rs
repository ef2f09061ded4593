//! Streams, versions and positions, and an event as the log holds it.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::EventId;

/// Place of an event in the one log: 1, 2, 3 … without a gap, in commit order. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Position = Position(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of events of a stream; the version of its newest event. 0 is a stream that does not exist yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Version(pub u32);

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The stream of one aggregate: its category and id, written `case-0190…`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct StreamId {
    text: String,
    id: Uuid,
    category_len: usize,
}

impl StreamId {
    /// The stream of the aggregate `id` in `category` (lower-case ASCII letters).
    pub fn new(category: &str, id: Uuid) -> Self {
        Self { text: format!("{category}-{id}"), id, category_len: category.len() }
    }
    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
    /// The kind of aggregate, for example `case`.
    pub fn category(&self) -> &str {
        &self.text[..self.category_len]
    }
    /// The id of the aggregate.
    pub fn id(&self) -> Uuid {
        self.id
    }
}

/// A stream name that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is not a stream: expected CATEGORY-UUID", .0.escape_debug())]
pub struct InvalidStream(pub String);

impl FromStr for StreamId {
    type Err = InvalidStream;
    fn from_str(text: &str) -> Result<Self, InvalidStream> {
        let invalid = || InvalidStream(text.chars().take(80).collect());
        let (category, hyphenated) = text.split_once('-').ok_or_else(invalid)?;
        let id = Uuid::parse_str(hyphenated).map_err(|_| invalid())?;
        if category.is_empty() || !category.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(invalid());
        }
        // A UUID can be written in several ways; a stream is written in one.
        if hyphenated == id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) {
            return Ok(Self { text: text.to_owned(), id, category_len: category.len() });
        }
        Ok(Self::new(category, id))
    }
}

impl TryFrom<String> for StreamId {
    type Error = InvalidStream;
    fn try_from(text: String) -> Result<Self, InvalidStream> {
        text.parse()
    }
}

impl From<StreamId> for String {
    fn from(stream: StreamId) -> String {
        stream.text
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An event as the log holds it: its bytes, and beside them what is queried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Place in the log.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamId,
    /// Its number in that stream, from 1.
    pub version: Version,
    /// The CloudEvents id.
    pub id: EventId,
    /// The CloudEvents type, for example `cn.dualgrid.case.order_accepted.v1`.
    pub kind: String,
    /// When it was recorded.
    pub time: DateTime<Utc>,
    /// The exact UTF-8 bytes of its CloudEvents JSON.
    pub bytes: Bytes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_back_from_its_text() {
        let stream = StreamId::new("case", Uuid::from_u128(7));
        assert_eq!(stream.to_string().parse(), Ok(stream.clone()));
        assert_eq!(stream.category(), "case");
        assert_eq!(stream.id(), Uuid::from_u128(7));
        let id = Uuid::from_u128(0xab << 64);
        let written_otherwise = format!("case-{}", id.to_string().to_uppercase());
        assert_eq!(written_otherwise.parse(), Ok(StreamId::new("case", id)));
        for bad in ["", "case", "case-", "case-x", "CASE-00000000-0000-0000-0000-000000000007", "-"] {
            assert_eq!(bad.parse::<StreamId>(), Err(InvalidStream(bad.into())));
        }
    }
}
