//! NATS against the log: sequence and position, subject, and every byte.

use std::time::Duration;

use testkit::bus;
use testkit::client::eventually;
use testkit::nats::CORE;

use super::{Findings, Property};
use crate::tables::Tables;
use crate::{Event, Stage};

/// How long the publisher may take to catch up.
const PATIENCE: Duration = Duration::from_mins(2);

/// Waits until NATS has as much as the log, and compares.
pub(super) async fn check(stage: &Stage, found: &mut Findings) -> anyhow::Result<()> {
    let tables = Tables::of(&stage.system);
    let head = tables.head().await?;
    let client = stage.system.nats().connect(CORE).await?;
    let caught_up = eventually("NATS has every event", PATIENCE, async || {
        // A stream that is being recreated does not exist for a moment.
        let last = bus::last_sequence(&client).await.unwrap_or(None);
        Ok((last == Some(head)).then_some(()))
    });
    if let Err(error) = caught_up.await {
        let last = bus::last_sequence(&client).await.unwrap_or(None);
        found.broken(Property::Stream, format!("{error:#}: {last:?} of {head}"));
        return Ok(());
    }
    let (events, stored) = (tables.events().await?, bus::read_stream(stage.system.nats(), 1).await?);
    if events.len() != stored.len() {
        found.broken(Property::Stream, format!("{} messages for {} events", stored.len(), events.len()));
    }
    for (event, (sequence, subject, bytes)) in events.into_iter().zip(&stored) {
        let event = Event { position: event.position, text: event.text };
        let position = event.position;
        if *sequence != position {
            found.broken(Property::Stream, format!("event {position} has sequence {sequence}"));
        }
        if *subject != event.nats_subject()? {
            found.broken(Property::Stream, format!("event {position} stands under {subject}"));
        }
        if bytes.as_ref() != event.text.as_bytes() {
            found.broken(Property::Stream, format!("event {position} has other bytes"));
        }
    }
    found.count("messages", stored.len());
    Ok(())
}
