use chrono::DateTime;
use kernel::access::{Allowed, Place};
use kernel::{EventId, Position, Recorded, StreamId, Version};
use uuid::Uuid;

use super::*;

/// Rows that are settled from 100 on. An event adds its number to the rows that it names, and removes a row with 0.
struct Numbers;

#[derive(Clone, Copy)]
struct Add {
    to: &'static [&'static str],
    number: u64,
}

impl View for Numbers {
    const NAME: &'static str = "numbers";
    const PATH: &'static str = "numbers";
    const ABOUT: &'static str = "Numbers";
    const ACTION: &'static str = "read-numbers";
    const READ: Allowed = &[];
    const FROM: &'static [&'static str] = &["number"];
    const FILTERS: &'static [&'static [&'static str]] = &[&["digit"], &["digit", "parity"], &[], &["nothing"]];
    type Row = u64;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        for key in added(event).to {
            touch(Key::read(key));
        }
    }

    fn fold(_: &Key, row: &mut Option<u64>, event: &Read<'_>) {
        let number = added(event).number;
        *row = (number > 0).then(|| row.unwrap_or_default() + number);
    }

    fn place(_: &u64) -> Place {
        Place::default()
    }

    fn sort(row: &u64) -> i64 {
        row.cast_signed()
    }

    fn values(row: &u64, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            "digit" => row.to_string().chars().for_each(|digit| give(digit.encode_utf8(&mut [0; 4]))),
            "parity" => give(if row.is_multiple_of(2) { "even" } else { "odd" }),
            _ => {}
        }
    }

    fn is_settled(row: &u64) -> bool {
        *row >= 100
    }
}

fn added(event: &Read<'_>) -> Add {
    let (to, number) = event.recorded.kind.split_once('/').unwrap();
    let to = KEYS.iter().find(|keys| keys.join(",") == to).unwrap();
    Add { to, number: number.parse().unwrap() }
}

/// The rows that events of these tests may name.
const KEYS: [&[&str]; 4] = [&["a"], &["b"], &["a", "b", "a"], &[OWN, "a"]];
/// The key of the aggregate whose events these are.
const OWN: &str = "00000000-0000-0000-0000-000000000000";

fn event(to: &str, number: u64) -> Recorded {
    Recorded {
        position: Position(1),
        stream: StreamId::new("number", Uuid::nil()),
        version: Version(1),
        id: EventId::new(Uuid::nil()),
        kind: format!("{to}/{number}"),
        time: DateTime::UNIX_EPOCH,
        bytes: bytes::Bytes::new(),
    }
}

fn apply(working: &mut InMemory<Numbers>, events: &[Recorded]) -> Vec<RowChange> {
    let events: Vec<Read<'_>> = events.iter().map(|event| Read::new(event, &())).collect();
    working.apply(&events);
    working.changes().unwrap()
}

fn entries(sort: i64, values: &[&str]) -> Entries {
    Entries { sort, values: values.iter().map(|value| value.replace('|', "\u{1f}")).collect() }
}

#[test]
fn a_row_is_found_by_every_value_of_every_set() {
    let mut working = InMemory::default();
    let changes = apply(&mut working, &[event("a", 12), event("a", 120)]);
    let found = entries(132, &["0:1", "0:2", "0:3", "1:1|even", "1:2|even", "1:3|even", "2:"]);
    let expected =
        RowChange { key: "a".into(), doc: Some("132".into()), entries: found.clone(), ..RowChange::default() };
    assert_eq!(changes, [expected]);
    let changes = apply(&mut working, &[event("a", 1)]);
    let after = entries(133, &["0:1", "0:3", "1:1|odd", "1:3|odd", "2:"]);
    assert_eq!(changes, [RowChange { key: "a".into(), doc: Some("133".into()), entries: after, before: found }]);
    assert_eq!(apply(&mut working, &[]), []);
}

#[test]
fn a_stored_row_tells_by_what_it_was_found() {
    let mut working = InMemory::<Numbers>::default();
    working.hold(vec![("a".into(), "7".into())]).unwrap();
    let before = entries(7, &["0:7", "1:7|odd", "2:"]);
    assert_eq!(
        apply(&mut working, &[event("a", 3), event("a", 0)]),
        [RowChange { key: "a".into(), before, ..RowChange::default() }]
    );
    assert_eq!(apply(&mut working, &[event("a", 0)]), [], "what does not exist is not removed again");
}

#[test]
fn a_row_that_is_named_twice_gets_the_event_once() {
    let changes = apply(&mut InMemory::default(), &[event("a,b,a", 3)]);
    let docs: Vec<_> = changes.iter().map(|change| (&*change.key, change.doc.as_deref())).collect();
    assert_eq!(docs, [("a", Some("3")), ("b", Some("3"))]);
}

#[test]
fn a_row_that_cannot_be_read_is_named() {
    let error = InMemory::<Numbers>::default().hold(vec![("a".into(), "x".into())]).unwrap_err();
    assert!(matches!(error, FoldError::Row { view: "numbers", key, .. } if key == "a"));
}

#[test]
fn a_key_is_kept_without_nul() {
    assert_eq!(storable(Key::read("a\0b")), Key::read("a\u{fffd}b"));
    assert_eq!(storable(Key::Id(Uuid::nil())), Key::Id(Uuid::nil()));
}

/// Holds these rows, each touched in the batch of its number.
fn holding(rows: &[u64]) -> InMemory<Numbers> {
    let mut working = InMemory::default();
    let held =
        |row: u64| Held { row: Some(row), is_stored: true, is_changed: true, before: Entries::default(), touched: row };
    working.rows.extend(rows.iter().map(|row| (Key::Id(Uuid::from_u128(u128::from(*row))), held(*row))));
    working
}

fn released(working: &mut InMemory<Numbers>, keep: usize) -> Vec<String> {
    let changes = working.release(keep).unwrap();
    changes.into_iter().map(|change| change.doc.unwrap()).collect()
}

#[test]
fn settled_rows_go_first_and_then_those_that_were_touched_longest_ago() {
    let mut working = holding(&[3, 1, 2, 100]);
    assert_eq!(released(&mut working, 2), ["1", "100"]);
    assert_eq!(released(&mut working, 2), [""; 0]);
    assert_eq!(released(&mut working, 0), ["2", "3"]);
}

#[test]
fn of_many_settled_rows_no_more_are_let_go_than_it_takes() {
    let mut working = holding(&(100..200).chain(0..10).collect::<Vec<_>>());
    let changes = released(&mut working, 107);
    assert_eq!(changes.len(), 3);
    assert!(changes.iter().all(|row| row.len() == 3), "{changes:?}");
    assert_eq!(working.held(), 107);
}

#[test]
fn rows_that_did_not_change_are_let_go_in_silence() {
    let mut working = holding(&[1, 2]);
    working.changes().unwrap();
    assert_eq!(released(&mut working, 0), [""; 0]);
    assert_eq!(working.held(), 0);
}

#[test]
fn nobody_looks_for_the_row_of_an_aggregate_that_just_began() {
    let working = InMemory::<Numbers>::default();
    let missing = |version| {
        let event = Recorded { version: Version(version), ..event(&[OWN, "a"].join(","), 1) };
        let mut missing = working.missing(&[Read::new(&event, &())]);
        missing.sort_unstable();
        missing
    };
    assert_eq!(missing(1), ["a"]);
    assert_eq!(missing(2), [OWN, "a"]);
}
