use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use bytes::Bytes;
use chrono::TimeDelta;
use futures::StreamExt as _;
use kernel::{EventId, StreamId, Version};

use super::*;
use crate::testing::{Bench, NOW, auditor, clerk, token};

fn asked(path: &str, headers: &[(HeaderName, &str)]) -> Request<Body> {
    let request = Request::get(path).header(AUTHORIZATION, format!("Bearer {}", token(&auditor())));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(name, *value));
    request.body(Body::empty()).unwrap()
}

async fn follow(bench: &Bench, headers: &[(HeaderName, &str)]) -> BodyDataStream {
    let response = bench.send(asked("/events?after=1", headers)).await;
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    response.into_body().into_data_stream()
}

/// The next piece of a stream; `None` where it has ended.
async fn next(stream: &mut BodyDataStream) -> Option<String> {
    let piece = tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("an event, or an end");
    piece.map(|bytes| String::from_utf8(bytes.unwrap().to_vec()).unwrap())
}

fn sent(position: u64, text: &str) -> String {
    format!("id: 0:{position}\nevent: cn.dualgrid.case.order_accepted.v1\ndata: {text}\n\n")
}

/// The code of the event that ends a stream, after which nothing comes. It has no id: the last one counts.
async fn end(stream: &mut BodyDataStream) -> String {
    let last = next(stream).await.expect("an event that says why");
    let said = last.strip_prefix("event: end\ndata: ").unwrap_or_else(|| panic!("{last}"));
    let said: serde_json::Value = serde_json::from_str(said).unwrap();
    assert!(said["detail"].as_str().unwrap().contains("come back"), "{said}");
    assert_eq!(next(stream).await, None);
    said["code"].as_str().unwrap().to_owned()
}

/// The refusal of a page or a stream, and where it sends the reader.
async fn refused(bench: &Bench, path: &str, headers: &[(HeaderName, &str)]) -> (u16, String, String) {
    let (status, problem) = bench.ask(asked(path, headers)).await;
    let text = |field: &str| problem[field].as_str().unwrap_or_default().to_owned();
    (status.as_u16(), text("code"), text("detail"))
}

