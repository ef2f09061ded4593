//! One golden file for every stored event version, for ever; and a test for every refusal.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dualgrid_grid::DistrictEvent;
use kernel::Event as _;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn every_event_has_a_golden_file_and_no_file_is_left_over() {
    let files = std::fs::read_dir(folder("tests/golden")).unwrap();
    let files: BTreeSet<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    let names: BTreeSet<String> = DistrictEvent::NAMES.iter().map(|name| format!("{name}.json")).collect();
    assert_eq!(files, names);
}

#[test]
fn every_golden_file_is_read_and_written_back_unchanged() {
    for name in DistrictEvent::NAMES {
        let text = std::fs::read_to_string(folder("tests/golden").join(format!("{name}.json"))).unwrap();
        let event = DistrictEvent::read(name, &text).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(event.name(), *name);
        let written: serde_json::Value = serde_json::from_str(event.data().unwrap().get()).unwrap();
        let golden: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(written, golden, "{name}");
    }
}

#[test]
fn no_event_of_the_district_goes_to_a_department() {
    for name in DistrictEvent::NAMES {
        let text = std::fs::read_to_string(folder("tests/golden").join(format!("{name}.json"))).unwrap();
        assert_eq!(DistrictEvent::read(name, &text).unwrap().department(), None, "{name} is about no order");
    }
}

#[test]
fn every_event_has_a_schema() {
    let schemas: Vec<_> = DistrictEvent::schemas().into_iter().map(|(name, _)| name).collect();
    assert_eq!(schemas, DistrictEvent::NAMES);
}

#[test]
fn every_refusal_is_expected_by_a_test() {
    let source = std::fs::read_to_string(folder("src/refusal.rs")).unwrap();
    let codes = source.lines().filter(|line| line.contains("=> \""));
    let variants = codes.filter_map(|line| line.trim().strip_prefix("Refusal::")?.split([' ', '(']).next());
    let tests: String = sources(&folder("src")).iter().filter_map(|text| tests_of(text)).collect();
    for variant in variants {
        assert!(tests.contains(&format!("Refusal::{variant}")), "no test expects Refusal::{variant}");
    }
}

fn tests_of(source: &str) -> Option<&str> {
    let start = source.find("\nmod tests {").or_else(|| source.starts_with("use kernel::").then_some(0))?;
    source.get(start..)
}

fn sources(folder: &Path) -> Vec<String> {
    let mut texts = vec![];
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts
}
