//! Atomic batches (ADR-50 of NATS): all messages of a batch are stored together or none is.
//!
//! Each message names its batch and its number in it; the first one carries the fence, the last one commits. Only the
//! commit is answered. A batch that lost a message on the way is refused as a whole.

use std::collections::VecDeque;
use std::error::Error as _;
use std::future::IntoFuture as _;

use app::fault::{self, Sabotage};
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SEQUENCE,
};
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use kernel::{Position, Recorded};

use super::{BATCH_EVENTS_ALWAYS, Publisher};
use crate::header;
use crate::stream::CONTENT_TYPE;
use crate::subject::subject_of;
use crate::{Error, header::POSITION};

/// A batch that was sent and is not answered yet.
pub(super) struct Sent {
    last: Position,
    events: usize,
    answer: PublishAckFuture,
}

/// The outcome of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This many events were stored.
    Stored(u64),
    /// The stream was not where the batch expected it to be; nothing was stored.
    Fenced,
    /// It has more events than this nats-server takes; nothing was stored.
    TooLarge,
}

/// The batches under way, oldest first.
pub(super) struct Window {
    sent: VecDeque<Sent>,
    confirmed: Position,
}

impl Window {
    pub(super) const fn new(from: Position) -> Self {
        Self { sent: VecDeque::new(), confirmed: from }
    }

    pub(super) fn len(&self) -> usize {
        self.sent.len()
    }

    /// How many events are under way.
    pub(super) fn events(&self) -> usize {
        self.sent.iter().map(|sent| sent.events).sum()
    }

    pub(super) const fn confirmed(&self) -> Position {
        self.confirmed
    }

    pub(super) fn push(&mut self, sent: Sent) {
        self.sent.push_back(sent);
    }

    /// Waits for the answer to the oldest batch; `None` if no batch is under way.
    pub(super) async fn confirm(&mut self) -> Result<Option<Outcome>, Error> {
        let Some(sent) = self.sent.pop_front() else { return Ok(None) };
        match sent.answer.into_future().await {
            Ok(stored) if stored.sequence == sent.last.0 => {
                self.confirmed = sent.last;
                Ok(Some(Outcome::Stored(sent.events as u64)))
            }
            // The fence makes this impossible; the stream is asked again how far it is.
            Ok(_) => Ok(Some(Outcome::Fenced)),
            Err(error) if is_fence(&error) => Ok(Some(Outcome::Fenced)),
            Err(error) if sent.events > BATCH_EVENTS_ALWAYS && is_given_up(&error) => Ok(Some(Outcome::TooLarge)),
            Err(error) if is_unstored(&error) => Err(Error::Unstored),
            Err(error) => Err(Error::nats("publish")(error)),
        }
    }
}

/// Whether nats-server did not store what it was sent, or did not confirm it in time.
fn is_unstored(error: &PublishError) -> bool {
    error.kind() == PublishErrorKind::TimedOut || code_of(error) == Some(ErrorCode::STREAM_STORE_FAILED)
}

/// Whether the stream was at another sequence, or is gone.
fn is_fence(error: &PublishError) -> bool {
    matches!(error.kind(), PublishErrorKind::WrongLastSequence | PublishErrorKind::StreamNotFound)
        || code_of(error) == Some(ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT)
}

/// Whether nats-server gave the batch up before its commit. It answers the first message beyond its limit that the batch is too
/// large, and has forgotten the batch when the commit arrives. What exceeds its buffer it drops.
fn is_given_up(error: &PublishError) -> bool {
    [
        ErrorCode::ATOMIC_PUBLISH_TOO_LARGE_BATCH,
        ErrorCode::ATOMIC_PUBLISH_INCOMPLETE_BATCH,
        ErrorCode::STREAM_TOO_MANY_REQUESTS,
    ]
    .map(Some)
    .contains(&code_of(error))
}

fn code_of(error: &PublishError) -> Option<ErrorCode> {
    let cause = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
    cause.map(jetstream::Error::error_code)
}

