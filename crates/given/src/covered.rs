//! Nothing of a kind is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kernel::{Aggregate, AudienceKind, Command, Event, Refusal, Step};
use serde_json::Value;

use crate::changed::{changed, completed};
use crate::refused;

/// Set to write golden files anew instead of comparing with them.
const BLESS: &str = "DUALGRID_BLESS";

/// Checks everything that a kind must have. Call it from a unit test of the crate of the kind, beside its other tests:
///
/// - every verb has a body that is well formed and a golden file of its example, and somebody who may give it;
/// - every event has a golden file that is read and written back unchanged, and names whom it is for;
/// - every refusal of the kind is produced by a test in the same executable, with [`then_refused`](crate::When::then_refused).
///
/// `golden` is the folder of the files; `samples` holds at least one event of each type. With `DUALGRID_BLESS=1` files that
/// are missing are written from the examples and samples; one that is there is never overwritten, and a file of a retired
/// version stays (name it in `retired`).
pub fn covered<A: Aggregate>(golden: &str, samples: Vec<A::Event>, retired: &[&str]) {
    if refused::is_noting() {
        return;
    }
    let golden = Path::new(golden);
    let mut expected: BTreeSet<String> = retired.iter().map(|name| format!("{name}.json")).collect();
    for (name, file) in verbs::<A>().into_iter().chain(events::<A>(&samples)) {
        compare(&golden.join(format!("{name}.json")), &name, &file);
        expected.insert(format!("{name}.json"));
    }
    for event in stored_events::<A>(golden) {
        audience::<A>(&event);
    }
    let files: BTreeSet<String> = std::fs::read_dir(golden)
        .unwrap_or_else(|error| panic!("{}: {error}; DUALGRID_BLESS=1 makes it", golden.display()))
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(files, expected, "golden files and what they are for");
    steps::<A>();
    let noted = refused::noted::<A>();
    let missing: Vec<&str> = unproduced::<A>(&noted);
    assert!(missing.is_empty(), "no test produces the refusals {missing:?} of {}", A::PLURAL);
}

fn unproduced<A: Aggregate>(noted: &BTreeSet<String>) -> Vec<&'static str> {
    A::Refusal::ALL.iter().map(|(code, _)| *code).filter(|code| !noted.contains(*code)).collect()
}

fn verbs<A: Aggregate>() -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    for verb in A::Command::VERBS {
        let (name, example) = (verb.name, (verb.example)());
        assert!(is_kebab(name), "{name} is not in kebab case");
        assert!(!verb.by.is_empty(), "nobody may give {name}");
        let read = A::Command::parse(name, &example).unwrap_or_else(|error| panic!("its own example: {error}"));
        assert_eq!(read.name(), name);
        assert!(A::Command::examples().contains(&read), "the example of {name} is changed by writing it");
        canonical(&read);
        assert!(!(A::IS_SINGLE && verb.begins), "{name} begins what there is only one of");
        files.insert(name.to_owned(), example);
    }
    files
}

/// Whatever one thing is changed, added or left out makes another command, also where it is sent under the same id.
fn canonical<C: Command>(command: &C) {
    let told = |command: &C| (command.body(), command.canonical());
    let (body, own) = told(command);
    for other in changed(command).iter().chain(&completed(command)) {
        let (other, differs) = told(other);
        assert!(other == body || differs != own, "{} is taken for the same command as {other}", command.name());
    }
}

fn events<A: Aggregate>(samples: &[A::Event]) -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    for event in A::Event::EVENTS {
        let sample = samples.iter().find(|sample| sample.name() == event.name);
        let sample = sample.unwrap_or_else(|| panic!("there is no sample of {}", event.name));
        let category = A::Event::CATEGORY;
        assert!(event.name.starts_with(&format!("cn.dualgrid.{category}.")), "{} is not of {category}", event.name);
        files.insert(event.name.to_owned(), serde_json::from_str(sample.data().unwrap().get()).unwrap());
    }
    files
}

/// Compares with the file, or writes it where it is missing and that is wanted.
fn compare(path: &Path, name: &str, now: &Value) {
    if !path.exists() && std::env::var_os(BLESS).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, serde_json::to_string_pretty(now).unwrap() + "\n").unwrap();
    }
    let text = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("{}: {error}; DUALGRID_BLESS=1 writes it", path.display()));
    let golden: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    if name.starts_with("cn.") {
        // An old file may be from another sample: what counts is that it is still read.
        return;
    }
    assert_eq!(*now, golden, "the example of {name} and its golden file");
}

/// The events of all golden files, read and written back.
fn stored_events<A: Aggregate>(golden: &Path) -> Vec<A::Event> {
    let mut stored = Vec::new();
    for spec in A::Event::EVENTS {
        let text = std::fs::read_to_string(golden.join(format!("{}.json", spec.name))).unwrap();
        let event = A::Event::read(spec.name, &text).unwrap_or_else(|error| panic!("{}: {error:?}", spec.name));
        assert_eq!(event.name(), spec.name);
        let written: Value = serde_json::from_str(event.data().unwrap().get()).unwrap();
        let golden: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written, golden, "{}", spec.name);
        stored.push(event);
    }
    stored
}

fn audience<A: Aggregate>(event: &A::Event) {
    let spec = event.spec();
    assert_eq!(
        event.department().is_some(),
        spec.audience == AudienceKind::Order,
        "{} is for {} and names {:?}: an event is about an order if and only if it names its department",
        spec.name,
        spec.audience.as_str(),
        event.department()
    );
}

fn steps<A: Aggregate>() {
    for step in A::STEPS {
        let read: Step = serde_json::from_value(step.as_str().into()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read, *step);
    }
}

fn is_kebab(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    name.split('-').all(is_word) && name.contains('-')
}
