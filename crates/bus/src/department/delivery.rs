//! An event as a department receives it.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::{EventId, OrderId, Position, StreamId, envelope};
use serde::Deserialize;

use crate::Error;
use crate::header::{EPOCH, POSITION};

/// An event about an order of the department. It is delivered again until it is acknowledged.
#[derive(Debug)]
pub struct Delivery {
    pub position: Position,
    /// The epoch of the log when the event was published. Where it is higher than before, events of the last moments may be lost.
    pub epoch: u32,
    /// The same when it is delivered again.
    pub event: EventId,
    pub time: DateTime<Utc>,
    /// What happened, for example `order_dispatched`.
    pub name: String,
    /// The stream that it is an event of: the case of the order. Commands about the order go there.
    pub stream: StreamId,
    pub order: OrderId,
    /// Title of the case.
    pub title: String,
    /// The CloudEvents JSON.
    pub bytes: Bytes,
    message: Message,
}

#[derive(Deserialize)]
struct Data {
    order: OrderRef,
}

#[derive(Deserialize)]
struct OrderRef {
    order: OrderId,
    title: String,
}

impl Delivery {
    pub(super) fn read(message: Message) -> Result<Self, Error> {
        let bytes = message.payload.clone();
        let unreadable = "read an event";
        let info = message.info().map_err(|source| Error::Nats { operation: unreadable, source })?;
        let position = position_of(message.headers.as_ref(), info.stream_sequence)?;
        let read = envelope::decode(&bytes).map_err(Error::nats(unreadable))?;
        let data: Data = serde_json::from_str(read.data.get()).map_err(Error::nats(unreadable))?;
        let epoch = message.headers.as_ref().and_then(|headers| headers.get(EPOCH)?.as_str().parse().ok());
        Ok(Self {
            position,
            epoch: epoch.unwrap_or(0),
            event: read.id,
            time: read.time.parse().map_err(Error::nats(unreadable))?,
            name: read.kind.rsplit('.').nth(1).unwrap_or(&read.kind).to_owned(),
            stream: read.subject,
            order: data.order.order,
            title: data.order.title,
            bytes: bytes.clone(),
            message,
        })
    }

    /// Marks it as done: it is not delivered again. Returns when NATS has recorded that.
    pub async fn ack(&self) -> Result<(), Error> {
        let acked = self.message.double_ack().await;
        acked.map_err(|source| Error::Nats { operation: "acknowledge an event", source })
    }

    /// Puts it off: it is delivered again after `delay`.
    pub async fn later(&self, delay: Duration) -> Result<(), Error> {
        let kind = AckKind::Nak(Some(delay));
        let put_off = self.message.ack_with(kind).await;
        put_off.map_err(|source| Error::Nats { operation: "put an event off", source })
    }

    /// Says that it is being worked on: the time after which it is delivered again starts over.
    pub async fn keep(&self) -> Result<(), Error> {
        let kept = self.message.ack_with(AckKind::Progress).await;
        kept.map_err(|source| Error::Nats { operation: "keep an event", source })
    }
}

/// The position of an event, which its publisher writes into a header: its sequence in the stream. A message that does not say so was
/// put there by somebody else.
fn position_of(headers: Option<&HeaderMap>, sequence: u64) -> Result<Position, Error> {
    let said = headers.and_then(|headers| headers.get(POSITION));
    let position = said.and_then(|said| kernel::text::read_number(said.as_str()));
    match position.filter(|position| *position == sequence) {
        Some(position) => Ok(Position(position)),
        None => Err(Error::NoEvent { sequence }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_does_not_say_its_own_position_is_no_event() {
        for said in ["", "0", "30", "32", "+31", "31 ", "031.0", "x", "18446744073709551647"] {
            let mut headers = HeaderMap::new();
            headers.insert(POSITION, said);
            let refused = position_of(Some(&headers), 31).unwrap_err().to_string();
            assert!(refused.starts_with("message 31 of the stream is no event"), "{said:?}: {refused}");
        }
        for without in [None, Some(HeaderMap::new())] {
            let refused = position_of(without.as_ref(), 31);
            assert!(matches!(refused, Err(Error::NoEvent { sequence: 31 })), "{refused:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(POSITION, "31");
        assert_eq!(position_of(Some(&headers), 31).unwrap(), Position(31));
    }
}
