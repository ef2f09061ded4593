//! The stream that holds a copy of the log.
//!
//! Single messages can be neither deleted nor purged. Only the whole stream can be deleted, and in the configuration of
//! nats-server only the user `core` may do so. The publisher does it when the stream differs from the log.

mod config;

pub(crate) use config::{Origin, config_for, epoch, in_epoch};

use app::port::EventLog;
use async_nats::jetstream::context::{GetStreamErrorKind, UpdateStreamError};
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{Config, Info, RawMessageErrorKind, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use kernel::{Position, Recorded};

use crate::Error;
use crate::subject::subject_of;
use config::{config, misfit};

/// Name of the stream.
pub use accounts::STREAM;

/// Media type of an event.
pub(crate) const CONTENT_TYPE: &str = "application/cloudevents+json";

/// Metadata: why the stream was made, where that was because there was none. A stream that differs is replaced at once.
const MADE: &str = "dualgrid-made";
const MISSING: &str = "missing";

/// Whether the stream was made because there was none.
pub(crate) fn was_missing(config: &Config) -> bool {
    config.metadata.get(MADE).is_some_and(|made| made == MISSING)
}

/// The stream as it was found or created.
#[derive(Debug)]
pub(crate) enum Ensured {
    /// Its configuration is right.
    Fit(Box<Info>),
    /// Its configuration is wrong and cannot be corrected; the text says where.
    Unfit(Box<Info>, String),
}

/// Finds or creates the stream, and corrects its configuration where NATS allows that. A stream of another installation is
/// refused.
pub(crate) async fn ensure(jetstream: &Context, origin: &Origin, replicas: usize) -> Result<Ensured, Error> {
    let Some(stream) = find(jetstream).await? else {
        let mut wanted = config_for(origin, replicas);
        wanted.metadata.insert(MADE.to_owned(), MISSING.to_owned());
        let made = jetstream.create_stream(wanted).await.map_err(Error::nats("create the stream"))?;
        tracing::info!(stream = STREAM, "the stream was created");
        return Ok(Ensured::Fit(Box::new(made.cached_info().clone())));
    };
    let info = remember(jetstream, origin, stream.cached_info().clone()).await?;
    correct(jetstream, info, replicas).await
}

/// Records in the stream whose it is, unless it is recorded already.
async fn remember(jetstream: &Context, origin: &Origin, found: Info) -> Result<Info, Error> {
    origin.refuse_foreign(&found.config)?;
    let Some(metadata) = origin.added_to(&found.config) else { return Ok(found) };
    match jetstream.update_stream(&Config { metadata, ..found.config.clone() }).await {
        Ok(updated) => Ok(updated),
        // It cannot be changed, so it will hardly fit: `correct` finds out.
        Err(refused) if is_a_no(&refused) => Ok(found),
        Err(error) => Err(Error::nats("record in the stream whose it is")(error)),
    }
}

async fn correct(jetstream: &Context, info: Info, replicas: usize) -> Result<Ensured, Error> {
    let Some(difference) = misfit(&info.config, replicas) else { return Ok(Ensured::Fit(Box::new(info))) };
    let mut wanted = config(replicas);
    config::keep_memory(&mut wanted, &info.config);
    match jetstream.update_stream(&wanted).await {
        Ok(updated) => {
            tracing::warn!(stream = STREAM, difference, "the configuration of the stream was corrected");
            Ok(match misfit(&updated.config, replicas) {
                None => Ensured::Fit(Box::new(updated)),
                Some(rest) => Ensured::Unfit(Box::new(updated), rest),
            })
        }
        // Too few servers for the wanted copies is no reason to delete the existing ones.
        Err(refused) if is_a_no(&refused) && misfit(&info.config, info.config.num_replicas).is_none() => {
            tracing::warn!(stream = STREAM, replicas, error = %refused, "the stream cannot have so many copies");
            Ok(Ensured::Fit(Box::new(info)))
        }
        Err(refused) if is_a_no(&refused) => Ok(Ensured::Unfit(Box::new(info), difference)),
        Err(error) => Err(Error::nats("correct the stream")(error)),
    }
}

/// Whether NATS refused; otherwise it did not answer.
fn is_a_no(error: &UpdateStreamError) -> bool {
    use async_nats::jetstream::context::CreateStreamErrorKind;
    matches!(error.kind(), CreateStreamErrorKind::JetStream(_))
}

/// The stream, if there is one.
pub(crate) async fn find(jetstream: &Context) -> Result<Option<Stream>, Error> {
    match jetstream.get_stream(STREAM).await {
        Ok(stream) => Ok(Some(stream)),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            _ => Err(Error::nats("look at the stream")(error)),
        },
    }
}

/// The message at `sequence`, if there is one.
pub(crate) async fn message(stream: &Stream<impl Send + Sync>, sequence: u64) -> Result<Option<StreamMessage>, Error> {
    match stream.get_raw_message(sequence).await {
        Ok(message) => Ok(Some(message)),
        Err(error) if matches!(error.kind(), RawMessageErrorKind::NoMessageFound) => Ok(None),
        Err(error) => Err(Error::nats("read a message of the stream")(error)),
    }
}

/// Whether a message is the event at its position, under its subject and byte for byte.
pub(crate) async fn is_its_event(log: &dyn EventLog, sequence: u64, message: &StreamMessage) -> Result<bool, Error> {
    let event = log.after(Position(sequence.saturating_sub(1)), 1).await?.pop();
    Ok(event.is_some_and(|event| is_event(&event, sequence, message.subject.as_str(), &message.payload)))
}

/// Whether the message at a position is the event of the log there.
pub(crate) async fn is_event_of(log: &dyn EventLog, stream: &Stream, position: Position) -> Result<bool, Error> {
    let Some(message) = message(stream, position.0).await? else { return Ok(false) };
    is_its_event(log, position.0, &message).await
}

fn is_event(event: &Recorded, sequence: u64, subject: &str, payload: &[u8]) -> bool {
    event.position.0 == sequence && event.bytes == payload && subject_of(event).is_ok_and(|own| own == subject)
}
