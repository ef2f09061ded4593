use std::time::Duration;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Request};
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt as _;
use kernel::{Actor, Scope};
use serde_json::{Value, json};

use super::*;
use crate::testing::{Bench, INSTALLATION, NOW, auditor, issuer, token};
use crate::token::Claims;
use app::who::SubjectId;

#[test]
fn only_a_bearer_token_is_a_token() {
    let found = |value: &'static str| {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        bearer(&headers).unwrap().map(str::to_owned)
    };
    assert_eq!(found("Bearer abc").as_deref(), Some("abc"));
    assert_eq!(found("bearer  abc").as_deref(), Some("abc"));
    assert_eq!(found("Basic abc"), None);
    assert_eq!(found("abc"), None);
    assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
    let twice = ["Bearer abc", "Bearer abc"].map(|value| (AUTHORIZATION, value.parse().unwrap()));
    assert_eq!(bearer(&HeaderMap::from_iter(twice)).unwrap_err().problem().code, "header-repeated");
}

/// What the register says, told in events after that of the day before.
const PERSON: &str = "li.wei";

fn issued(subject: &str, at: DateTime<Utc>) -> String {
    let subject = SubjectId::try_new(subject).unwrap();
    issuer().issue(&Claims::new(INSTALLATION, &subject, at, TimeDelta::hours(1)))
}

/// Asks with a token, in a post.
async fn asked(bench: &Bench, subject: &str, at: DateTime<Utc>, post: Option<&str>) -> (u16, String, String) {
    let request = Request::get("/events?limit=1").header(AUTHORIZATION, format!("Bearer {}", issued(subject, at)));
    let request = post.into_iter().fold(request, |request, post| request.header(POST, post));
    let response = bench.send(request.header("accept", "application/json").body(Body::empty()).unwrap()).await;
    let (status, challenged) = (response.status().as_u16(), response.headers().contains_key(WWW_AUTHENTICATE));
    assert_eq!(status == 401, challenged, "every 401 has a challenge, and nothing else");
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body: Value = serde_json::from_slice(&bytes).unwrap();
    let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
    (status, text("code"), text("detail"))
}

fn entered(bench: &Bench) {
    let event = json!({"person": PERSON, "name": null, "seconded_by": null, "since": NOW - TimeDelta::days(2)});
    bench.log.change("persons", "person_entered", &event);
}

/// A post of the auditor from and until so many minutes from now.
fn post(bench: &Bench, code: &str, from: i64, until: Option<i64>) {
    let moment = |minutes: i64| NOW + TimeDelta::minutes(minutes);
    let term = json!({"role": "auditor", "scope": "everywhere", "from": moment(from), "until": until.map(moment)});
    bench.log.appoint(PERSON, code, term);
}

/// Somebody who acts in one post.
fn in_post(bench: &Bench) {
    entered(bench);
    post(bench, "desk", -60, None);
}

fn told(bench: &Bench, event: &str, more: Value) {
    let mut data = json!({"person": PERSON, "since": NOW - TimeDelta::minutes(1)});
    data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    bench.log.change("persons", event, &data);
}

