//! Atomic batches (ADR-50 of NATS): all messages of a batch are stored together or none is.
//!
//! Each message names its batch and its number in it; the first one carries the fence, the last one commits. Only the
//! commit is answered. A batch that lost a message on the way is refused as a whole.

use std::collections::VecDeque;
use std::error::Error as _;
use std::future::IntoFuture as _;
use std::sync::atomic::Ordering;

use app::fault::{self, Sabotage};
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SEQUENCE,
};
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{HeaderMap, HeaderValue};
use bytes::Bytes;
use kernel::{CommandId, Position, Recorded, envelope};

use super::{BATCH_EVENTS_ALWAYS, Publisher};
use crate::header;
use crate::stream::CONTENT_TYPE;
use crate::subject::subject_of;
use crate::{Error, header::POSITION};

/// Most bytes of the headers of a message.
pub(crate) const HEADER_BYTES_MAX: usize = 512;

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

/// How large batches may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Most events of a batch.
    pub(super) events: usize,
    /// Most bytes of a batch of more than one event.
    pub(super) bytes: usize,
    /// Most bytes of a message with its headers, as this nats-server takes it.
    pub(super) payload: usize,
}

/// Events that go out together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) events: &'a [Recorded],
    /// Whether it ends within a command: the rest of its events comes in the next batches.
    pub(super) continues: bool,
}

/// What was made of a reading.
#[derive(Debug)]
pub(super) struct Cut<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    /// The event that this nats-server does not take, before whose command they end.
    pub(super) too_large: Option<Error>,
}

/// Cuts the events after `from` into batches, and checks that none is missing.
///
/// A batch ends where a command ends, so that nobody reads half of what it did, unless the command alone is larger than a batch may be. Of
/// a reading of more than `most.events`, what may go on behind it is left for the next one; a shorter one is all there is, and the log
/// ends where a command ends.
pub(super) fn cut(events: &[Recorded], from: Position, most: Most) -> Result<Cut<'_>, Error> {
    let mut expected = from;
    for event in events {
        expected = expected.next();
        if event.position != expected {
            return Err(Error::LogGap { expected, found: event.position });
        }
    }
    let is_too_large = |event: &Recorded| event.bytes.len() + HEADER_BYTES_MAX > most.payload;
    let blocked = events.iter().position(is_too_large);
    let until =
        blocked.unwrap_or(events.len()).min(if events.len() > most.events { most.events } else { events.len() });
    let mut pieces = Vec::new();
    let mut start = 0;
    while start < until {
        let end = start + fitting(&events[start..until], most);
        let whole = end_of_command(events, start, end);
        let is_left = whole == start && end == until && (start > 0 || blocked == Some(until));
        if is_left {
            break;
        }
        let end = if whole > start { whole } else { end };
        pieces.push(Piece { events: &events[start..end], continues: whole == start });
        start = end;
    }
    let too_large = blocked.filter(|blocked| *blocked == until).map(|blocked| Error::EventTooLarge {
        position: events[blocked].position,
        bytes: events[blocked].bytes.len(),
        payload_max: most.payload,
    });
    Ok(Cut { pieces, too_large })
}

/// How many of the events fit into one batch; at least one.
fn fitting(events: &[Recorded], most: Most) -> usize {
    let mut bytes = 0;
    let fits = |event: &&Recorded| {
        bytes += event.bytes.len();
        bytes <= most.bytes
    };
    events.iter().take(most.events).take_while(fits).count().max(1)
}

/// The last place up to `end` at which a command ends; `start` where there is none after it.
fn end_of_command(events: &[Recorded], start: usize, end: usize) -> usize {
    let Some(next) = events.get(end).and_then(command_of) else { return end };
    let is_of_next = |event: &&Recorded| command_of(event).as_ref() == Some(&next);
    end - events[start..end].iter().rev().take_while(is_of_next).count()
}

/// The first events, as many as one command recorded.
pub(super) fn first_command(events: &[Recorded]) -> &[Recorded] {
    let command = events.first().and_then(command_of);
    let others = events.iter().skip(1).take_while(|event| command.is_some() && command_of(event) == command).count();
    &events[..events.len().min(1 + others)]
}

