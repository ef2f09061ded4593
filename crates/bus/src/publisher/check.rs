//! Whether the stream is the log: byte for byte at its end, and at random places before it.
//!
//! The end matters most: we publish nothing after a foreign message, because our fence expects the sequence before it. So a
//! foreign message is always among the last ones.

use std::fmt;
use std::sync::atomic::Ordering;

use app::fault::{self, Sabotage};
use async_nats::datetime::DateTime;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Info, State};
use kernel::Position;

use super::Publisher;
use crate::Error;
use crate::stream::{self, Ensured, Origin, STREAM};

/// How many random places are compared in a routine check.
const SAMPLES: usize = 4;
/// How many for a stream that is not known yet, or was recreated.
const SAMPLES_OF_A_NEW_ONE: usize = 32;

/// Stream and log agreed.
#[derive(Debug)]
pub(super) struct Agreed {
    /// How far the stream reaches.
    pub(super) last: Position,
    /// When the stream was created. Another time means another stream.
    created: DateTime,
}

impl Agreed {
    /// Whether the stream is as it was when they agreed.
    pub(super) fn is_still(&self, now: &Info) -> bool {
        (now.created, now.state.last_sequence) == (self.created, self.last.0)
    }
}

/// Stream and log did not agree.
#[derive(Debug)]
pub(super) struct Diverged {
    /// The stream as it was found.
    pub(super) found: Box<Info>,
    pub(super) difference: Difference,
}

/// How a stream differs from the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    /// Its configuration is wrong and cannot be corrected.
    Configuration(String),
    /// It was created for a log that begins with another event.
    AnotherLog { first_event: String },
    /// It does not begin at 1, or messages in between are missing.
    Holes { first: u64, last: u64, messages: u64 },
    /// It holds more events than the log.
    Ahead { last: u64, head: Position },
    /// A message is not the event at its position.
    Message { sequence: u64 },
    /// It agrees with the log, and stores nothing more.
    Silent,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(what) => f.write_str(what),
            Self::AnotherLog { first_event } => {
                write!(f, "it holds another log, which begins with the event {first_event}")
            }
            Self::Holes { first, last, messages } => {
                write!(f, "it holds {messages} messages from {first} to {last}, not every one from 1")
            }
            Self::Ahead { last, head } => write!(f, "it reaches to {last}, but the log only to {head}"),
            Self::Silent => f.write_str("it stores nothing more, although its nats-server has room"),
            Self::Message { sequence } => write!(f, "message {sequence} is not event {sequence} of the log"),
        }
    }
}

impl Publisher {
    /// Finds or creates the stream and compares it with the log.
    pub(super) async fn compare(&self, known: Option<&Agreed>) -> Result<Result<Agreed, Diverged>, Error> {
        let mut origin = self.origin().await?;
        let found = match stream::ensure(&self.jetstream, &origin, self.options.replicas).await? {
            Ensured::Fit(found) => found,
            Ensured::Unfit(found, difference) => {
                return Ok(Err(Diverged { found, difference: Difference::Configuration(difference) }));
            }
        };
        if stream::epoch(&found.config) > origin.epoch {
            // Another publisher may have raised it since the log was read.
            let accepted = self.accepted().await?;
            origin = self.origin().await?;
            if stream::epoch(&found.config) > origin.epoch {
                return Err(self.stop_in_older_epoch(&found, accepted).await?);
            }
        }
        self.epoch.store(origin.epoch, Ordering::Relaxed);
        if let Some(first_event) = origin.other_first_event(&found.config) {
            return Ok(Err(Diverged { found, difference: Difference::AnotherLog { first_event } }));
        }
        let is_known = known.is_some_and(|known| known.created == found.created);
        if known.is_some() && !is_known {
            tracing::warn!("the stream was recreated by somebody; it is filled from the log");
        }
        let samples = if is_known { SAMPLES } else { SAMPLES_OF_A_NEW_ONE };
        let agreed = Agreed { last: Position(found.state.last_sequence), created: found.created };
        Ok(match self.difference(&found.state, samples).await? {
            None if stream::epoch(&found.config) < origin.epoch => {
                let raised = self.jetstream.update_stream(&stream::in_epoch(&found.config, origin.epoch)).await;
                raised.map_err(Error::nats("raise the epoch of the stream"))?;
                Ok(agreed)
            }
            None => Ok(agreed),
            Some(difference) => Err(Diverged { found, difference }),
        })
    }

