//! What lies beyond somebody's reach is answered, byte for byte, as what does not exist: for every verb of every kind, every view and
//! every id that a path or a body names.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/fields.rs"]
mod fields;
#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::collections::BTreeSet;

use app::kind::Kind;
use app::query::PageRequest;
use app::{Error, registry};
use fields::{fields_of, with};
use kernel::{Actor, DepartmentCode, GridCode, Role, Scope, reach_of};
use serde_json::{Value, json};
use support::{Desk, actor, all_met, clerk, discovery, dispatcher, duty, id, leader, member, request};
use uuid::Uuid;

/// An id that nothing has.
const NONE: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_dead);

/// Every role that somebody from outside may have.
fn roles() -> impl Iterator<Item = Role> {
    Role::ALL.into_iter().filter(|role| *role != Role::System)
}

/// What is answered, with `named` written as ID; what was taken is only said to have been taken.
fn told<T>(answer: Result<T, Error>, named: &str) -> String {
    let problem = answer.map_or_else(|error| Some(error.problem()), |_| None);
    let text = problem.map(|problem| serde_json::to_string(&problem).unwrap());
    text.unwrap_or_else(|| "taken".to_owned()).replace(named, "ID")
}

/// Somebody with a role in another street, in a department without orders, and without anything of their own.
fn elsewhere(role: Role) -> Actor {
    let scope = match role {
        Role::DepartmentClerk => Scope::Department(DepartmentCode::try_new("CGZF").unwrap()),
        _ => Scope::Grid(GridCode::try_new("JAS").unwrap()),
    };
    Actor { id: "stranger".into(), role, scope, seconded_by: None }
}

fn kinds() -> impl Iterator<Item = &'static dyn Kind> {
    registry::kinds().iter().map(|kind| &**kind).filter(|kind| !kind.is_single())
}

/// One of each kind that people have, in the business building's micro grid of the north.
async fn one_of_each(desk: &Desk) -> Vec<(&'static str, Uuid)> {
    let (case, _) = desk.dispatched().await;
    let pledge =
        json!({"grid": "BZ-R01-B01", "member": member().id, "year": 2026, "text": "带头", "evidence": [desk.photo]});
    let pledge = desk.submit(&member(), None, "make-pledge", id(), &pledge).await.unwrap().id;
    desk.app.settle().await.unwrap();
    let all = vec![("case", case), ("pledge", pledge)];
    // The kinds of the system itself are asked for by nobody.
    let is_begun = |verb: &kernel::VerbSpec| verb.begins && verb.by.iter().any(|(role, _)| *role != Role::System);
    for kind in kinds().filter(|kind| kind.verbs().iter().any(is_begun)) {
        let is_there = all.iter().any(|(category, _)| *category == kind.category());
        assert!(is_there, "make one {} here, and name the member of its row that holds its id below", kind.category());
    }
    all
}

#[tokio::test]
async fn no_path_tells_what_exists_beyond_the_reach_of_who_asks() {
    let desk = Desk::open().await;
    let mut asked = BTreeSet::new();
    for (category, one) in one_of_each(&desk).await {
        let kind = registry::kind(category).unwrap();
        for role in roles() {
            let by = elsewhere(role);
            let page = || PageRequest { beyond: None, limit: 9 };
            let mut same = |what: &str, foreign: String, absent: String| {
                assert_eq!(foreign, absent, "{what} by {role}");
                assert_ne!(foreign, "taken", "{what} by {role}");
                asked.insert(format!("{category} {what}"));
            };
            for verb in kind.verbs().iter().filter(|verb| !verb.begins && !verb.is_part) {
                let tell = async |about: Uuid| {
                    let asked = request(&by, Some(about), verb.name, id(), &(verb.example)());
                    told(desk.app.submit(asked).await, &about.to_string())
                };
                let (foreign, absent) = (tell(one).await, tell(NONE).await);
                let expected = if reach_of(verb.by, role).is_some() { "\"status\":404" } else { "\"status\":403" };
                assert!(foreign.contains(expected), "{} by {role}: {foreign}", verb.name);
                same(verb.name, foreign, absent);
            }
            let history =
                async |about: Uuid| told(desk.app.history(&by, kind, about, page()).await, &about.to_string());
            same("history", history(one).await, history(NONE).await);
            let persons =
                async |about: Uuid| told(desk.app.persons(&by, kind, about, Some("contact")).await, &about.to_string());
            same("persons", persons(one).await, persons(NONE).await);
            let similar = async |about: Uuid| told(desk.app.similar(&by, kind, about).await, &about.to_string());
            same("similar", similar(one).await, similar(NONE).await);
        }
    }
    assert!(asked.len() > 25, "{asked:?}");
}

