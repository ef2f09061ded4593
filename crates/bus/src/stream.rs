//! The stream that holds the log, and the subject under which each event stands in it.
//!
//! Messages cannot be deleted or purged one by one; only the whole stream can be deleted, which in the configuration
//! of nats-server is the right of the user `core` alone. The publisher does so when the stream is not the log.

mod config;

pub(crate) use config::{Floors, Origin, config_with, floors};

use async_nats::jetstream::context::{GetStreamErrorKind, UpdateStreamError};
use async_nats::jetstream::stream::{Config, Info, Stream};
use async_nats::jetstream::{Context, ErrorCode};
use kernel::{DepartmentCode, Position, Recorded, envelope};

use crate::Error;
use config::{config, misfit};

/// Name of the stream.
pub const STREAM: &str = "DUALGRID";
/// The subjects of all events.
pub const SUBJECTS: &str = "dg.evt.>";

/// Media type of an event.
pub(crate) const CONTENT_TYPE: &str = "application/cloudevents+json";

/// An event whose subject cannot be told. Nothing after it is published until that is mended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {position} has no subject: {reason}")]
pub struct Unroutable {
    /// The event.
    pub position: Position,
    /// Why.
    pub reason: String,
}

/// The subject of an event: `dg.evt.order.<DEPARTMENT>.<event>` where it is about an order of a department, else
/// `dg.evt.<category>.<event>`. `cn.dualgrid.case.order_accepted.v1` is the event `order_accepted`. What it is called and
/// whom it is about stand in its bytes, which are the record.
pub fn subject_of(event: &Recorded) -> Result<String, Unroutable> {
    let unroutable = |reason| Unroutable { position: event.position, reason };
    let contents = envelope::contents(&event.bytes)
        .map_err(|error| unroutable(format!("its envelope cannot be read: {error}")))?;
    let name = contents.kind.rsplit('.').nth(1).filter(|name| is_token(name));
    let name = name.ok_or_else(|| unroutable(format!("its type {:?} names no event", contents.kind)))?;
    let Some(department) = contents.department else {
        return Ok(format!("dg.evt.{}.{name}", event.stream.category()));
    };
    let department = DepartmentCode::try_new(department).map_err(|invalid| unroutable(invalid.to_string()))?;
    Ok(format!("dg.evt.order.{department}.{name}"))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The subjects of the events about a department's orders.
pub fn subjects_of(department: &DepartmentCode) -> String {
    format!("dg.evt.order.{department}.>")
}

/// The stream as it was found or made.
#[derive(Debug)]
pub(crate) enum Ensured {
    /// It is as it has to be.
    Fit(Box<Info>),
    /// It is not, and cannot be changed to be so.
    Unfit(Box<Info>, String),
}

/// Finds the stream, or makes it; corrects its configuration where NATS allows that. One that another installation made
/// is refused.
pub(crate) async fn ensure(jetstream: &Context, origin: &Origin, replicas: usize) -> Result<Ensured, Error> {
    let Some(stream) = find(jetstream).await? else {
        let wanted = config_with(origin, &Floors::new(), replicas);
        let made = jetstream.create_stream(wanted).await.map_err(Error::nats("create the stream"))?;
        tracing::info!(stream = STREAM, "the stream was made");
        return Ok(Ensured::Fit(Box::new(made.cached_info().clone())));
    };
    let info = remember(jetstream, origin, stream.cached_info().clone()).await?;
    correct(jetstream, info, replicas).await
}

/// Notes in the stream whose it is, where that is not noted yet.
async fn remember(jetstream: &Context, origin: &Origin, found: Info) -> Result<Info, Error> {
    origin.refuse_foreign(&found.config)?;
    let Some(metadata) = origin.added_to(&found.config) else { return Ok(found) };
    match jetstream.update_stream(&Config { metadata, ..found.config.clone() }).await {
        Ok(updated) => Ok(updated),
        // It cannot be changed, so it will hardly fit; that is looked at next.
        Err(refused) if is_a_no(&refused) => Ok(found),
        Err(error) => Err(Error::nats("note in the stream whose it is")(error)),
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
        // Too few servers for the copies that are wanted is no reason to delete those that are there.
        Err(refused) if is_a_no(&refused) && misfit(&info.config, info.config.num_replicas).is_none() => {
            tracing::warn!(stream = STREAM, replicas, error = %refused, "the stream cannot have so many copies");
            Ok(Ensured::Fit(Box::new(info)))
        }
        Err(refused) if is_a_no(&refused) => Ok(Ensured::Unfit(Box::new(info), difference)),
        Err(error) => Err(Error::nats("correct the stream")(error)),
    }
}

/// Whether NATS said no, and did not just stay silent.
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

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use chrono::DateTime;
    use kernel::{EventId, StreamId, Version};

    fn recorded(bytes: &'static str) -> Recorded {
        Recorded {
            position: Position(7),
            stream: StreamId::new("case", uuid::Uuid::from_u128(1)),
            version: Version(1),
            id: EventId::named("e"),
            kind: "what.the.column.says.v1".to_owned(),
            time: DateTime::UNIX_EPOCH,
            bytes: Bytes::from_static(bytes.as_bytes()),
        }
    }

    #[test]
    fn an_event_about_an_order_goes_to_its_department() {
        for envelope in [
            r#"{"type":"cn.dualgrid.case.order_accepted.v1","department":"CG-ZF","data":{"department":"X"}}"#,
            r#"{ "department": "CG-ZF", "data": {}, "type": "cn.dualgrid.case.order_accepted.v1" }"#,
        ] {
            assert_eq!(subject_of(&recorded(envelope)).as_deref(), Ok("dg.evt.order.CG-ZF.order_accepted"));
        }
    }

    #[test]
    fn another_event_goes_to_its_category() {
        let event = recorded(r#"{"type":"cn.dualgrid.case.case_filed.v12","data":{"department":"X"}}"#);
        assert_eq!(subject_of(&event).as_deref(), Ok("dg.evt.case.case_filed"));
    }

    #[test]
    fn what_would_widen_or_lose_a_subject_is_not_published() {
        for envelope in [
            r#"{"type":"cn.dualgrid.case.*.v1","data":{}}"#,
            r#"{"type":"cn.dualgrid.case..v1","data":{}}"#,
            r#"{"type":"plain","data":{}}"#,
            r#"{"type":"cn.dualgrid.case.order_accepted.v1","department":"a.>","data":{}}"#,
            r#"{"type":"cn.dualgrid.case.order_accepted.v1","department":"","data":{}}"#,
            r#"{"department":"CG-ZF","data":{}}"#,
            "no json",
        ] {
            let refusal = subject_of(&recorded(envelope)).unwrap_err();
            assert_eq!(refusal.position, Position(7), "{envelope}");
        }
    }
}
