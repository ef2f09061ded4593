//! The event that is appended: CloudEvents JSON of 403 bytes; and the streams a writer appends to.

use kernel::{Clock as _, Entropy as _, SystemClock, SystemEntropy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many bytes the JSON has.
#[cfg(test)]
pub(crate) const BYTES: usize = 403;

/// How many events a writer appends to one stream before it begins the next one: about as many as a case has.
pub(crate) const STREAM_EVENTS: u32 = 8;

/// The stored name of the event.
pub(crate) const KIND: &str = "cn.dualgrid.desk.noted.v1";

/// The category of all streams: with message-db all streams of one kind of aggregate are in one category too.
pub(crate) const CATEGORY: &str = "desk";

/// The only event of the aggregate of this benchmark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Noted {
    /// What was noted.
    pub(crate) note: String,
}

impl Noted {
    /// With a note that makes the envelope 403 bytes long.
    pub(crate) fn sample() -> Self {
        Self { note: "the lamp at the north gate is out ...".to_owned() }
    }
}

kernel::events! {
    /// The events of the aggregate of this benchmark.
    pub enum DeskEvent in "desk" {
        Noted = "cn.dualgrid.desk.noted.v1" to Internal,
    }
}

/// The event in an envelope. Every side serialises the same one for each append.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CloudEvent {
    specversion: String,
    id: Uuid,
    source: String,
    r#type: String,
    subject: String,
    time: String,
    datacontenttype: String,
    streamversion: u32,
    actorid: String,
    commandid: Uuid,
    /// What happened.
    pub(crate) data: Noted,
}

impl CloudEvent {
    /// Of one event in a stream.
    pub(crate) fn new(
        id: Uuid,
        command: Uuid,
        stream: Uuid,
        version: u32,
        time: chrono::DateTime<chrono::Utc>,
    ) -> Self {
        Self {
            specversion: "1.0".to_owned(),
            id,
            source: "/dualgrid/bench".to_owned(),
            r#type: KIND.to_owned(),
            subject: format!("{CATEGORY}-{stream}"),
            time: time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
            datacontenttype: "application/json".to_owned(),
            streamversion: version,
            actorid: "staff-0042".to_owned(),
            commandid: command,
            data: Noted::sample(),
        }
    }

    /// The same around another event.
    pub(crate) fn with(self, data: Noted) -> Self {
        Self { data, ..self }
    }

    /// Its JSON.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// Where a writer is: always in a stream of its own.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// The stream.
    pub(crate) stream: Uuid,
    /// How many events it has.
    pub(crate) version: u32,
}

impl Place {
    /// Before the first event of a new stream.
    pub(crate) fn start() -> Self {
        Self { stream: fresh(), version: 0 }
    }

    /// After one more event; a full stream is followed by a new one.
    pub(crate) fn advance(&mut self) {
        self.version += 1;
        if self.version == STREAM_EVENTS {
            *self = Self::start();
        }
    }
}

/// A fresh id, in the order of time as those of the product are.
pub(crate) fn fresh() -> Uuid {
    SystemEntropy.uuid(SystemClock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_the_same_length() {
        let mut place = Place::start();
        for _ in 0..2 * STREAM_EVENTS {
            let event = CloudEvent::new(fresh(), fresh(), place.stream, place.version + 1, SystemClock.now());
            assert_eq!(event.bytes().unwrap().len(), BYTES);
            place.advance();
        }
    }

    #[test]
    fn a_full_stream_is_followed_by_a_new_one() {
        let mut place = Place::start();
        let first = place.stream;
        (0..STREAM_EVENTS).for_each(|_| place.advance());
        assert!(place.stream != first && place.version == 0);
    }
}
