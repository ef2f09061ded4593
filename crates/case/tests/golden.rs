//! The stored form of every event, for ever: one file per stored name, never changed, never deleted.
//!
//! A new event gets its file with `DUALGRID_BLESS=1 cargo test -p dualgrid-case --test golden`; a file that is there
//! already is left as it is. What cannot be read any more needs an upcast, not another file.

#[path = "support/samples.rs"]
mod samples;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dualgrid_case::CaseEvent;
use kernel::Event;
use serde_json::Value;

/// Stored names that are written no more, with the upcast that reads them. None yet.
const RETIRED: &[&str] = &[];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn golden(name: &str) -> String {
    let path = folder().join(format!("{name}.json"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("golden files are JSON")
}

fn written(event: &CaseEvent) -> Value {
    value(event.data().expect("an event is written").get())
}

/// Writes the files that are missing, where it is asked for.
fn bless() {
    if std::env::var_os("DUALGRID_BLESS").is_none() {
        return;
    }
    for event in samples::every_event() {
        let path = folder().join(format!("{}.json", event.name()));
        if !path.exists() {
            let text = serde_json::to_string_pretty(&written(&event)).expect("a value is written");
            std::fs::write(&path, text + "\n").expect("the folder can be written");
        }
    }
}

#[test]
fn every_event_has_its_file_and_every_file_its_event() {
    bless();
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    let names = CaseEvent::NAMES.iter().chain(RETIRED).map(|name| format!("{name}.json")).collect();
    assert_eq!(files, names, "left: files, right: stored names");
}

#[test]
fn every_file_is_read_and_written_back_as_it_is() {
    bless();
    for name in CaseEvent::NAMES {
        let stored = golden(name);
        let event = CaseEvent::read(name, &stored).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(event.name(), *name);
        assert_eq!(written(&event), value(&stored), "{name} is written otherwise than it is stored");
    }
}

#[test]
fn every_file_holds_every_field() {
    bless();
    let samples = samples::every_event();
    let named: BTreeSet<_> = samples.iter().map(Event::name).collect();
    assert_eq!(named, CaseEvent::NAMES.iter().copied().collect(), "left: samples, right: stored names");
    for (name, schema) in CaseEvent::schemas() {
        let stored = value(&golden(name));
        let fields = schema.get("properties").and_then(Value::as_object).expect("an event is an object");
        // A hearing has no score, a review no consent; one file cannot hold both.
        let absent: Vec<_> = fields.keys().filter(|field| stored.get(*field).is_none_or(Value::is_null)).collect();
        let expected: &[&str] = if name.ends_with("meeting_held.v1") { &["score"] } else { &[] };
        assert_eq!(absent, expected, "{name}");
    }
}

#[test]
fn an_unknown_name_is_not_skipped() {
    assert!(CaseEvent::read("cn.dualgrid.case.order_accepted.v999", "{}").is_err());
}
