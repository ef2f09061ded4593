//! Nothing is forgotten: every refusal and every command has a test, and every event the command that emits it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use dualgrid_case::{CaseCommand, CaseEvent};
use kernel::{Command, Event};

/// Which command emits which events. A change here is a change of what the log can hold.
const EMITTED: &[(&str, &[&str])] = &[
    ("discover-issue", &["IssueDiscovered"]),
    ("register-issue", &["DuplicateSuspected", "IssueRegistered"]),
    ("merge-issue", &["IssueMerged"]),
    ("void-issue", &["IssueVoided"]),
    ("handle-in-grid", &["GridHandlingDone", "GridHandlingStarted"]),
    ("open-deliberation", &["DeliberationOpened"]),
    ("hold-meeting", &["MeetingHeld"]),
    ("revise-proposal", &["ProposalRevised"]),
    ("conclude-deliberation", &["DeliberationConcluded"]),
    ("escalate-issue", &["DeliberationWaived", "IssueEscalated"]),
    ("file-case", &["CaseFiled"]),
    ("refuse-filing", &["FilingRefused"]),
    ("dispatch-case", &["CaseDispatched", "OrderDispatched"]),
    ("accept-order", &["OrderAccepted"]),
    ("request-return", &["ReturnRequested"]),
    ("decide-return", &["OrderWithdrawn", "ReturnApproved", "ReturnRefused"]),
    ("record-progress", &["GridProgressRecorded", "OrderProgressRecorded"]),
    ("submit-disposal", &["CaseDisposed", "PartDisposed"]),
    ("verify-case", &["GridReworkRequired", "OrderReworkRequired", "VerificationFailed", "VerificationPassed"]),
    ("record-feedback", &["FeedbackRecorded"]),
    ("close-case", &["CaseClosed"]),
    ("reopen-case", &["CaseReopened"]),
];

/// The source files under `folder`, path and text.
fn sources(folder: &str) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a source file is UTF-8");
                found.insert(path, text);
            }
        }
    }
    found
}

/// The rules and the tests of a source file.
fn parts(text: &str) -> (&str, &str) {
    text.split_once("#[cfg(test)]\nmod tests").unwrap_or((text, ""))
}

/// The name of the type: `accept-order` and `cn.dualgrid.case.order_accepted.v1` to `AcceptOrder`, `OrderAccepted`.
fn type_name(words: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    words.split(['-', '_']).map(capital).collect()
}

fn event_types() -> Vec<String> {
    let words = |name: &&'static str| name.split('.').nth(3).expect("cn.dualgrid.case.<event>.v<n>");
    CaseEvent::NAMES.iter().map(words).map(type_name).collect()
}

/// The source file of the command, by its public name.
fn file_of<'a>(command: &str, sources: &'a BTreeMap<PathBuf, String>) -> &'a str {
    let name = format!("{}.rs", command.replace('-', "_"));
    let found = sources.iter().find(|(path, _)| path.file_name().is_some_and(|file| file == name.as_str()));
    found.map_or_else(|| panic!("{command} has no file {name}"), |(_, text)| text)
}

/// Whether `code` makes a value of `event`, and does not only declare it.
fn makes(code: &str, event: &str) -> bool {
    let declares = |before: &str| ["struct ", "impl ", "for "].iter().any(|word| before.ends_with(word));
    let stands_alone = |before: &str| !before.ends_with(|letter: char| letter.is_alphanumeric());
    code.match_indices(&format!("{event} {{"))
        .any(|(place, _)| stands_alone(&code[..place]) && !declares(&code[..place]))
}

#[test]
fn every_refusal_is_produced_by_a_test() {
    let sources = sources("src");
    let refusals = sources.iter().find(|(path, _)| path.ends_with("src/refusal.rs")).expect("there is one").1;
    let arms = refusals.lines().filter(|line| line.contains(" => \""));
    let variants: Vec<&str> =
        arms.map(|arm| arm.trim().trim_start_matches("Self::").split([' ', '{']).next().unwrap_or_default()).collect();
    assert!(variants.len() > 40, "refusal.rs is read wrongly: {variants:?}");
    let mut tests: String = sources.values().map(|text| parts(text).1).collect();
    let told = self::sources("tests").into_iter().filter(|(path, _)| !path.ends_with("coverage.rs"));
    tests.extend(told.map(|(_, text)| text));
    let named = |variant: &&str| {
        tests
            .match_indices(&format!("Refusal::{variant}"))
            .any(|(place, name)| !tests[place + name.len()..].starts_with(|letter: char| letter.is_alphanumeric()))
    };
    let missing: Vec<_> = variants.iter().filter(|variant| !named(variant)).collect();
    assert!(missing.is_empty(), "no test produces {missing:?}");
}

#[test]
fn every_event_is_emitted_by_a_command_and_the_table_says_by_which() {
    let sources = sources("src");
    let emitted: BTreeMap<&str, BTreeSet<String>> = CaseCommand::NAMES
        .iter()
        .map(|command| {
            let code = parts(file_of(command, &sources)).0;
            (*command, event_types().into_iter().filter(|event| makes(code, event)).collect())
        })
        .collect();
    let table =
        EMITTED.iter().map(|(command, events)| (*command, events.iter().map(|event| (*event).to_owned()).collect()));
    assert_eq!(emitted, table.collect(), "left: the code, right: EMITTED");
    let silent: Vec<_> =
        event_types().into_iter().filter(|event| !emitted.values().any(|events| events.contains(event))).collect();
    assert!(silent.is_empty(), "no command emits {silent:?}");
}

#[test]
fn every_command_has_tests_beside_it() {
    let sources = sources("src");
    for command in CaseCommand::NAMES {
        let (_, tests) = parts(file_of(command, &sources));
        assert!(tests.contains("#[test]"), "{command} has no test");
        let asserted = |what: &str| tests.contains(what);
        assert!(asserted(".then(") || asserted(".events()"), "no test says what {command} leads to");
        assert!(asserted(".then_nothing()"), "no test says what a retry of {command} leads to");
        assert!(asserted(".then_refused("), "no test says when {command} is refused");
    }
}
