//! An event as a department gets it.

use std::time::Duration;

use async_nats::jetstream::{AckKind, Message};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::{CaseId, EventId, OrderId, Position, envelope};
use serde::Deserialize;

use crate::Error;

/// An event about an order of the department. It comes again until it is acknowledged.
#[derive(Debug)]
pub struct Delivery {
    /// Its position in the log.
    pub position: Position,
    /// Its id; the same when it comes again.
    pub event: EventId,
    /// When it was recorded.
    pub time: DateTime<Utc>,
    /// What happened, for example `order_dispatched`.
    pub name: String,
    /// The case it is about.
    pub case: CaseId,
    /// The order it is about.
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
    case: CaseId,
    title: String,
}

impl Delivery {
    pub(super) fn read(message: Message) -> Result<Self, Error> {
        let bytes = message.payload.clone();
        let unreadable = "read an event";
        let read = envelope::decode(&bytes).map_err(Error::nats(unreadable))?;
        let data: Data = serde_json::from_str(read.data.get()).map_err(Error::nats(unreadable))?;
        let info = message.info().map_err(|source| Error::Nats { operation: unreadable, source })?;
        Ok(Self {
            position: Position(info.stream_sequence),
            event: read.id,
            time: read.time.parse().map_err(Error::nats(unreadable))?,
            name: read.kind.rsplit('.').nth(1).unwrap_or(&read.kind).to_owned(),
            case: data.order.case,
            order: data.order.order,
            title: data.order.title,
            bytes: bytes.clone(),
            message,
        })
    }

    /// It is done with; it does not come again. Returns when NATS has noted that.
    pub async fn ack(&self) -> Result<(), Error> {
        let acked = self.message.double_ack().await;
        acked.map_err(|source| Error::Nats { operation: "acknowledge an event", source })
    }

    /// It could not be answered now; it comes again after `delay`.
    pub async fn later(&self, delay: Duration) -> Result<(), Error> {
        let kind = AckKind::Nak(Some(delay));
        let put_off = self.message.ack_with(kind).await;
        put_off.map_err(|source| Error::Nats { operation: "put an event off", source })
    }

    /// It is being worked on; the time after which it comes again begins anew.
    pub async fn keep(&self) -> Result<(), Error> {
        let kept = self.message.ack_with(AckKind::Progress).await;
        kept.map_err(|source| Error::Nats { operation: "keep an event", source })
    }
}
