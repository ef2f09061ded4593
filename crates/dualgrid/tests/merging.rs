//! Cases that are merged, and reports that come again: what two processes do at once, what a foreign case tells, and what reaches whom.

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Arc;

use app::{App, Error};
use kernel::Actor;
use serde_json::{Value, json};
use support::{Desk, all_met, discovery, duty, id, leader, request};
use uuid::Uuid;

/// How often two processes race for the same two cases.
const RACES: usize = 30;

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
async fn a_case_is_never_merged_into_one_that_is_voided_or_merged_at_the_same_time() {
    let desk = Desk::open().await;
    let another = desk.another().await;
    let (mut merged, mut ended) = (0, 0);
    for race in 0..RACES {
        let (a, b, c) = (desk.discover().await, desk.discover().await, desk.discover().await);
        let merge = json!({"into": b, "reason": "同一件事"});
        let (name, body) = match race % 2 {
            0 => ("void-issue", json!({"reason": "误报"})),
            _ => ("merge-issue", json!({"into": c, "reason": "同一件事"})),
        };
        let (by, of_another) = (leader(), leader());
        let (one, other) =
            tokio::join!(tell(&desk.app, &by, a, "merge-issue", &merge), tell(&another, &of_another, b, name, &body),);
        let (stage_a, stage_b) = (stage(&desk, a).await, stage(&desk, b).await);
        match (name, one.as_str(), other.as_str()) {
            ("void-issue", "taken", "others-merged-into-it") => {
                assert_eq!((&stage_a, &stage_b), (&json!("merged"), &json!("discovered")));
                merged += 1;
            }
            ("void-issue", "cannot-merge-into", "taken") => {
                assert_eq!((&stage_a, &stage_b), (&json!("discovered"), &json!("voided")));
                ended += 1;
            }
            // A was merged into B first, and goes with it; or B was gone.
            ("merge-issue", "taken", "taken") => assert_eq!((&stage_a, &stage_b), (&json!("merged"), &json!("merged"))),
            ("merge-issue", "cannot-merge-into", "taken") => {
                assert_eq!((&stage_a, &stage_b), (&json!("discovered"), &json!("merged")));
            }
            found => panic!("{found:?}: {stage_a} and {stage_b}"),
        }
        if stage_a == "merged" {
            assert_eq!(desk.summary(b).await["taken_in"], json!([a]), "the case that continues shows it");
        }
    }
    assert_eq!(merged + ended, RACES.div_ceil(2), "one of the two, and never both");
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
    let send = async |body: Value| desk.submit(&duty(), None, "discover-issue", id(), &body).await.unwrap();
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
    let person = desk.app.person(&duty(), kind, first.id).await.unwrap();
    assert_eq!(person.phone.as_deref(), Some("13900002222"));
    assert_eq!(
        (&desk.summary(first.id).await["title"], &desk.summary(first.id).await["reports"]),
        (&json!("车棚"), &json!(3))
    );
    let bytes = desk.app.ports().log.after(kernel::Position(0), 1000).await.unwrap();
    let shown = |canary: &str| bytes.iter().any(|event| String::from_utf8_lossy(&event.bytes).contains(canary));
    assert!(!shown("13800001111") && !shown("13900002222"), "both are sealed");
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
