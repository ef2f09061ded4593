//! Every time and every day that a command takes has bounds: what is reported has happened, and not in another age; what is to come is
//! not beyond what can be planned.

#[path = "support/fields.rs"]
mod fields;
#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::collections::BTreeMap;

use app::{Error, registry};
use fields::{fields_of, with};
use kernel::Actor;
use serde_json::{Value, json};
use support::{Desk, actor, clerk, discovery, id, leader, member};
use uuid::Uuid;

/// What a time says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// What has happened: never in the future, nor in another age.
    Happened,
    /// By when something must be done: in the future, within a window of the rules.
    Due,
    /// From when on, until when, or on which days something holds: any moment that can be written, in the past too, because a
    /// district and its rules are older than the installation.
    Holds,
}

/// Every time of every body. A new one has to be thought about here.
const TIMES: &[(&str, &str, Says)] = &[
    ("discover-issue", "/found_at", Says::Happened),
    ("hold-meeting", "/held_at", Says::Happened),
    ("open-deliberation", "/opened_at", Says::Happened),
    ("record-progress", "/day", Says::Happened),
    ("dispatch-case", "/own_due/at", Says::Due),
];

/// The kinds whose times say when something holds, and the system's own.
const OF_WHAT_HOLDS: &[&str] = &["district", "rules", "persons", "process", "log"];

/// What the system tells a case: when the district changed, until when another case can be reopened, and when its finder said so.
const OF_THE_SYSTEM: &[(&str, &str)] = &[
    ("follow-grid", "/since"),
    ("answer-merged", "/reopening/until"),
    ("reopen-for-merged", "/said_at"),
    ("take-back-orders", "/since"),
];

fn says(kind: &str, verb: &str, at: &str) -> Option<Says> {
    let known = TIMES.iter().find(|(name, place, _)| (*name, *place) == (verb, at)).map(|(.., says)| *says);
    let holds = OF_WHAT_HOLDS.contains(&kind) || OF_THE_SYSTEM.contains(&(verb, at));
    known.or(holds.then_some(Says::Holds))
}

#[test]
fn every_time_of_every_body_is_known_by_what_it_says() {
    let mut found = Vec::new();
    for kind in registry::kinds() {
        for verb in kind.verbs() {
            for at in fields_of(verb, &["date-time", "date"]) {
                assert!(says(kind.category(), verb.name, &at).is_some(), "{}{at}: what does it say?", verb.name);
                found.push((verb.name, at));
            }
        }
    }
    for (verb, at, _) in TIMES {
        assert!(found.contains(&(verb, (*at).to_owned())), "{verb}{at} is gone");
    }
}

#[tokio::test]
async fn no_time_of_any_body_lies_outside_the_years_that_can_be_written() {
    let desk = Desk::open().await;
    let operator = actor("operator", kernel::Role::SystemAdministrator, None);
    let mut checked = 0;
    for kind in registry::kinds() {
        for verb in kind.verbs().iter().filter(|verb| !verb.is_part) {
            for (format, absurd) in [
                ("date-time", ["0001-01-01T00:00:00Z", "1899-12-31T23:59:59Z", "10000-01-01T00:00:00Z"]),
                ("date", ["0001-01-01", "1899-12-31", "10000-01-01"]),
            ] {
                for (at, time) in fields_of(verb, &[format]).iter().flat_map(|at| absurd.map(|time| (at, time))) {
                    let mut body = (verb.example)();
                    if at == "/own_due/at" {
                        body["own_due"] = json!({"reason": "汛期"});
                    }
                    // What the example does not have would lack more than its time.
                    let parent = at.rsplit_once('/').map_or("", |(parent, _)| parent);
                    if !body.pointer(parent).is_some_and(Value::is_object) {
                        continue;
                    }
                    checked += 1;
                    let body = with(body, at, &json!(time));
                    let about = (!verb.begins && !kind.is_single()).then(Uuid::nil);
                    let refused = desk.submit(&operator, about, verb.name, id(), &body).await.unwrap_err().problem();
                    let is_of_time = refused.code == "body-does-not-fit" && refused.detail.contains("RFC 3339");
                    assert!(is_of_time, "{}{at} {time}: {}", verb.name, refused.detail);
                }
            }
        }
    }
    assert!(checked >= 3 * 12, "only {checked} were looked at");
}

#[tokio::test]
async fn what_is_reported_has_happened_and_not_in_another_age() {
    let desk = Desk::open().await;
    let code = |answer: Result<app::intake::Answer, Error>| answer.unwrap_err().problem().code;
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let years = ["1900-01-01", "1970-01-01", "2015-03-02", "2016-03-01", "2026-03-04", "2126-03-02", "9999-01-01"];
    let moments = years.map(|day| json!(format!("{day}T00:00:00Z")));

    for moment in &moments {
        let mut body = discovery();
        body["found_at"] = moment.clone();
        let answer = desk.submit(&member(), None, "discover-issue", id(), &body).await;
        refused.entry("found_at").or_default().push(code(answer));
    }

    let case = desk.discover().await;
    let tell = async |by: &Actor, name: &str, body: Value| desk.tell(by, case, name, body).await;
    tell(&leader(), "register-issue", json!({"matter": "WM-0201", "handling": "promised"})).await.unwrap();
    let seat = json!({"class": "居民代表", "holder": "seat-7"});
    let roster = json!({"convener": "bz-r01-secretary", "fixed": [seat], "invited": []});
    let open = json!({"topic": "车棚", "roster": roster});
    for moment in &moments {
        let mut body = open.clone();
        body["opened_at"] = moment.clone();
        refused.entry("opened_at").or_default().push(code(tell(&leader(), "open-deliberation", body).await));
    }
    tell(&leader(), "open-deliberation", open).await.unwrap();
    for moment in &moments {
        let body = json!({
            "kind": "hearing", "round": 1, "held_at": moment, "attendance": [{"class": "居民代表", "present": 21}],
            "minutes": desk.photo, "results": ["再议"],
        });
        refused.entry("held_at").or_default().push(code(tell(&leader(), "hold-meeting", body).await));
    }

    let (case, order) = desk.dispatched().await;
    let by = clerk("WSJK");
    desk.tell(&by, case, "accept-order", json!({"order": order})).await.unwrap();
    for day in years {
        let body = json!({"order": order, "day": day, "text": "已到现场", "evidence": []});
        refused.entry("day").or_default().push(code(desk.tell(&by, case, "record-progress", body).await));
    }

    let (long_ago, early, ahead) = ("too-long-ago", "too-early", "in-the-future");
    assert_eq!(refused["found_at"], [long_ago, long_ago, long_ago, long_ago, ahead, ahead, ahead]);
    assert_eq!(refused["opened_at"], [early, early, early, early, ahead, ahead, ahead]);
    assert_eq!(refused["held_at"], [early, early, early, early, ahead, ahead, ahead]);
    assert_eq!(refused["day"], [early, early, early, early, ahead, ahead, ahead]);
    assert_eq!(refused.len(), TIMES.iter().filter(|(.., says)| *says == Says::Happened).count());
}
