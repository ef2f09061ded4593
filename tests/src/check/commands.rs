//! The journal against events and commands in the log.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Findings, Property};
use crate::tables::{CommandRow, EventRow};
use crate::{Entry, Outcome, Stage};

/// The role of the processes of dualgrid, which give commands by themselves.
const SYSTEM: &str = "system";

/// Events by the command that made them.
type ByCommand<'a> = BTreeMap<Uuid, Vec<&'a EventRow>>;

#[derive(Deserialize)]
struct Envelope {
    commandid: Uuid,
    actorrole: String,
}

/// Every acknowledged command once and as answered, refused ones nowhere, unknown ones at most once, nothing else. What was given up
/// is nowhere.
pub(super) fn check(
    stage: &Stage,
    entries: &[Entry],
    events: &[EventRow],
    commands: &BTreeMap<Uuid, CommandRow>,
    found: &mut Findings,
) -> anyhow::Result<()> {
    compare(&stage.before, &stage.given_up, entries, events, commands, found)
}

fn compare(
    before: &BTreeSet<Uuid>,
    given_up: &BTreeSet<Uuid>,
    entries: &[Entry],
    events: &[EventRow],
    commands: &BTreeMap<Uuid, CommandRow>,
    found: &mut Findings,
) -> anyhow::Result<()> {
    let mut made: ByCommand<'_> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for event in events {
        let envelope: Envelope = serde_json::from_str(&event.text).context("an event without its command")?;
        if envelope.actorrole == SYSTEM {
            known.insert(envelope.commandid);
        }
        made.entry(envelope.commandid).or_default().push(event);
    }
    for entry in entries {
        known.insert(entry.intention.id);
        let events = made.get(&entry.intention.id).map_or(&[][..], Vec::as_slice);
        let row = commands.get(&entry.intention.id);
        if !given_up.contains(&entry.intention.id) {
            one(entry, events, row, found);
        } else if row.is_some() || !events.is_empty() {
            found.broken(Property::Explained, format!("{} was given up, and is in the log", named(entry)));
        }
    }
    let unexplained = made.keys().chain(commands.keys()).filter(|id| !known.contains(*id) && !before.contains(*id));
    for id in unexplained.collect::<BTreeSet<_>>() {
        found.broken(Property::Explained, format!("command {id} is in the log, and nobody sent it"));
    }
    Ok(())
}

fn one(entry: &Entry, events: &[&EventRow], row: Option<&CommandRow>, found: &mut Findings) {
    let id = entry.intention.id;
    if !is_one_effect(events, row) {
        found.broken(Property::Once, format!("{} had more than one effect: {}", named(entry), places(events)));
    }
    if entry.answer().is_some() {
        answers(entry, found);
        let Some(row) = row else {
            found.broken(Property::Kept, format!("{} was acknowledged and is not recorded", named(entry)));
            return;
        };
        for outcome in &entry.outcomes {
            if let Outcome::Acknowledged { answer, .. } = outcome
                && !is_answer(answer, id, row)
            {
                found.broken(Property::SameAnswer, format!("{} was answered {answer}, and {row:?}", named(entry)));
            }
        }
        let count = events.len() as u64;
        if count < row.events {
            found.broken(Property::Kept, format!("{} has {count} events of {}", named(entry), row.events));
        }
    } else if entry.is_refused() && (row.is_some() || !events.is_empty()) {
        found.broken(Property::RefusedAbsent, format!("{} was refused, and {row:?}", named(entry)));
    } else if entry.is_unknown() && row.is_none() && !events.is_empty() {
        found.broken(Property::Once, format!("{} has events and no row of its own", named(entry)));
    }
}