    /// Whose log is published.
    pub(super) async fn origin(&self) -> Result<Origin, Error> {
        let first_event = self.log.after(Position::START, 1).await?.pop().map(|event| event.id);
        let losses = app::losses::read(&*self.log).await?;
        // Higher than that of every stream.
        let epoch = if fault::is_sabotaged(Sabotage::EpochIgnored) { u32::MAX } else { losses.epoch() };
        Ok(Origin { installation: self.options.installation.clone(), first_event, epoch })
    }

    async fn difference(&self, state: &State, samples: usize) -> Result<Option<Difference>, Error> {
        if let Some(holes) = holes(state) {
            return Ok(Some(holes));
        }
        let last = state.last_sequence;
        // Read after the stream: the log can only have grown since.
        let head = self.log.head().await?;
        self.report.head(head);
        if last > head.0 {
            return Ok(Some(Difference::Ahead { last, head }));
        }
        if last == 0 {
            return Ok(None);
        }
        if !self.is_same(last).await? {
            return Ok(Some(Difference::Message { sequence: last }));
        }
        Ok(self.differing_sample(last, samples).await?.map(|sequence| Difference::Message { sequence }))
    }

    /// A random sequence up to `last` whose message is not the event; `None` if all samples are right.
    async fn differing_sample(&self, last: u64, samples: usize) -> Result<Option<u64>, Error> {
        for _ in 0..samples {
            let sequence = 1 + self.random_below(last);
            if !self.is_same(sequence).await? {
                return Ok(Some(sequence));
            }
        }
        Ok(None)
    }

    /// Whether the message at `sequence` is the event at that position, under its subject and byte for byte.
    async fn is_same(&self, sequence: u64) -> Result<bool, Error> {
        let Some(message) = self.message(sequence).await? else { return Ok(false) };
        self.is_its_event(sequence, &message).await
    }

    /// The message at `sequence`, if there is one.
    pub(super) async fn message(&self, sequence: u64) -> Result<Option<StreamMessage>, Error> {
        let stream = self.jetstream.get_stream_no_info(STREAM).await.map_err(Error::nats("look at the stream"))?;
        stream::message(&stream, sequence).await
    }

    /// Whether a message is the event at its position.
    pub(super) async fn is_its_event(&self, sequence: u64, message: &StreamMessage) -> Result<bool, Error> {
        stream::is_its_event(&*self.log, sequence, message).await
    }

    /// How far stream and log agree from the beginning, for a stream that agrees up to some place.
    ///
    /// Found by bisection, then tried at random places; if one of them differs, nothing counts as agreed.
    pub(super) async fn common_prefix(&self, state: &State) -> Result<Position, Error> {
        if holes(state).is_some() {
            return Ok(Position::START);
        }
        let (mut same, mut differs) = (0, state.last_sequence.min(self.log.head().await?.0) + 1);
        while differs - same > 1 {
            let middle = same + (differs - same) / 2;
            if self.is_same(middle).await? { same = middle } else { differs = middle }
        }
        let refuted = same > 0 && self.differing_sample(same, SAMPLES_OF_A_NEW_ONE).await?.is_some();
        Ok(if refuted { Position::START } else { Position(same) })
    }
}

pub(super) fn holes(state: &State) -> Option<Difference> {
    let (first, last, messages) = (state.first_sequence, state.last_sequence, state.messages);
    let is_whole = messages == last && (last == 0 || first == 1);
    (!is_whole).then_some(Difference::Holes { first, last, messages })
}