/// The command that recorded an event, and whose it is. One that cannot be read stands alone.
pub(super) fn command_of(event: &Recorded) -> Option<(CommandId, String)> {
    envelope::decode(&event.bytes).ok().map(|envelope| (envelope.commandid, envelope.actorid.into_owned()))
}

impl Publisher {
    /// Sends a batch that must follow `expected`. It is under way when this returns.
    pub(super) async fn send(&self, piece: Piece<'_>, expected: Position) -> Result<Sent, Error> {
        let batch = piece.events;
        let Some((last, others)) = batch.split_last() else { return Err(Error::LinkLost) };
        let id = (!others.is_empty()).then(|| HeaderValue::from(self.batch_id().as_str()));
        let epoch = HeaderValue::from(self.epoch.load(Ordering::Relaxed).to_string());
        let headers = |event, place| headers(event, &epoch, id.as_ref(), place, expected);
        for (place, event) in others.iter().enumerate() {
            let headers = headers(event, place + 1);
            let published = self.connection.client().publish_with_headers(subject_of(event)?, headers, payload(event));
            published.await.map_err(Error::nats("publish"))?;
        }
        let mut headers = headers(last, batch.len());
        if id.is_some() {
            headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
        }
        if piece.continues {
            headers.insert(header::CONTINUES, "true");
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
fn headers(
    event: &Recorded,
    epoch: &HeaderValue,
    batch: Option<&HeaderValue>,
    place: usize,
    expected: Position,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, CONTENT_TYPE);
    headers.insert(POSITION, event.position.to_string());
    headers.insert(header::EPOCH, epoch.clone());
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
    use proptest::prelude::*;

    /// Events of these commands, each of so many bytes.
    fn events(commands: &[(u64, usize)]) -> Vec<Recorded> {
        let event = |(place, (command, size)): (usize, &(u64, usize))| {
            let command = CommandId::named(&command.to_string());
            let rest = r#""specversion":"1.0","id":"0190b6a5-6a4e-7cc5-9c8b-3f1f0a8d2e11","source":"","type":"a.b.v1",
                "subject":"case-0190b6a5-6a4e-7cc5-9c8b-3f1f0a8d2e11","time":"","datacontenttype":"","streamversion":1,
                "actorid":"","actorrole":"","actorscope":"","correlationid":"0190b6a5-6a4e-7cc5-9c8b-3f1f0a8d2e11",
                "audience":"","data":{}"#;
            let text = format!(r#"{{{rest},"commandid":"{command}"}}"#);
            Recorded {
                position: Position(place as u64 + 1),
                stream: StreamId::new("case", uuid::Uuid::nil()),
                version: Version(1),
                id: EventId::named("e"),
                kind: "cn.dualgrid.case.case_filed.v1".into(),
                time: DateTime::UNIX_EPOCH,
                bytes: Bytes::from(format!("{text:size$}")),
            }
        };
        commands.iter().enumerate().map(event).collect()
    }

    const SIZE: usize = 1_000;

    fn most(events: usize, bytes: usize) -> Most {
        Most { events, bytes: bytes * SIZE, payload: 50 * SIZE }
    }

    /// The lengths of the batches, and which of them end within a command.
    fn lengths(cut: &Cut<'_>) -> Vec<(usize, bool)> {
        cut.pieces.iter().map(|piece| (piece.events.len(), piece.continues)).collect()
    }

    #[test]
    fn a_batch_ends_where_a_command_ends() {
        let of = |commands: &[u64], most| {
            let commands: Vec<_> = commands.iter().map(|command| (*command, SIZE)).collect();
            lengths(&cut(&events(&commands), Position::START, most).unwrap())
        };
        let whole = |lengths: &[usize]| lengths.iter().map(|length| (*length, false)).collect::<Vec<_>>();
        assert_eq!(of(&[1, 1, 2, 2, 3], most(9, 3)), whole(&[2, 3]));
        assert_eq!(of(&[1, 2, 2, 2, 3], most(9, 3)), whole(&[1, 3, 1]));
        assert_eq!(
            of(&[1, 2, 2, 2, 2, 3], most(9, 3)),
            [(1, false), (3, true), (2, false)],
            "it does not fit into one"
        );
        // A reading of one more than a batch may have: what may go on is left for the next one.
        assert_eq!(of(&[1, 1, 2, 2], most(3, 9)), whole(&[2]));
        assert_eq!(of(&[1, 1, 2], most(2, 9)), whole(&[2]));
        assert_eq!(of(&[1, 1, 1, 1], most(3, 9)), [(3, true)], "there is nothing before it");
        assert_eq!(of(&[1, 1, 1, 1], most(4, 9)), whole(&[4]), "all there is");
        assert!(cut(&[], Position(9), most(3, 9)).unwrap().pieces.is_empty());
    }

    #[test]
    fn what_is_before_a_message_that_is_too_large_still_goes_out() {
        let large = 50 * SIZE - HEADER_BYTES_MAX + 1;
        for (commands, sent) in [
            (&[(1, SIZE), (2, SIZE), (3, large), (4, SIZE)][..], &[2][..]),
            (&[(1, SIZE), (2, SIZE), (2, large), (4, SIZE)], &[1]),
            (&[(1, SIZE), (1, large)], &[]),
            (&[(1, large), (2, SIZE)], &[]),
        ] {
            let events = events(commands);
            let cut = cut(&events, Position::START, most(9, 9)).unwrap();
            assert_eq!(cut.pieces.iter().map(|piece| piece.events.len()).collect::<Vec<_>>(), sent, "{commands:?}");
            let Some(Error::EventTooLarge { position, bytes, payload_max }) = cut.too_large else { panic!("{cut:?}") };
            let at = commands.iter().position(|(_, size)| *size == large).unwrap() as u64 + 1;
            assert_eq!((position, bytes, payload_max), (Position(at), large, 50 * SIZE));
        }
        let fits = events(&[(1, large - 1)]);
        assert!(cut(&fits, Position::START, most(9, 9)).unwrap().too_large.is_none());
    }

    #[test]
    fn a_gap_of_the_log_is_never_published() {
        let mut events = events(&[(1, 1), (2, 1), (3, 1)]);
        events.remove(1);
        let gap = cut(&events, Position::START, most(9, 9)).unwrap_err();
        assert!(matches!(gap, Error::LogGap { expected: Position(2), found: Position(3) }), "{gap}");
    }

    proptest! {
        /// Read and cut again and again, everything goes out once, in order; only what is larger than a batch is halved.
        #[test]
        fn everything_goes_out_and_no_command_is_halved_that_fits(
            sizes in prop::collection::vec(1_usize..7, 1..20), events_max in 1_usize..9, bytes_max in 1_usize..9,
        ) {
            let commands: Vec<(u64, usize)> =
                sizes.iter().zip(0..).flat_map(|(size, command)| std::iter::repeat_n((command, SIZE), *size)).collect();
            let all = events(&commands);
            let most = most(events_max, bytes_max);
            let mut sent = 0;
            while sent < all.len() {
                let read = &all[sent..all.len().min(sent + events_max + 1)];
                let cut = cut(read, Position(sent as u64), most).unwrap();
                prop_assert!(!cut.pieces.is_empty());
                for Piece { events, continues } in cut.pieces {
                    prop_assert!(events.len() <= events_max && (events.len() <= bytes_max || events.len() == 1));
                    prop_assert_eq!(events[0].position.0, sent as u64 + 1);
                    sent += events.len();
                    let is_halved = sent < all.len() && commands[sent].0 == commands[sent - 1].0;
                    prop_assert_eq!(continues, is_halved);
                    if is_halved {
                        let size = sizes[usize::try_from(commands[sent].0).unwrap()];
                        prop_assert!(size > events_max.min(bytes_max), "a command of {} fits", size);
                    }
                }
            }
        }
    }
}