#[tokio::test]
async fn no_row_tells_what_exists_beyond_the_reach_of_who_asks() {
    let desk = Desk::open().await;
    one_of_each(&desk).await;
    let (north, mut asked) = (actor("auditor", Role::Auditor, None), BTreeSet::new());
    for view in registry::views() {
        let is_of_grid = view.filters().contains(&["grid"].as_slice());
        let filter = if is_of_grid { ("grid", "BZ") } else { ("department", "WSJK") };
        let Ok(page) = desk.rows(&north, view.path(), &[filter]).await else { continue };
        let row: Value =
            serde_json::from_str(page.items.first().unwrap_or_else(|| panic!("{} has no row here", view.path())).get())
                .unwrap();
        // What a process waits to send is of nobody's place.
        let named = ["/sent/order/order", "/order", "/case", "/pledge"];
        let named = named.iter().find_map(|at| row.pointer(at)?.as_str());
        let Some(key) = named.map(str::to_owned) else { continue };
        for by in roles().map(elsewhere) {
            let ask = async |key: &str| told(desk.app.row(&by, &**view, key, None).await, key);
            let (foreign, absent) = (ask(&key).await, ask(&NONE.to_string()).await);
            // Some roles see everything of a view.
            if foreign == "taken" {
                continue;
            }
            assert_eq!(foreign, absent, "{} by {}", view.path(), by.role);
            asked.insert((view.path(), by.role.as_str()));
        }
    }
    let views: BTreeSet<&str> = asked.iter().map(|(path, _)| *path).collect();
    assert!(
        ["cases", "issues", "orders", "obligations", "pledges"].iter().all(|path| views.contains(path)),
        "{views:?}"
    );
}

/// Which ids bodies name, and which foreign thing each could name.
#[tokio::test]
async fn no_body_tells_what_exists_beyond_the_reach_of_who_asks() {
    let desk = Desk::open().await;
    // The other one is in the neighbouring micro grid, dispatched to another department, and has a reporter.
    let mut other = discovery();
    other["grid"] = json!("BZ-R01-B02");
    let foreign = desk.submit(&duty(), None, "discover-issue", id(), &other).await.unwrap().id;
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&duty(), foreign, "register-issue", register).await.unwrap();
    let leader_there = actor("there", Role::GridLeader, Some("BZ-R01-B02"));
    desk.tell(&leader_there, foreign, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    desk.tell(&duty(), foreign, "file-case", all_met()).await.unwrap();
    let dispatch = json!({"lead": "SCJG", "instructions": "办", "override_reason": "试"});
    desk.tell(&dispatcher(), foreign, "dispatch-case", dispatch).await.unwrap();
    let shown = desk.summary(foreign).await;
    let order: Uuid = shown["parts"]["orders"][0]["order"].as_str().unwrap().parse().unwrap();
    let (cases, _) = registry::verb("discover-issue").unwrap();
    let person = desk.app.persons(&duty(), cases, foreign, Some("contact")).await.unwrap().items[0].person.uuid();

    let (dispatched, _) = desk.dispatched().await;
    let found = desk.discover().await;
    let mut named = BTreeSet::new();
    for kind in kinds() {
        for verb in kind.verbs().iter().filter(|verb| !verb.is_part) {
            for at in fields_of(verb, &["uuid"]) {
                named.insert(format!("{}{at}", verb.name));
                let Some(by) = people().into_iter().find(|by| reach_of(verb.by, by.role).is_some()) else { continue };
                for (about, other) in
                    [dispatched, found].iter().flat_map(|about| [(*about, foreign), (*about, order), (*about, person)])
                {
                    let tell = async |named: Uuid| {
                        let body = with((verb.example)(), &at, &json!(named));
                        let about = (!verb.begins).then_some(about);
                        told(desk.app.submit(request(&by, about, verb.name, id(), &body)).await, &named.to_string())
                    };
                    assert_eq!(tell(other).await, tell(NONE).await, "{}{at}", verb.name);
                }
            }
        }
    }
    // A new id has to be looked at here: whether it can tell of something foreign.
    let known = [
        "accept-order/order",
        "answer-follow-up/command",
        "answer-merged/by_case",
        "decide-return/order",
        "merge-issue/into",
        "record-progress/order",
        "request-return/order",
        "submit-disposal/order",
        "verify-case/rework/0",
    ];
    assert_eq!(named.iter().map(String::as_str).collect::<Vec<_>>(), known);
}

