//! An event as a department receives it.

use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::{EventId, OrderId, Position, StreamId, envelope};
use serde::Deserialize;

use crate::Error;
use crate::header::EPOCH;

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
        let read = envelope::decode(&bytes).map_err(Error::nats(unreadable))?;
        let data: Data = serde_json::from_str(read.data.get()).map_err(Error::nats(unreadable))?;
        let info = message.info().map_err(|source| Error::Nats { operation: unreadable, source })?;
        let epoch = message.headers.as_ref().and_then(|headers| headers.get(EPOCH)?.as_str().parse().ok());
        Ok(Self {
            position: Position(info.stream_sequence),
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
