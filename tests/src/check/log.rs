//! The log in itself: positions and versions without a gap, and the API shows what the tables hold.

use std::collections::BTreeMap;

use super::{Findings, Property};
use crate::tables::{EventRow, Tables};
use crate::{Stage, Who, read_log};

/// Reads every event from the tables and looks at them.
pub(super) async fn check(stage: &Stage, tables: &Tables, found: &mut Findings) -> anyhow::Result<Vec<EventRow>> {
    let events = tables.events().await?;
    gapless(&events, tables.head().await?, found);
    match read_log(&stage.http(), stage.token(Who::Auditor)).await {
        Ok(shown) => {
            let differs = shown
                .iter()
                .zip(&events)
                .find(|(shown, event)| (shown.position, shown.text.as_str()) != (event.position, event.text.as_str()));
            if let Some((shown, event)) = differs {
                found.broken(Property::Shown, format!("at {}: {} and {}", event.position, shown.text, event.text));
            }
            if shown.len() != events.len() {
                found.broken(Property::Shown, format!("{} events are shown of {}", shown.len(), events.len()));
            }
        }
        Err(error) => found.broken(Property::Shown, format!("the log is not shown: {error:#}")),
    }
    Ok(events)
}

/// Positions are 1, 2, 3 … up to the head, and so are the versions of each stream.
fn gapless(events: &[EventRow], head: u64, found: &mut Findings) {
    let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
    let mut before = 0;
    for event in events {
        if event.position != before + 1 {
            found.broken(Property::Gapless, format!("after {before} comes {}", event.position));
        }
        before = event.position;
        let version = versions.entry(&event.stream).or_default();
        if event.version != *version + 1 {
            let (stream, next) = (&event.stream, event.version);
            found.broken(Property::Gapless, format!("in {stream} comes version {next} after {version}"));
        }
        *version = event.version;
    }
    if head != before {
        found.broken(Property::Gapless, format!("the head says {head}, and the newest event is {before}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(position: u64, stream: &str, version: u64) -> EventRow {
        EventRow { position, stream: stream.to_owned(), version, text: String::new() }
    }

    fn broken(events: &[EventRow], head: u64) -> usize {
        let mut found = Findings::default();
        gapless(events, head, &mut found);
        assert!(found.violations.iter().all(|violation| violation.property == Property::Gapless));
        found.violations.len()
    }

    #[test]
    fn gaps_in_positions_and_versions_and_a_wrong_head_are_found() {
        let good = [row(1, "a", 1), row(2, "b", 1), row(3, "a", 2)];
        assert_eq!(broken(&good, 3), 0);
        assert_eq!(broken(&good, 4), 1);
        assert_eq!(broken(&[row(1, "a", 1), row(3, "a", 2)], 3), 1);
        assert_eq!(broken(&[row(1, "a", 1), row(2, "a", 3)], 2), 1);
        assert_eq!(broken(&[row(2, "a", 1)], 2), 1);
    }
}