/// Whoever reaches the two cases of the grid, and not the foreign one.
fn people() -> [Actor; 6] {
    let verifier = actor("verifier", Role::Verifier, Some("BZ-R01-B01"));
    let secretary = actor("secretary", Role::ResidentialSecretary, Some("BZ-R01-B01"));
    let officer = actor("officer", Role::DutyOfficer, Some("BZ-R01-B01"));
    [clerk("WSJK"), leader(), member(), verifier, secretary, officer]
}

/// What somebody's command did is theirs alone, also where it did nothing.
#[tokio::test]
async fn what_a_command_did_is_told_to_whoever_gave_it() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader(), case, "register-issue", register.clone()).await.unwrap();
    let again = id();
    assert_eq!(desk.submit(&leader(), Some(case), "register-issue", again, &register).await.unwrap().events, 0);
    assert_eq!(desk.app.outcome(&leader(), again).await.unwrap().id, case);
    let everywhere = |role| Actor { scope: Scope::Everywhere, ..elsewhere(role) };
    for by in roles().flat_map(|role| [elsewhere(role), everywhere(role)]).chain([duty()]) {
        let (role, absent) = (by.role, id());
        let ask = async |command: kernel::CommandId| told(desk.app.outcome(&by, command).await, &command.to_string());
        assert_eq!(ask(again).await, ask(absent).await, "{role}");
    }
}