/// All definite answers are the same, but for `replayed`.
fn answers(entry: &Entry, found: &mut Findings) {
    let plain = |outcome: &Outcome| {
        let mut outcome = outcome.clone();
        if let Outcome::Acknowledged { answer: Value::Object(fields), .. } = &mut outcome {
            fields.remove("replayed");
        }
        outcome
    };
    let mut definite = entry.outcomes.iter().filter(|outcome| outcome.is_definite()).map(plain);
    if let Some(first) = definite.next()
        && let Some(other) = definite.find(|other| *other != first)
    {
        found.broken(Property::SameAnswer, format!("{} was answered {first:?}, then {other:?}", named(entry)));
    }
    let first_hand = |outcome: &&Outcome| matches!(outcome, Outcome::Acknowledged { answer, .. } if answer["replayed"] == Value::Bool(false));
    let times = entry.outcomes.iter().filter(first_hand).count();
    if times > 1 {
        let seen = format!("{} was done {times} times, by its answers", named(entry));
        found.broken(Property::SameAnswer, seen);
    }
}

/// Consecutive positions, and consecutive versions of each stream, as many and as far as the row says.
fn is_one_effect(events: &[&EventRow], row: Option<&CommandRow>) -> bool {
    let Some(first) = events.first() else { return true };
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    let in_a_row = (0..).zip(events).all(|(n, event)| {
        let before = last.insert(&event.stream, event.version);
        event.position == first.position + n && before.is_none_or(|before| event.version == before + 1)
    });
    let is_of_row = row.is_none_or(|row| {
        let moved = row.streams.iter().filter(|(stream, _)| last.contains_key(stream.as_str()));
        row.first == Some(first.position)
            && row.events == events.len() as u64
            // The stream that the command was for may have got no event.
            && row.streams.iter().skip(1).all(|(stream, _)| last.contains_key(stream.as_str()))
            && moved.map(|(stream, version)| (stream.as_str(), *version)).collect::<BTreeMap<_, _>>() == last
    });
    in_a_row && is_of_row
}

/// Whether the answer says what the log has.
pub(super) fn is_answer(answer: &Value, id: Uuid, row: &CommandRow) -> bool {
    let streams = row.streams.iter().map(|(stream, version)| json!({ "stream": stream, "version": version }));
    answer["command"] == id.to_string()
        && row.streams.first().is_some_and(|(stream, version)| {
            answer["stream"] == stream.as_str() && answer["version"].as_u64() == Some(*version)
        })
        && answer["streams"] == Value::Array(streams.collect())
        && answer["first"].as_u64() == row.first
        && answer["events"].as_u64() == Some(row.events)
}

/// A command, as a violation names it.
pub(super) fn named(entry: &Entry) -> String {
    let name = entry.intention.path.rsplit('/').next().unwrap_or_default();
    format!("{name} {}", entry.intention.id)
}

