//! Cases that are merged, and reports that come again: what two processes do at once, what a foreign case tells, and what reaches whom.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Arc;

use app::{App, Error};
use kernel::Actor;
use serde_json::{Value, json};
use support::{Desk, all_met, discovery, duty, id, leader, member, request};
use uuid::Uuid;

fn code<T: std::fmt::Debug>(answer: &Result<T, Error>) -> String {
    answer.as_ref().map_or_else(|error| error.problem().code, |_| "taken".to_owned())
}

/// Gives a command on a case in one of several processes.
async fn tell(app: &Arc<App>, by: &Actor, case: Uuid, name: &str, body: &Value) -> String {
    code(&app.submit(request(by, Some(case), name, id(), body)).await)
}

async fn stage(desk: &Desk, case: Uuid) -> Value {
    desk.summary(case).await["stage"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_never_merged_into_one_that_ends_at_the_same_time_on_sqlite() {
    race(&Desk::open().await, 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_case_is_never_merged_into_one_that_ends_at_the_same_time_on_postgresql() {
    let server = testkit::postgres::Postgres::shared().await.unwrap();
    let log = server.create_database().await.unwrap();
    race(&Desk::open_on("district.toml", Some(log)).await, 15).await;
}

/// How one case can end while another one is merged into it.
#[derive(Clone, Copy, Debug)]
enum End {
    Voided,
    MergedOnward,
    Closed,
}

/// Two processes race so often: A is merged into B, and B ends.
async fn race(desk: &Desk, races: usize) {
    let another = desk.another().await;
    for number in 0..races {
        let end = [End::Voided, End::MergedOnward, End::Closed][number % 3];
        let (a, b, c) = (desk.discover().await, desk.discover().await, desk.discover().await);
        if let End::Closed = end {
            to_be_closed(desk, b).await;
        }
        let merge = json!({"into": b, "reason": "同一件事"});
        let (by, name, body) = match end {
            End::Voided => (leader(), "void-issue", json!({"reason": "误报"})),
            End::MergedOnward => (leader(), "merge-issue", json!({"into": c, "reason": "同一件事"})),
            End::Closed => {
                (duty(), "close-case", json!({"outcome": "explained", "resolution": [], "summary": "已说明"}))
            }
        };
        let merger = leader();
        // Each is first by turns, and sometimes neither is.
        let wait = async |turn: usize| {
            if number % 5 == turn {
                tokio::time::sleep(std::time::Duration::from_millis(3)).await;
            }
        };
        let (one, other) = tokio::join!(
            async {
                wait(0).await;
                tell(&desk.app, &merger, a, "merge-issue", &merge).await
            },
            async {
                wait(1).await;
                tell(&another, &by, b, name, &body).await
            }
        );
        let (stage_a, shown_b) = (stage(desk, a).await, desk.summary(b).await);
        let ended = match end {
            End::Voided => "voided",
            End::MergedOnward => "merged",
            End::Closed => "closed",
        };
        let taken_in = shown_b["taken_in"].as_array().is_some_and(|taken| taken.contains(&json!(a)));
        assert_eq!(stage_a == "merged", taken_in, "{end:?}: a merger stands on both cases or on none");
        match (end, one.as_str(), other.as_str()) {
            (_, "cannot-merge-into", "taken") => {
                assert_eq!((&stage_a, &shown_b["stage"]), (&json!("discovered"), &json!(ended)));
            }
            (End::Voided, "taken", "others-merged-into-it") => assert_eq!(shown_b["stage"], "discovered"),
            // A was merged into B first, and goes with it.
            (End::MergedOnward | End::Closed, "taken", "taken") => {
                assert_eq!((&stage_a, &shown_b["stage"]), (&json!("merged"), &json!(ended)));
                let events = history(desk, b).await;
                let at = |name: &str| events.iter().position(|event| event.contains(name)).unwrap();
                let last = if let End::Closed = end { "case_closed" } else { "issue_merged" };
                assert!(at("issue_taken_in") < at(last), "nothing is taken in after the end: {events:?}");
            }
            found => panic!("{found:?}: {stage_a} and {shown_b}"),
        }
    }
}

/// Brings a case to where only its closing is left.
async fn to_be_closed(desk: &Desk, case: Uuid) {
    desk.tell(&leader(), case, "register-issue", json!({"matter": "FW-0301", "handling": "promised"})).await.unwrap();
    desk.tell(&leader(), case, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    desk.tell(&duty(), case, "refuse-filing", json!({"reason": "不属于城市管理事项"})).await.unwrap();
    let told = json!({"answer": "已说明", "contacted": true, "solved": true, "satisfied": true});
    desk.tell(&leader(), case, "record-feedback", told).await.unwrap();
}

/// The types of the events of a case.
async fn history(desk: &Desk, case: Uuid) -> Vec<String> {
    let stream = kernel::StreamId::new("case", case);
    let events = desk.app.ports().log.stream(&stream, kernel::Version(0)).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

#[tokio::test]
async fn a_case_of_another_grid_is_answered_as_one_that_does_not_exist() {
    let desk = Desk::open().await;
    let own = desk.discover().await;
    let mut elsewhere = discovery();
    elsewhere["grid"] = json!("BZ-R01-B02");
    let foreign = desk.submit(&duty(), None, "discover-issue", id(), &elsewhere).await.unwrap().id;
    let none = Uuid::from_u128(u128::from_be_bytes(*foreign.as_bytes()) ^ 1);
    let problem = async |by: &Actor, into: Uuid| {
        let answer = desk.tell(by, own, "merge-issue", json!({"into": into, "reason": "同一件事"})).await;
        let problem = serde_json::to_string(&answer.unwrap_err().problem()).unwrap();
        problem.replace(&into.to_string(), "ID")
    };
    assert_eq!(problem(&leader(), foreign).await, problem(&leader(), none).await);
    assert!(problem(&leader(), none).await.contains("unknown-reference"));
}

#[tokio::test]
async fn a_second_call_is_added_and_the_corrected_telephone_is_shown() {
    let desk = Desk::open().await;
    let call = |code: &str, title: &str, phone: &str| {
        let mut body = discovery();
        (body["source"], body["source_code"], body["title"]) = (json!("hotline"), json!(code), json!(title));
        body["reporter"]["phone"] = json!(phone);
        body
    };
    let hotline = desk.hotline().await;
    let send = async |body: Value| desk.submit(&hotline, None, "discover-issue", id(), &body).await.unwrap();
    let first = send(call("HL-0045580", "车棚", "13800001111")).await;
    // The same, typed otherwise: full width, small letters, blanks.
    for same in ["HL-0045580 ", "ＨＬ－００４５５８０", "hl-0045580"] {
        let again = send(call(same, "车棚", "13800001111")).await;
        assert_eq!((again.id, again.events), (first.id, 0), "{same}");
    }
    let corrected = send(call("HL-0045580", "车棚", "13900002222")).await;
    let reworded = send(call("HL-0045580", "车棚着火", "13900002222")).await;
    assert_eq!((corrected.id, corrected.events, reworded.id, reworded.events), (first.id, 1, first.id, 1));
    assert_eq!(send(call("HL-0045580", "车棚着火", "13900002222")).await.events, 0);
    let (kind, _) = app::registry::verb("discover-issue").unwrap();
    let shown = desk.app.persons(&duty(), kind, first.id, Some("contact")).await.unwrap().items;
    assert_eq!(shown.len(), 1, "the same person");
    assert_eq!(shown[0].phone.as_deref(), Some("13900002222"));
    assert_eq!(
        (&desk.summary(first.id).await["title"], &desk.summary(first.id).await["reports"]),
        (&json!("车棚"), &json!(3))
    );
    let bytes = desk.app.ports().log.after(kernel::Position(0), 1000).await.unwrap();
    let shown = |canary: &str| bytes.iter().any(|event| String::from_utf8_lossy(&event.bytes).contains(canary));
    assert!(!shown("13800001111") && !shown("13900002222"), "both are sealed");
}

#[tokio::test]
async fn everybody_who_told_of_a_case_is_shown_in_order_and_erased_alone() {
    let desk = Desk::open().await;
    let call = |name: &str, phone: &str| {
        let mut body = discovery();
        (body["source"], body["source_code"]) = (json!("hotline"), json!("HL-77"));
        body["reporter"] = json!({"name": name, "phone": phone});
        body
    };
    let hotline = desk.hotline().await;
    let send = async |body: Value| desk.submit(&hotline, None, "discover-issue", id(), &body).await.unwrap();
    let case = send(call("王秀英", "13800001111")).await.id;
    for (name, phone) in [("李建国", "13900002222"), ("王秀英", "13800003333"), ("李建国", "13900004444")] {
        assert_eq!(send(call(name, phone)).await.events, 1);
        assert_eq!(send(call(name, phone)).await.events, 0, "a repeat");
    }
    let (kind, _) = app::registry::verb("discover-issue").unwrap();
    let shown = async || desk.app.persons(&duty(), kind, case, Some("contact")).await.map(|shown| shown.items);
    let told = |people: &[app::query::ClearPerson]| -> Vec<_> {
        people.iter().map(|one| (one.is_erased, one.name.clone(), one.phone.clone())).collect()
    };
    let (wang, li) = (
        (false, Some("王秀英".to_owned()), Some("13800003333".to_owned())),
        (false, Some("李建国".to_owned()), Some("13900004444".to_owned())),
    );
    let people = shown().await.unwrap();
    assert_eq!(told(&people), [wang, li.clone()]);
    desk.erase(people[0].person).await.unwrap();
    assert_eq!(told(&shown().await.unwrap()), [(true, None, None), li]);
    let again = desk.submit(&duty(), None, "discover-issue", id(), &call("王秀英", "13800001111")).await;
    assert_eq!(code(&again), "person-erased", "nobody comes back by being told of again");
    desk.erase(people[1].person).await.unwrap();
    assert_eq!(code(&shown().await), "person-erased");
}

#[tokio::test]
async fn no_two_cases_share_a_number() {
    let desk = Desk::open().await;
    let mut numbers = std::collections::BTreeSet::new();
    for _ in 0..5 {
        let case = desk.discover().await;
        let register = json!({"matter": "FW-0301", "handling": "promised"});
        desk.tell(&leader(), case, "register-issue", register).await.unwrap();
        desk.tell(&leader(), case, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
        desk.tell(&duty(), case, "file-case", all_met()).await.unwrap();
        let shown = desk.summary(case).await;
        let number = shown["number"].as_str().unwrap().to_owned();
        assert_eq!(number, format!("BZ-20260302-{}", shown["position"]), "short, and the case's own");
        assert!(numbers.insert(number));
    }
}

#[tokio::test]
async fn what_is_said_of_a_merged_case_is_read_on_the_one_that_continued() {
    let desk = Desk::open().await;
    let call = |code: &str, title: &str| {
        let mut body = discovery();
        (body["source"], body["source_code"], body["title"]) = (json!("hotline"), json!(code), json!(title));
        body
    };
    let hotline = desk.hotline().await;
    let send = async |body: Value| desk.submit(&hotline, None, "discover-issue", id(), &body).await;
    let own = send(call("HL-1", "车棚")).await.unwrap().id;
    let between = send(call("HL-2", "车棚漏雨")).await.unwrap().id;
    let last = send(call("HL-3", "车棚塌了")).await.unwrap().id;
    let merge = |into: Uuid| json!({"into": into, "reason": "同一车棚"});
    desk.tell(&duty(), own, "merge-issue", merge(between)).await.unwrap();
    let again = send(call("HL-1", "车棚起火")).await.unwrap();
    assert_eq!((again.id, again.events), (own, 2), "on both, under one command");
    desk.tell(&duty(), between, "merge-issue", merge(last)).await.unwrap();
    assert_eq!(send(call("HL-1", "车棚又起火")).await.unwrap().events, 3, "and along the chain");
    assert_eq!(send(call("HL-1", "车棚又起火")).await.unwrap().events, 0, "a repeat");
    let words = async |case: Uuid| desk.summary(case).await["words"].clone();
    assert_eq!((words(own).await, words(between).await, words(last).await), (json!(0), json!(2), json!(1)));
    to_be_closed(&desk, last).await;
    let close = json!({"outcome": "explained", "summary": "已说明"});
    desk.tell(&duty(), last, "close-case", close).await.unwrap();
    let before = (history(&desk, own).await, history(&desk, between).await);
    assert_eq!(code(&send(call("HL-1", "第三次起火")).await), "case-is-over", "nobody would read it");
    assert_eq!((history(&desk, own).await, history(&desk, between).await), before, "all of it or nothing");
}

/// A member who knows how the hotline counts cannot have its next number before its own report comes, and learns nothing of one that
/// was given.
#[tokio::test]
async fn a_number_of_the_hotline_is_the_right_of_its_connector() {
    let desk = Desk::open().await;
    let hotline = desk.hotline().await;
    let numbered = |number: &str, grid: &str| {
        let mut body = discovery();
        (body["source"], body["source_code"], body["grid"]) = (json!("hotline"), json!(number), json!(grid));
        body
    };
    let give = async |by: &Actor, body: Value| desk.submit(by, None, "discover-issue", id(), &body).await;
    let elsewhere = Actor { id: "connector/96789".into(), ..hotline.clone() };
    let own = "BZ-R01-B01";
    let known = give(&hotline, numbered("HL-1", "JAS-R03-M01")).await.unwrap();
    for by in [member(), leader(), duty(), elsewhere] {
        let told = async |number| give(&by, numbered(number, own)).await.unwrap_err().problem();
        let (occupied, given) = (told("HL-2").await, told("HL-1").await);
        assert_eq!((occupied.status, occupied.code.as_str()), (409, "source-not-yours"), "{}", by.id);
        assert_eq!(occupied, given, "{}: what exists is answered as what does not", by.id);
    }
    let first = give(&hotline, numbered("HL-2", own)).await.unwrap();
    assert!(first.events > 0 && first.id != known.id);
}
