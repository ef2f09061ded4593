//! NATS against the log: sequence and position, subject, and every byte.

use std::time::Duration;

use testkit::bus::{self, Stored};
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

/// Whether the stream still begins with these messages.
pub(super) async fn is_untouched(stage: &Stage, before: &[Stored], found: &mut Findings) -> anyhow::Result<()> {
    let now = bus::read_stream(stage.system.nats(), 1).await?;
    compare(before, &now, found);
    found.count("messages untouched", before.len());
    Ok(())
}

fn compare(before: &[Stored], now: &[Stored], found: &mut Findings) {
    if now.len() < before.len() {
        found.broken(Property::Untouched, format!("{} messages are left of {}", now.len(), before.len()));
    }
    if let Some((was, is)) = before.iter().zip(now).find(|(was, is)| was != is) {
        found.broken(Property::Untouched, format!("message {} was {}, and is {}", was.0, was.1, is.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_gone_or_another_one_is_found() {
        let stored = |texts: &[&'static str]| -> Vec<Stored> {
            (1..).zip(texts).map(|(sequence, text)| (sequence, "dg.evt.a".to_owned(), (*text).into())).collect()
        };
        let broken = |now: &[&'static str]| {
            let mut found = Findings::default();
            compare(&stored(&["a", "b"]), &stored(now), &mut found);
            assert!(found.violations.iter().all(|violation| violation.property == Property::Untouched));
            found.violations.len()
        };
        assert_eq!([broken(&["a", "b"]), broken(&["a", "b", "c"])], [0, 0]);
        assert_eq!([broken(&["a"]), broken(&["a", "c"]), broken(&["c"]), broken(&[])], [1, 1, 2, 1]);
    }
}