/// Personal data are read by a live duty, for a purpose, each reading recorded.
#[tokio::test]
async fn a_reporter_is_read_for_a_purpose_and_each_reading_is_recorded() {
    let desk = Desk::open().await;
    let (case, _) = desk.dispatched().await;
    let kind = registry::kind("case").unwrap();
    let read = async |by: &Actor, purpose: Option<&str>| desk.app.persons(by, kind, case, purpose).await;
    let code = |error: Error| (error.problem().status, error.problem().code);
    desk.app.history(&clerk("WSJK"), kind, case, PageRequest { beyond: None, limit: 200 }).await.unwrap();
    assert_eq!(code(read(&duty(), None).await.unwrap_err()), (400, "purpose-needed".into()));
    assert_eq!(code(read(&duty(), Some("curiosity")).await.unwrap_err()), (400, "purpose-unknown".into()));
    let readings = async || {
        let events = desk.app.ports().log.after(kernel::Position(0), 1000).await.unwrap();
        let read = events.into_iter().filter(|event| event.kind.ends_with(".reporter_read.v1"));
        read.map(|event| serde_json::from_slice::<Value>(&event.bytes).unwrap()["data"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(readings().await, Vec::<Value>::new());
    let shown = read(&clerk("WSJK"), Some("contact")).await.unwrap().items;
    assert_eq!(shown[0].phone.as_deref(), Some("13800001111"));
    let recorded = readings().await;
    assert_eq!(recorded.len(), 1);
    let (reader, purpose, persons) = (&recorded[0]["reader"], &recorded[0]["purpose"], &recorded[0]["persons"]);
    assert_eq!((reader, purpose, persons), (&json!("WSJK/clerk"), &json!("contact"), &json!([shown[0].person])));
    // Whoever had their order taken back sees nobody any more, and another department never did.
    let order = desk.summary(case).await["parts"]["orders"][0]["order"].clone();
    let back =
        json!({"order": order, "reason": "not_our_matter", "legal_basis": "权责清单", "explanation": "不属本部门"});
    desk.tell(&clerk("WSJK"), case, "request-return", back).await.unwrap();
    assert_eq!(read(&clerk("WSJK"), Some("answer")).await.unwrap().items.len(), 1);
    let approve = json!({"order": order, "decision": "approve", "reason": "确不属该部门"});
    desk.tell(&duty(), case, "decide-return", approve).await.unwrap();
    assert_eq!(code(read(&clerk("WSJK"), Some("contact")).await.unwrap_err()), (409, "no-duty".into()));
    assert_eq!(code(read(&clerk("SCJG"), Some("contact")).await.unwrap_err()), (404, "unknown-case".into()));
    assert_eq!(readings().await.len(), 2, "what was refused is no reading");
    // So it is with the history of the case, and with its files, which are read with the same right.
    let page = || PageRequest { beyond: None, limit: 200 };
    let history = async |by: Actor| desk.app.history(&by, kind, case, page()).await.map(drop);
    assert_eq!(code(history(clerk("WSJK")).await.unwrap_err()), (404, "unknown-case".into()));
    history(duty()).await.unwrap();
}

/// Nobody reads more persons in a day than the rules let them, whichever process they ask.
#[tokio::test]
async fn a_reader_reads_so_many_cases_in_a_day() {
    let desk = Desk::open().await;
    let kind = registry::kind("case").unwrap();
    let mut cases = Vec::new();
    for _ in 0..51 {
        cases.push(desk.discover().await);
    }
    let last = cases.pop().unwrap();
    for case in cases {
        desk.app.persons(&leader(), kind, case, Some("contact")).await.unwrap();
    }
    let refused = |answer: Result<_, Error>| {
        let problem = answer.map(drop).unwrap_err().problem();
        assert_eq!((problem.status, problem.code.as_str()), (429, "readings-used-up"));
        // It is ten in the morning, and the day ends in fourteen hours.
        assert_eq!(problem.retry_after, Some(14 * 3600));
    };
    refused(desk.app.persons(&leader(), kind, last, Some("contact")).await);
    desk.app.settle().await.unwrap();
    let elsewhere = desk.another().await;
    refused(elsewhere.persons(&leader(), kind, last, Some("contact")).await);
    assert_eq!(desk.app.persons(&duty(), kind, last, Some("contact")).await.unwrap().items.len(), 1, "somebody else");
    let auditor = actor("auditor", Role::Auditor, None);
    let rows = desk.rows(&auditor, "reporter-readings", &[("reader", "bz-r01-b01-leader")]).await.unwrap();
    let row: Value = serde_json::from_str(rows.items[0].get()).unwrap();
    assert_eq!((&row["count"], row["cases"].as_array().map(Vec::len)), (&json!(50), Some(50)));
    desk.clock.advance(chrono::TimeDelta::hours(14));
    assert_eq!(desk.app.persons(&leader(), kind, last, Some("contact")).await.unwrap().items.len(), 1, "tomorrow");
}

/// What cannot be recorded is not shown.
#[tokio::test]
async fn a_reading_that_cannot_be_recorded_shows_nobody() {
    let desk = Desk::open().await;
    let (case, kind) = (desk.discover().await, registry::kind("case").unwrap());
    let log = &desk.app.ports().log;
    let after = log.head().await.unwrap();
    let lost = app::port::Lost { after, to: kernel::Position(after.0 + 5) };
    log.halt(lost, kernel::Version(0)).await.unwrap();
    let refused = desk.app.persons(&duty(), kind, case, Some("contact")).await.unwrap_err().problem();
    assert_eq!((refused.status, refused.code.as_str()), (503, "log-went-back"));
}

/// Nobody names whose data they send: they could seal into what is somebody else's. And what is refused leaves no key.
#[tokio::test]
async fn the_core_says_whose_data_are_sealed_and_a_refused_command_leaves_no_key() {
    let desk = Desk::open().await;
    let reporter_of = |command: kernel::CommandId| {
        let case = format!("case/test/{command}/{}", member().id);
        let case = Uuid::new_v5(&kernel::id::NAMESPACE, case.as_bytes());
        kernel::PersonId::named(&format!("{case}/reporter"))
    };
    let has_key = async |person| desk.app.ports().vault.key(person).await.unwrap().is_some();
    let (taken, refused) = (id(), id());
    let case = desk.submit(&member(), None, "discover-issue", taken, &discovery()).await.unwrap().id;
    assert!(has_key(reporter_of(taken)).await, "the control");
    let untitled = with(discovery(), "/title", &json!(" "));
    let answer = desk.submit(&member(), None, "discover-issue", refused, &untitled).await.unwrap_err();
    assert_eq!(answer.problem().code, "text-length");
    assert!(!has_key(reporter_of(refused)).await);
    let kind = registry::kind("case").unwrap();
    let known = desk.app.persons(&duty(), kind, case, Some("contact")).await.unwrap().items[0].person;
    let mut named = discovery();
    named["reporter"]["person"] = json!(known);
    let answer = desk.submit(&member(), None, "discover-issue", id(), &named).await.unwrap_err();
    assert_eq!((answer.problem().status, answer.problem().code.as_str()), (400, "body-does-not-fit"));
}