/// Cuts the events after `from` into batches of at most `bytes_max`, and checks that none is missing.
pub(super) fn cut(events: &[Recorded], from: Position, bytes_max: usize) -> Result<Vec<&[Recorded]>, Error> {
    let mut expected = from;
    for event in events {
        expected = expected.next();
        if event.position != expected {
            return Err(Error::LogGap { expected, found: event.position });
        }
    }
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (place, event) in events.iter().enumerate() {
        if place > start && bytes + event.bytes.len() > bytes_max {
            batches.push(&events[start..place]);
            (start, bytes) = (place, 0);
        }
        bytes += event.bytes.len();
    }
    if start < events.len() {
        batches.push(&events[start..]);
    }
    Ok(batches)
}

impl Publisher {
    /// Sends a batch that must follow `expected`. It is under way when this returns.
    pub(super) async fn send(&self, batch: &[Recorded], expected: Position) -> Result<Sent, Error> {
        let Some((last, others)) = batch.split_last() else { return Err(Error::LinkLost) };
        let id = (!others.is_empty()).then(|| HeaderValue::from(self.batch_id().as_str()));
        for (place, event) in others.iter().enumerate() {
            let headers = headers(event, id.as_ref(), place + 1, expected);
            let published = self.connection.client().publish_with_headers(subject_of(event)?, headers, payload(event));
            published.await.map_err(Error::nats("publish"))?;
        }
        let mut headers = headers(last, id.as_ref(), batch.len(), expected);
        if id.is_some() {
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        }
        let message = PublishMessage::build().payload(payload(last)).headers(headers);
        let answer = self.jetstream.send_publish(subject_of(last)?, message);
        let answer = answer.await.map_err(Error::nats("publish"))?;
        Ok(Sent { last: last.position, events: batch.len(), answer })
    }

    /// Short, because it is stored with each message and nats-server searches all headers. It must differ from the ids of the few
    /// batches under way.
    fn batch_id(&self) -> String {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        format!("{:016x}", u64::from_le_bytes(bytes))
    }
}

/// The bytes of an event as they are published: the bytes of the log.
fn payload(event: &Recorded) -> Bytes {
    const EVERY: u64 = 7;
    if fault::is_sabotaged(Sabotage::PublishAltered) && event.position.0.is_multiple_of(EVERY) {
        return Bytes::from([&event.bytes[..event.bytes.len() - 1], b" "].concat());
    }
    event.bytes.clone()
}

/// The headers of the event at `place` (from 1) of its batch, if it is in one.
fn headers(event: &Recorded, batch: Option<&HeaderValue>, place: usize, expected: Position) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    headers.insert(POSITION, event.position.to_string());
    if let Some(batch) = batch {
        headers.insert(NATS_BATCH_ID, batch.clone());
        headers.insert(NATS_BATCH_SEQUENCE, place.to_string());
    }
    if place == 1 {
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, expected.to_string());
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use chrono::DateTime;
    use kernel::{EventId, StreamId, Version};

    fn events(sizes: &[usize]) -> Vec<Recorded> {
        let event = |(place, size): (usize, &usize)| Recorded {
            position: Position(place as u64 + 1),
            stream: StreamId::new("case", uuid::Uuid::nil()),
            version: Version(1),
            id: EventId::named("e"),
            kind: "cn.dualgrid.case.case_filed.v1".into(),
            time: DateTime::UNIX_EPOCH,
            bytes: Bytes::from(vec![b' '; *size]),
        };
        sizes.iter().enumerate().map(event).collect()
    }

    #[test]
    fn a_batch_ends_before_it_has_too_many_bytes() {
        let events = events(&[4, 4, 4, 99, 1, 1]);
        let batches = cut(&events, Position::START, 10).unwrap();
        assert_eq!(batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), [2, 1, 1, 2]);
        assert!(cut(&[], Position(9), 10).unwrap().is_empty());
    }

    #[test]
    fn a_gap_of_the_log_is_never_published() {
        let mut events = events(&[1, 1, 1]);
        events.remove(1);
        let gap = cut(&events, Position::START, 10).unwrap_err();
        assert!(matches!(gap, Error::LogGap { expected: Position(2), found: Position(3) }), "{gap}");
    }
}