#[tokio::test]
async fn a_reader_gets_what_is_there_and_then_what_comes() {
    let bench = Bench::new();
    (1..=3).for_each(|number| bench.log.record(&format!(r#"{{"n":{number}.0, "名":"静安"}}"#)));
    let mut stream = follow(&bench, &[]).await;
    assert_eq!(next(&mut stream).await, Some(sent(2, r#"{"n":2.0, "名":"静安"}"#)));
    assert_eq!(next(&mut stream).await, Some(sent(3, r#"{"n":3.0, "名":"静安"}"#)));
    let (found, ()) = tokio::join!(next(&mut stream), async {
        tokio::task::yield_now().await;
        bench.log.record("{}");
    });
    assert_eq!(found, Some(sent(4, "{}")));
}

#[tokio::test]
async fn a_reader_resumes_after_the_last_event_it_saw() {
    let bench = Bench::new();
    (1..=450).for_each(|_| bench.log.record("{}"));
    let mut stream = follow(&bench, &[(HeaderName::from_static(LAST_EVENT_ID), "3")]).await;
    for position in 4..=450 {
        assert_eq!(next(&mut stream).await, Some(sent(position, "{}")), "nothing is lost between pages");
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_server_and_with_the_token() {
    let bench = Bench::new();
    bench.log.record("{}");
    let (mut with_server, mut with_token) = (follow(&bench, &[]).await, follow(&bench, &[]).await);
    bench.clock.advance(TimeDelta::minutes(62));
    assert_eq!(end(&mut with_token).await, "token-expired");
    bench.clock.advance(TimeDelta::minutes(-62));
    let (found, ()) = tokio::join!(end(&mut with_server), async {
        tokio::task::yield_now().await;
        bench.api.stop();
    });
    assert_eq!(found, "stopping");
}

/// Who took one event in more than a minute is told so, and comes back to the next one.
#[tokio::test]
async fn a_reader_that_is_too_slow_is_told_so_and_comes_back() {
    let bench = Bench::new();
    (1..=9).for_each(|_| bench.log.record("{}"));
    let mut stream = follow(&bench, &[]).await;
    assert_eq!(next(&mut stream).await, Some(sent(2, "{}")));
    bench.clock.advance(TimeDelta::seconds(59));
    assert_eq!(next(&mut stream).await, Some(sent(3, "{}")));
    bench.clock.advance(TimeDelta::seconds(2));
    assert_eq!(end(&mut stream).await, "too-slow");
    let mut again = follow(&bench, &[(HeaderName::from_static(LAST_EVENT_ID), "0:3")]).await;
    assert_eq!(next(&mut again).await, Some(sent(4, "{}")));
}

/// Who waits at the end of the log is not slow, however long nothing comes.
#[tokio::test]
async fn a_reader_that_has_everything_is_not_slow() {
    let bench = Bench::new();
    (1..=2).for_each(|_| bench.log.record("{}"));
    let mut stream = follow(&bench, &[]).await;
    assert_eq!(next(&mut stream).await, Some(sent(2, "{}")));
    bench.clock.advance(TimeDelta::minutes(30));
    let (found, ()) = tokio::join!(next(&mut stream), async {
        tokio::task::yield_now().await;
        bench.log.record("{}");
    });
    assert_eq!(found, Some(sent(3, "{}")));
}

#[tokio::test]
async fn a_principal_has_so_many_streams_and_another_one_has_its_own() {
    let bench = Bench::new();
    (1..=2).for_each(|_| bench.log.record("{}"));
    let mut open = Vec::new();
    for _ in 0..crate::limits::Limits::default().streams_per_principal {
        open.push(follow(&bench, &[]).await);
    }
    let response = bench.send(asked("/events", &[])).await;
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    let page = bench.send(asked("/events", &[(ACCEPT, "application/json")])).await;
    assert_eq!(page.status(), StatusCode::OK, "a page is no stream");
    let other = kernel::Actor { id: "staff-0008".into(), ..auditor() };
    let other = Request::get("/events").header(AUTHORIZATION, format!("Bearer {}", token(&other)));
    let other = bench.send(other.body(Body::empty()).unwrap()).await;
    assert_eq!(other.status(), StatusCode::OK);
    open.pop();
    assert_eq!(bench.send(asked("/events", &[])).await.status(), StatusCode::OK, "a place is free again");
}

#[tokio::test]
async fn a_stream_ends_where_the_log_goes_back() {
    let bench = Bench::new();
    bench.log.record("{}");
    let mut stream = follow(&bench, &[]).await;
    let (found, ()) = tokio::join!(end(&mut stream), async {
        tokio::task::yield_now().await;
        bench.log.begin_again();
    });
    assert_eq!(found, "log-went-back");
}

#[tokio::test]
async fn a_stream_ends_before_the_event_with_which_an_epoch_begins_and_goes_on_with_it() {
    let bench = Bench::new();
    (1..=2).for_each(|_| bench.log.record("{}"));
    let mut stream = follow(&bench, &[]).await;
    assert_eq!(next(&mut stream).await, Some(sent(2, "{}")));
    bench.log.accept_loss(3, 2);
    assert_eq!(end(&mut stream).await, "epoch-raised");
    let mut again = follow(&bench, &[(HeaderName::from_static(LAST_EVENT_ID), "0:2")]).await;
    let first = next(&mut again).await.unwrap();
    assert!(first.starts_with("id: 3:3\nevent: cn.dualgrid.log.loss_accepted.v1\n"), "{first}");
}

/// The log has lost what this reader has, and has not come as far as that again.
#[tokio::test]
async fn a_stream_that_is_beyond_what_was_lost_ends_too() {
    let bench = Bench::new();
    (1..=9).for_each(|_| bench.log.record("{}"));
    let mut stream = follow(&bench, &[(HeaderName::from_static(LAST_EVENT_ID), "0:8")]).await;
    assert_eq!(next(&mut stream).await, Some(sent(9, "{}")));
    bench.log.lose(5);
    bench.log.accept_loss(1, 4);
    assert_eq!(end(&mut stream).await, "epoch-raised");
    let resumed = refused(&bench, "/events?after=0:2", &[(HeaderName::from_static(LAST_EVENT_ID), "0:9")]).await;
    assert_eq!((resumed.0, resumed.1.as_str()), (409, "ahead-of-the-log"));
    assert!(resumed.2.contains("go back to 4"), "{}", resumed.2);
}

#[tokio::test]
async fn a_reader_of_an_earlier_epoch_is_sent_back_at_every_door() {
    let bench = Bench::new();
    (1..=4).for_each(|_| bench.log.record("{}"));
    bench.log.accept_loss(2, 4);
    (6..=9).for_each(|_| bench.log.record("{}"));
    let id = |id: &'static str| [(HeaderName::from_static(LAST_EVENT_ID), id)];
    let json = [(ACCEPT, "application/json")];
    for (path, headers) in [
        ("/events?after=0:5", json.to_vec()),
        ("/events?after=1:9", json.to_vec()),
        ("/events?after=5&epoch=0", json.to_vec()),
        ("/events?after=0:5", vec![]),
        ("/events", id("0:5").to_vec()),
        ("/events?epoch=1", id("5").to_vec()),
        ("/events?epoch=2&after=2:0", id("1:5").to_vec()),
    ] {
        let (status, code, detail) = refused(&bench, path, &headers).await;
        assert_eq!((status, code.as_str()), (409, "ahead-of-the-log"), "{path} {headers:?}");
        assert!(detail.contains("go back to 4") && detail.contains("in epoch 2"), "{detail}");
    }
    for (path, headers) in [
        ("/events?after=0:4&limit=1", json.to_vec()),
        ("/events?after=2:5&limit=1", json.to_vec()),
        ("/events?after=5&limit=1", json.to_vec()),
        ("/events?after=0:0&epoch=0", id("2:5").to_vec()),
        ("/events", id("0:4").to_vec()),
    ] {
        let response = bench.send(asked(path, &headers)).await;
        assert_eq!((response.status().as_u16(), &response.headers()[EPOCH]), (200, &"2".parse().unwrap()), "{path}");
    }
}

#[tokio::test]
async fn who_may_not_is_told_so_before_a_stream_begins() {
    let request = Request::get("/events").header(AUTHORIZATION, format!("Bearer {}", token(&clerk())));
    let (status, problem) = Bench::new().ask(request.body(Body::empty()).unwrap()).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (403, Some("not-allowed")));
}

#[tokio::test]
async fn pages_follow_each_other_to_the_end() {
    let bench = Bench::new();
    (1..=3).for_each(|_| bench.log.record("{}"));
    let json = [(ACCEPT, "application/json")];
    let (_, page) = bench.ask(asked("/events?after=0&limit=2", &json)).await;
    assert_eq!((page["items"].as_array().unwrap().len(), page["next"].as_str()), (2, Some("0:2")));
    let (_, page) = bench.ask(asked("/events?after=0:2&limit=2", &json)).await;
    assert_eq!((page["items"][0]["position"].as_u64(), page.get("next")), (Some(3), None));
    let (status, problem) = bench.ask(asked("/events", &[(ACCEPT, "image/png")])).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (406, Some("not-acceptable")));
}

#[tokio::test]
async fn one_event_is_its_bytes_with_its_place_beside_them() {
    let bench = Bench::new();
    bench.log.record(r#"{"b":1.50, "a":1}"#);
    let response = bench.send(asked("/events/1", &[])).await;
    assert_eq!(
        (&response.headers()[POSITION], &response.headers()[EPOCH]),
        (&"1".parse().unwrap(), &"0".parse().unwrap())
    );
    let bytes = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
    assert_eq!(bytes, r#"{"b":1.50, "a":1}"#.as_bytes());
    let (status, _) = bench.ask(asked("/events/2", &[])).await;
    assert_eq!(status.as_u16(), 404);
}

fn headers(name: &'static str, value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
}

#[test]
fn the_caller_chooses_the_form() {
    let form = |accept| wanted(&headers("accept", accept)).ok();
    assert_eq!(wanted(&HeaderMap::new()).ok(), Some(Form::Stream));
    assert_eq!(form("*/*"), Some(Form::Stream));
    assert_eq!(form("text/event-stream"), Some(Form::Stream));
    assert_eq!(form("application/json"), Some(Form::Page));
    assert_eq!(form("image/png, application/json;q=0.9, */*;q=0.1"), Some(Form::Page));
    assert_eq!(form("image/png"), None);
    for page in
        ["Application/JSON", "APPLICATION/*", "text/event-stream;q=0, */*", "text/*;q=0.1, application/json;Q=0.2"]
    {
        assert_eq!(form(page), Some(Form::Page), "{page}");
    }
    for stream in ["", "TEXT/EVENT-STREAM", "application/json;q=0, */*;q=0.001", "text/event-stream, application/json"]
    {
        assert_eq!(form(stream), Some(Form::Stream), "{stream}");
    }
    for none in ["*/*;q=0", "application/json;q=0.000", "text/event-stream;q=0", "application/json;q=2", "text/html"] {
        assert_eq!(form(none), None, "{none}");
    }
}

#[tokio::test]
async fn an_event_that_the_caller_has_is_not_sent_again() {
    let bench = Bench::new();
    bench.log.record("{}");
    let first = bench.send(asked("/events/1", &[])).await;
    let tag = first.headers()["etag"].to_str().unwrap().to_owned();
    let again = bench.send(asked("/events/1", &[(axum::http::header::IF_NONE_MATCH, &tag)])).await;
    assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::NOT_MODIFIED, &tag.parse().unwrap()));
    assert_eq!(again.headers()[POSITION], "1");
    let other = bench.send(asked("/events/1", &[(axum::http::header::IF_NONE_MATCH, "\"other\"")])).await;
    assert_eq!(other.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_reader_says_once_where_to_resume() {
    let twice = [(HeaderName::from_static(LAST_EVENT_ID), "3"), (HeaderName::from_static(LAST_EVENT_ID), "4")];
    let (status, problem) = Bench::new().ask(asked("/events", &twice)).await;
    assert_eq!((status.as_u16(), problem["code"].as_str()), (400, Some("header-repeated")));
}

#[test]
fn a_reader_that_resumes_is_not_sent_back_to_its_first_address() {
    let none = HeaderMap::new;
    let asked = |headers: HeaderMap, after: Option<&str>, epoch: Option<u32>| {
        start(&headers, &Asked { after: after.map(str::to_owned), limit: None, epoch })
            .map_or_else(|fault| fault.problem().code, |mark| mark.to_string())
    };
    assert_eq!(asked(none(), None, None), "0");
    assert_eq!(asked(none(), Some("7"), None), "7");
    assert_eq!(asked(none(), Some("7"), Some(1)), "1:7");
    assert_eq!(asked(none(), Some("1:7"), Some(1)), "1:7");
    assert_eq!(asked(none(), Some("1:7"), Some(2)), "query-invalid");
    assert_eq!(asked(headers(LAST_EVENT_ID, "9"), Some("7"), None), "9");
    assert_eq!(asked(headers(LAST_EVENT_ID, "2:9"), Some("1:7"), Some(1)), "2:9");
    assert_eq!(asked(headers(LAST_EVENT_ID, ""), Some("7"), None), "7");
    for bad in ["nine", "-1", "1:", ":1", "1:2:3", "99999999999:1"] {
        assert_eq!(asked(headers(LAST_EVENT_ID, bad), None, None), "last-event-id-invalid", "{bad}");
        assert_eq!(asked(none(), Some(bad), None), "query-invalid", "{bad}");
    }
}

#[test]
fn a_page_holds_the_exact_text_of_an_event() {
    let text = r#"{"b":1.50, "a":"静安"}"#;
    let recorded = Recorded {
        position: Position(3),
        stream: StreamId::new("case", uuid::Uuid::nil()),
        version: Version(1),
        id: EventId::named("one"),
        kind: "cn.dualgrid.case.order_accepted.v1".into(),
        time: NOW,
        bytes: Bytes::from_static(text.as_bytes()),
    };
    let page = EventPage { items: vec![placed(recorded).unwrap()], next: None, epoch: 1 };
    let json = serde_json::to_string(&page).unwrap();
    assert_eq!(json, format!(r#"{{"items":[{{"position":3,"event":{text}}}],"epoch":1}}"#));
}