fn places(events: &[&EventRow]) -> String {
    let places: Vec<String> =
        events.iter().map(|event| format!("{} {} version {}", event.position, event.stream, event.version)).collect();
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Intention, Who};

    const ID: Uuid = Uuid::from_u128(7);

    fn entry(outcomes: Vec<Outcome>) -> Entry {
        Entry { intention: Intention { id: ID, who: Who::Duty, path: "/x".into(), body: Value::Null }, outcomes }
    }

    fn answered(version: u64, replayed: bool) -> Outcome {
        let streams = json!([{ "stream": "case-1", "version": version }]);
        let answer = json!({
            "command": ID, "stream": "case-1", "version": version, "streams": streams, "first": 5, "events": 2,
            "replayed": replayed,
        });
        Outcome::Acknowledged { status: 200, answer }
    }

    fn event(position: u64, version: u64) -> EventRow {
        let text = json!({ "commandid": ID, "actorrole": "duty_officer" }).to_string();
        EventRow { position, stream: "case-1".into(), version, text }
    }

    fn row() -> BTreeMap<Uuid, CommandRow> {
        [(ID, CommandRow { streams: vec![("case-1".into(), 3)], first: Some(5), events: 2 })].into()
    }

    #[test]
    fn a_command_on_two_streams_is_one_effect_or_none() {
        let row = CommandRow { streams: vec![("a".into(), 4), ("b".into(), 9)], first: Some(5), events: 2 };
        let event = |position, stream: &str, version| EventRow {
            position,
            stream: stream.into(),
            version,
            text: String::new(),
        };
        let is_whole = |events: &[EventRow]| is_one_effect(&events.iter().collect::<Vec<_>>(), Some(&row));
        assert!(is_whole(&[event(5, "a", 4), event(6, "b", 9)]));
        for torn in [
            vec![event(5, "a", 4)],
            vec![event(5, "a", 4), event(6, "a", 5)],
            vec![event(5, "a", 4), event(6, "b", 8)],
            vec![event(5, "a", 4), event(7, "b", 9)],
            vec![event(5, "a", 3), event(6, "a", 4)],
        ] {
            assert!(!is_whole(&torn), "{torn:?}");
        }
    }

    fn broken(entry: Entry, events: &[EventRow], commands: &BTreeMap<Uuid, CommandRow>) -> Vec<Property> {
        let mut found = Findings::default();
        compare(&BTreeSet::new(), &BTreeSet::new(), &[entry], events, commands, &mut found).unwrap();
        found.violations.into_iter().map(|violation| violation.property).collect()
    }

    #[test]
    fn what_was_given_up_is_nowhere() {
        let broken = |events: &[EventRow], commands: &BTreeMap<Uuid, CommandRow>| {
            let mut found = Findings::default();
            let entry = entry(vec![answered(3, false)]);
            compare(&BTreeSet::new(), &[ID].into(), &[entry], events, commands, &mut found).unwrap();
            found.violations.into_iter().map(|violation| violation.property).collect::<Vec<_>>()
        };
        assert_eq!(broken(&[], &BTreeMap::new()), []);
        assert_eq!(broken(&[event(5, 2), event(6, 3)], &row()), [Property::Explained]);
    }

    #[test]
    fn what_is_as_it_was_answered_is_in_order() {
        let events = [event(5, 2), event(6, 3)];
        let refused = Outcome::Refused { status: 409, code: "no".into() };
        let unknown = Outcome::Unknown { why: "gone".into() };
        assert_eq!(broken(entry(vec![answered(3, false), answered(3, true)]), &events, &row()), []);
        assert_eq!(broken(entry(vec![refused]), &[], &BTreeMap::new()), []);
        assert_eq!(broken(entry(vec![unknown.clone()]), &[], &BTreeMap::new()), []);
        assert_eq!(broken(entry(vec![unknown]), &events, &row()), []);
    }

    #[test]
    fn a_lost_a_doubled_and_a_refused_command_are_found() {
        let events = [event(5, 2), event(6, 3)];
        let acknowledged = || entry(vec![answered(3, false)]);
        assert_eq!(broken(acknowledged(), &[], &BTreeMap::new()), [Property::Kept]);
        assert_eq!(broken(acknowledged(), &[], &row()), [Property::Kept]);
        let doubled = [event(5, 2), event(6, 3), event(9, 4)];
        assert_eq!(broken(acknowledged(), &doubled, &row()), [Property::Once]);
        let refused = entry(vec![Outcome::Refused { status: 409, code: "no".into() }]);
        assert_eq!(broken(refused, &events, &row()), [Property::RefusedAbsent]);
    }

    #[test]
    fn other_answers_and_what_nobody_sent_are_found() {
        let events = [event(5, 2), event(6, 3)];
        let other = entry(vec![answered(3, false), answered(4, true)]);
        assert!(broken(other, &events, &row()).contains(&Property::SameAnswer));
        let twice = entry(vec![answered(3, false), answered(3, false)]);
        assert_eq!(broken(twice, &events, &row()), [Property::SameAnswer]);
        let mut found = Findings::default();
        compare(&BTreeSet::new(), &BTreeSet::new(), &[], &events, &row(), &mut found).unwrap();
        assert_eq!(found.violations[0].property, Property::Explained);
    }
}