type Line = (&'static str, fn(&Bench), Option<&'static str>, (u16, &'static str));

/// What the register says of a person, the post that they name, and what they are answered.
const LINES: [Line; 15] = [
    ("nobody", |_| (), None, (401, "subject-unknown")),
    ("no post", entered, None, (403, "post-missing")),
    ("one post", in_post, None, (200, "")),
    ("one post, named", in_post, Some("desk"), (200, "")),
    ("another named", in_post, Some("other"), (403, "post-not-held")),
    ("an odd name", in_post, Some("DESK"), (403, "post-not-held")),
    ("not begun", |b| (entered(b), post(b, "desk", 1, None)).1, None, (403, "post-missing")),
    ("ended", |b| (entered(b), post(b, "desk", -60, Some(-1))).1, None, (403, "post-missing")),
    ("ended, named", |b| (entered(b), post(b, "desk", -60, Some(-1))).1, Some("desk"), (403, "post-not-held")),
    ("two", |b| (in_post(b), post(b, "night", -60, None)).1, None, (400, "post-needed")),
    ("two, one named", |b| (in_post(b), post(b, "night", -60, None)).1, Some("night"), (200, "")),
    (
        "suspended",
        |b| {
            in_post(b);
            told(b, "person_suspended", json!({"reason": "x"}));
        },
        None,
        (403, "person-suspended"),
    ),
    (
        "left",
        |b| {
            in_post(b);
            told(b, "person_ended", json!({"reason": "x"}));
        },
        None,
        (403, "person-ended"),
    ),
    (
        "sessions ended since",
        |b| {
            in_post(b);
            b.log.change(
                "persons",
                "sessions_ended",
                &json!({"person": PERSON, "before": NOW + TimeDelta::minutes(2)}),
            );
        },
        None,
        (401, "token-withdrawn"),
    ),
    (
        "sessions ended before",
        |b| {
            in_post(b);
            b.log.change(
                "persons",
                "sessions_ended",
                &json!({"person": PERSON, "before": NOW - TimeDelta::minutes(1)}),
            );
        },
        None,
        (200, ""),
    ),
];

/// What the register says decides, and not what the token was issued for.
#[tokio::test]
async fn a_person_acts_as_the_register_says() {
    for (line, tell, named, (status, code)) in LINES {
        let bench = Bench::new();
        tell(&bench);
        let (found, said, detail) = asked(&bench, PERSON, NOW, named).await;
        assert_eq!((found, said.as_str()), (status, code), "{line}: {detail}");
        if code == "post-needed" {
            assert!(detail.contains("desk, night"), "{detail}");
        }
    }
}

#[tokio::test]
async fn a_program_acts_while_it_is_registered_and_hears_what_it_was_granted() {
    let program = json!({"integrator": "city"});
    let register = |bench: &Bench, since: DateTime<Utc>| {
        let event = json!({"program": program, "keys": [], "audiences": ["district"], "since": since});
        bench.log.change("programs", "program_registered", &event);
    };
    let bench = Bench::new();
    for audience in ["internal", "district", "street.JAS", "order.CGZF"] {
        bench.log.record(&format!(r#"{{"type":"x","audience":"{audience}","data":{{}}}}"#));
    }
    let ask = async |at: DateTime<Utc>, post: Option<&str>| {
        bench.clock.advance(TimeDelta::seconds(1));
        asked(&bench, "integrator/city", at, post).await
    };
    assert_eq!(ask(NOW, None).await.1, "subject-unknown");
    register(&bench, NOW - TimeDelta::hours(1));
    assert_eq!(ask(NOW, None).await.0, 200);
    assert_eq!(ask(NOW, Some("desk")).await.1, "post-not-taken");
    let get = |path: &str| {
        let token = format!("Bearer {}", issued("integrator/city", NOW));
        let request = Request::get(path).header(AUTHORIZATION, token).header("accept", "application/json");
        request.body(Body::empty()).unwrap()
    };
    let (_, page) = bench.ask(get("/events")).await;
    let heard: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["position"].as_u64()).collect();
    assert_eq!((heard, page.get("next")), (vec![Some(2)], None), "{page}");
    let (_, page) = bench.ask(get("/events?limit=1")).await;
    assert_eq!(page["next"], "0:2", "where to go on is beyond what was left out before it");
    assert_eq!(bench.ask(get("/events/2")).await.0, 200);
    let (foreign, unknown) = (bench.ask(get("/events/3")).await, bench.ask(get("/events/9")).await);
    assert_eq!((foreign.0.as_u16(), foreign.1["code"].as_str()), (404, Some("not-found")));
    assert_eq!(foreign.1.to_string().replace('3', "9"), unknown.1.to_string(), "as what does not exist");
    let closed = json!({"program": program, "reason": "x", "since": NOW});
    bench.log.change("programs", "program_closed", &closed);
    assert_eq!(ask(NOW, None).await.1, "program-closed");
    register(&bench, NOW + TimeDelta::minutes(1));
    assert_eq!(ask(NOW, None).await.1, "token-withdrawn", "what was given to it before it was closed is not revived");
    bench.clock.advance(TimeDelta::minutes(2));
    assert_eq!(ask(NOW + TimeDelta::minutes(2), None).await.0, 200);
}

/// A process that cannot read the register lets nobody in, whatever it knew before.
#[tokio::test]
async fn without_the_register_nobody_acts() {
    let bench = Bench::new();
    assert_eq!(asked(&bench, &auditor().id, NOW, None).await.0, 200);
    bench.log.lose_registers();
    bench.clock.advance(TimeDelta::seconds(1));
    let (status, code, detail) = asked(&bench, &auditor().id, NOW, None).await;
    assert_eq!((status, code.as_str()), (503, "register-unreadable"), "{detail}");
    assert!(!detail.contains("db.internal"), "{detail}");
}

/// Within five seconds, also while nothing happens.
#[tokio::test]
async fn a_stream_ends_when_its_reader_may_act_no_more() {
    let bench = Bench::new();
    (1..=2).for_each(|_| bench.log.record("{}"));
    let actor = Actor { id: PERSON.into(), scope: Scope::Everywhere, ..auditor() };
    entered(&bench);
    post(&bench, "desk", -60, None);
    let request = Request::get("/events?after=1").header(AUTHORIZATION, format!("Bearer {}", token(&actor)));
    let mut stream = bench.send(request.body(Body::empty()).unwrap()).await.into_body().into_data_stream();
    let mut next = async || {
        let piece = tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("an event, or an end");
        piece.map(|bytes| String::from_utf8(bytes.unwrap().to_vec()).unwrap())
    };
    assert!(next().await.unwrap().starts_with("id: 0:2\n"));
    told(&bench, "person_suspended", json!({"reason": "x"}));
    bench.clock.advance(TimeDelta::seconds(2));
    let last = next().await.unwrap();
    assert!(last.starts_with("event: end\ndata: ") && last.contains("\"withdrawn\""), "{last}");
    assert_eq!(next().await, None);
}
