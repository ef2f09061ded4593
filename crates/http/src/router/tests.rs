use axum::body::Body;
use axum::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, WWW_AUTHENTICATE,
};
use axum::http::request::Builder;
use axum::http::{Request, StatusCode};
use serde_json::Value;

use crate::problem::PROBLEM_JSON;
use crate::routes::{self, Endpoint, Method};
use crate::testing::{Bench, Captured, PANICS, auditor, clerk, token};

const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
const EMPTY: [&str; 0] = [];

/// A request for a route, with every parameter filled in.
fn request(method: Method, template: &str) -> Builder {
    let digest = "a".repeat(64);
    let fill = |part: &str| match part {
        "{position}" => "1".to_owned(),
        "{sha256}" => digest.clone(),
        "{file}" => "index.html".to_owned(),
        _ if part.starts_with('{') => ID.to_owned(),
        _ => part.to_owned(),
    };
    let path = template.split('/').map(fill).collect::<Vec<_>>().join("/");
    Request::builder().method(if method == Method::Get { "GET" } else { "POST" }).uri(path)
}

fn with_query(route: &routes::Route, query: &str) -> Builder {
    let built = request(route.method, &route.path).body(Body::empty()).unwrap();
    Request::builder().method(built.method()).uri(format!("{}?{query}", built.uri()))
}

fn get(path: &str) -> Request<Body> {
    let auditor = format!("Bearer {}", token(&auditor()));
    Request::get(path).header(AUTHORIZATION, auditor).body(Body::empty()).unwrap()
}

fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let clerk = format!("bearer {}", token(&clerk()));
    let request = Request::post(path).header(AUTHORIZATION, clerk).header(CONTENT_TYPE, "application/json");
    request.header("idempotency-key", ID).body(body.into()).unwrap()
}

async fn code(request: Request<Body>) -> (u16, String) {
    let (status, problem) = Bench::new().ask(request).await;
    (status.as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn without_a_token_every_route_with_data_answers_401_and_nothing_else() {
    let bench = Bench::new();
    for route in routes::table() {
        let response = bench.send(request(route.method, &route.path).body(Body::empty()).unwrap()).await;
        let locked = route.endpoint.action().is_some();
        assert_eq!(response.status() == StatusCode::UNAUTHORIZED, locked, "{route:?}");
        assert_eq!(response.headers().contains_key(WWW_AUTHENTICATE), locked, "{route:?}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_answered_with_its_reason() {
    let bench = Bench::new();
    let asked = |token: &str| {
        Request::get("/events/1").header(AUTHORIZATION, format!("Bearer {token}")).body(Body::empty()).unwrap()
    };
    assert_eq!(bench.ask(asked("abc")).await.1["code"], "token-invalid");
    let token = token(&auditor());
    bench.clock.advance(chrono::TimeDelta::hours(2));
    assert_eq!(bench.ask(asked(&token)).await.1["code"], "token-expired");
}

/// What strangers hear of the process is that it is alive and ready; who runs it hears all of it.
#[tokio::test]
async fn the_public_listener_tells_nothing_about_the_process() {
    let bench = Bench::new();
    let public = super::public(std::sync::Arc::clone(&bench.api));
    let there = async |path: &str| {
        let response = tower::ServiceExt::oneshot(public.clone(), get(path)).await.unwrap();
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice::<Value>(&bytes).unwrap_or_default())
    };
    assert_eq!(there("/healthz").await, (200, serde_json::json!({ "alive": true })));
    assert_eq!(there("/readyz").await, (503, serde_json::json!({ "ready": false })));
    for path in ["/metrics", "/docs", "/docs/index.html"] {
        let (status, problem) = there(path).await;
        assert_eq!((status, problem["code"].as_str()), (404, Some("no-such-route")), "{path}");
    }
    let (status, full) = bench.ask(get("/healthz")).await;
    assert_eq!((status.as_u16(), full["instance"].as_str(), full["alive"].as_bool()), (200, Some("one"), Some(true)));
    let (_, full) = bench.ask(get("/readyz")).await;
    assert!(full["checks"].is_object() && full["ready"] == false, "{full}");
    // Everything else is the same on both.
    for route in routes::table().into_iter().filter(|route| !route.endpoint.is_for_operators()) {
        let asked = || request(route.method, &route.path).body(Body::empty()).unwrap();
        let public = tower::ServiceExt::oneshot(public.clone(), asked()).await.unwrap();
        assert_eq!(public.status(), bench.send(asked()).await.status(), "{route:?}");
    }
}

/// A request; who, what, on what; and the answer's status and code.
type Refused<'a> = (Request<Body>, &'a str, &'a str, &'a str, u16, &'a str);

/// Who, what, on what, from where, and with which result; nothing of what was sent.
#[tokio::test]
async fn every_refusal_has_one_line_with_an_actor() {
    let bench = Bench::new();
    bench.log.record("{}");
    let with = |mut request: Request<Body>| {
        request.extensions_mut().insert(crate::limits::From("192.0.2.7".parse().unwrap()));
        request
    };
    let open = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    let stolen =
        || Request::get("/events/1").header(AUTHORIZATION, "Bearer canary-of-a-token").body(Body::empty()).unwrap();
    let by_clerk = |path: &str| {
        let clerk = format!("Bearer {}", token(&clerk()));
        Request::get(path).header(AUTHORIZATION, clerk).body(Body::empty()).unwrap()
    };
    let accept = format!("/cases/{ID}/accept-order");
    let cases: Vec<Refused<'_>> = vec![
        (open("/events/1"), "nobody", "/events/{position}", "1", 401, "token-missing"),
        (stolen(), "nobody", "/events/{position}", "1", 401, "token-invalid"),
        (open("/canary/13912345678"), "nobody", "unmatched", "", 404, "no-such-route"),
        (get("/commands/canary"), "staff-0007", "/commands/{command}", "something else", 400, "path-invalid"),
        (get("/commands/13912345678"), "staff-0007", "/commands/{command}", "something else", 400, "path-invalid"),
        (get("/events?canary=13912345678"), "staff-0007", "/events", "", 400, "query-invalid"),
        (get("/events/9"), "staff-0007", "/events/{position}", "9", 404, "not-found"),
        (post(&accept, "{\"canary\":1}"), "staff-0042", "/cases/{case}/accept-order", ID, 400, "body-does-not-fit"),
        (by_clerk("/events"), "staff-0042", "/events", "", 403, "not-allowed"),
        (post("/events", "canary"), "nobody", "/events", "", 405, "method-not-allowed"),
    ];
    for (request, who, what, on, status, code) in cases {
        let (captured, looking) = Captured::start();
        let told = format!("{} {}", request.method(), request.uri());
        let (answered, problem) = bench.ask(with(request)).await;
        drop(looking);
        let text = captured.text();
        assert_eq!((answered.as_u16(), problem["code"].as_str()), (status, Some(code)), "{told}: {problem}");
        assert_eq!(text.matches("message=refused").count(), 1, "{told}: {text}");
        for line in [
            format!("actor.id={who:?}"),
            format!("what={what:?}"),
            format!("on={on:?}"),
            "from=\"192.0.2.7\"".to_owned(),
            format!("status={status}"),
            format!("code={code:?}"),
        ] {
            assert!(text.lines().any(|found| found == line), "{told}: {line} is not in\n{text}");
        }
        assert!(!text.contains("canary") && !text.contains("13912345678"), "{told}: {text}");
    }
}

/// A parameter that is not read is refused too, on every route: whoever gives one expects something of it.
#[tokio::test]
async fn a_parameter_that_nobody_reads_is_refused_on_every_route() {
    let bench = Bench::new();
    bench.log.record("{}");
    let auditor = format!("Bearer {}", token(&auditor()));
    for route in routes::table() {
        for query in ["no-such=1", "limt=5", "=", "a"] {
            let asked = with_query(&route, query).header(AUTHORIZATION, &auditor);
            let (status, problem) = bench.ask(asked.body(Body::empty()).unwrap()).await;
            assert_eq!((status.as_u16(), problem["code"].as_str()), (400, Some("query-invalid")), "{route:?} {query}");
        }
        if !route.endpoint.takes_query() {
            let asked = with_query(&route, "").header(AUTHORIZATION, &auditor);
            let (_, problem) = bench.ask(asked.body(Body::empty()).unwrap()).await;
            assert_ne!(problem["code"], "query-invalid", "{route:?} with an empty query");
        }
    }
}

#[tokio::test]
async fn a_parameter_that_is_given_twice_is_refused_on_every_route_with_a_query() {
    let bench = Bench::new();
    bench.log.record("{}");
    for route in routes::table() {
        let parameters: &[&str] = match route.endpoint {
            Endpoint::Rows(view) => &[&["limit", "beyond"], view.filters()[0]].concat(),
            Endpoint::History(_) => &["limit", "beyond"],
            Endpoint::Events => &["limit", "after", "epoch"],
            Endpoint::Row(_) | Endpoint::Document(..) => &["at"],
            _ => continue,
        };
        for parameter in parameters {
            let built = request(route.method, &route.path).body(Body::empty()).unwrap();
            let uri = format!("{}?{parameter}=1&{parameter}=1", built.uri());
            let (status, problem) = bench.ask(get(&uri)).await;
            assert_eq!((status.as_u16(), problem["code"].as_str()), (400, Some("query-invalid")), "{uri}");
            assert!(problem["detail"].as_str().unwrap().contains("more than once"), "{uri}: {problem}");
        }
        for number in ["%2B5", "05", "+5", "-1", "5.0", ""] {
            if parameters.contains(&"limit") {
                let built = request(route.method, &route.path).body(Body::empty()).unwrap();
                let uri = format!("{}?limit={number}", built.uri());
                assert_eq!(code(get(&uri)).await, (400, "query-invalid".to_owned()), "{uri}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_read_has_a_tag_that_the_caller_names_or_is_not_shown() {
    let bench = Bench::new();
    bench.log.record("{}");
    let asked = |path: &str, tags: &str, known: Option<&str>| {
        let mut request = get(path);
        request.headers_mut().insert("if-match", tags.parse().unwrap());
        if let Some(known) = known {
            request.headers_mut().insert(IF_NONE_MATCH, known.parse().unwrap());
        }
        request
    };
    let own = bench.send(get("/events/1")).await.headers()[ETAG].to_str().unwrap().to_owned();
    for met in ["*", &own, &format!("\"x\", {own}")] {
        assert_eq!(bench.send(asked("/events/1", met, None)).await.status(), StatusCode::OK, "{met}");
    }
    assert_eq!(bench.send(asked("/events/1", "*", Some(&own))).await.status(), StatusCode::NOT_MODIFIED);
    for (unmet, known) in [("\"x\"", None), (&*format!("W/{own}"), None), ("\"x\"", Some(&*own))] {
        let (status, problem) = bench.ask(asked("/events/1", unmet, known)).await;
        assert_eq!((status.as_u16(), problem["code"].as_str()), (412, Some("precondition-failed")), "{unmet}");
    }
    for path in ["/healthz", "/openapi.json"] {
        assert_eq!(bench.ask(asked(path, "\"x\"", None)).await.1["code"], "precondition-failed", "{path}");
    }
    for bad in ["x", "7", "", "*, \"7\""] {
        assert_eq!(bench.ask(asked("/events/1", bad, None)).await.1["code"], "if-match-invalid", "{bad}");
    }
    // What is not there is not there, whatever is expected of it (RFC 9110, section 13.2.1).
    assert_eq!(bench.ask(asked("/events/9", "\"x\"", None)).await.0, StatusCode::NOT_FOUND);
    for (name, value) in [("if-match", "\"x\""), ("if-match", "*"), ("if-none-match", "*")] {
        let mut request = post("/evidence", "png");
        request.headers_mut().insert(CONTENT_TYPE, "image/png".parse().unwrap());
        request.headers_mut().insert(name, value.parse().unwrap());
        assert_eq!(code(request).await, (400, "precondition-not-taken".to_owned()), "{name}: {value}");
    }
}

#[tokio::test]
async fn a_vault_and_files_that_are_out_of_reach_are_shown_by_readiness() {
    let bench = Bench::new();
    let app = std::sync::Arc::clone(&bench.api.app);
    let shown = async {
        loop {
            let report = app.ready().await;
            if report.checks.contains_key("vault") && report.checks.contains_key("evidence") {
                return report;
            }
            tokio::task::yield_now().await;
        }
    };
    let report = tokio::select! {
        never = app.watch_stores() => match never {},
        report = shown => report,
    };
    assert!(!report.ready && !report.checks["vault"].ok && !report.checks["evidence"].ok, "{:?}", report.checks);
    let detail = &report.checks["vault"].detail;
    assert_eq!(detail, "does not answer: look for a lock on its database, or its connection");
}

#[tokio::test]
async fn a_position_in_a_path_or_a_header_is_written_in_one_way() {
    for bad in ["+1", "01", "%2B1", "1.0", "0x1"] {
        assert_eq!(code(get(&format!("/events/{bad}"))).await, (400, "path-invalid".to_owned()), "{bad}");
    }
    let resumed = |last: &'static str, query: &str| {
        let mut request = get(&format!("/events{query}"));
        request.headers_mut().insert("last-event-id", last.parse().unwrap());
        request.headers_mut().insert("accept", "application/json".parse().unwrap());
        request
    };
    for bad in ["+5", "05", "0:05", "00:5", "0:+5"] {
        assert_eq!(code(resumed(bad, "")).await, (400, "last-event-id-invalid".to_owned()), "{bad}");
    }
    for bad in ["?after=x", "?after=05", "?after=1:5&epoch=2", "?epoch=01"] {
        assert_eq!(code(resumed("0:0", bad)).await, (400, "query-invalid".to_owned()), "{bad}");
    }
    assert_eq!(code(resumed("0:0", "?after=0")).await.0, 200);
}

#[tokio::test]
async fn a_body_is_too_large_by_its_length_alone() {
    for (path, bytes) in [(format!("/cases/{ID}/void-issue"), 256 * 1024), ("/evidence".to_owned(), 20 * 1024 * 1024)] {
        let mut request = post(&path, Body::empty());
        if path == "/evidence" {
            request.headers_mut().insert(CONTENT_TYPE, "image/png".parse().unwrap());
        }
        request.headers_mut().insert("content-length", (bytes + 1).into());
        assert_eq!(code(request).await, (413, "body-too-large".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn every_route_is_taken_by_its_own_handler() {
    let bench = Bench::new();
    for route in routes::table() {
        let token = format!("Bearer {}", token(&auditor()));
        let built = request(route.method, &route.path).header(AUTHORIZATION, token).body(Body::empty()).unwrap();
        if matches!(route.endpoint, Endpoint::Events) {
            continue; // A stream that does not end.
        }
        let (status, body) = bench.ask(built).await;
        assert_ne!(body["code"], "no-such-route", "{route:?}");
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{route:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem() {
    assert_eq!(code(get("/nowhere")).await, (404, "no-such-route".into()));
    assert_eq!(code(post(&format!("/cases/{ID}/abolish"), "{}")).await, (404, "no-such-route".into()));
    assert_eq!(code(post(&format!("/cases/{ID}/discover-issue"), "{}")).await, (404, "no-such-route".into()));
    let response = Bench::new().send(get(&format!("/cases/{ID}/accept-order"))).await;
    assert_eq!((response.status().as_u16(), &response.headers()[ALLOW]), (405, &"POST".parse().unwrap()));
    assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
}

#[tokio::test]
async fn each_bad_command_has_its_own_code() {
    let path = format!("/cases/{ID}/accept-order");
    let post = |body: Vec<u8>| post(&path, body);
    assert_eq!(code(post(vec![b' '; 256 * 1024 + 1])).await, (413, "body-too-large".into()));
    assert_eq!(code(post(b"{\"order\":\"\xff\"}".to_vec())).await, (400, "invalid-utf8".into()));
    assert_eq!(code(post(b"[".repeat(33))).await, (400, "body-too-deep".into()));
    assert_eq!(code(post(b"{".to_vec())).await, (400, "malformed-json".into()));
    assert_eq!(code(post(b"{}".to_vec())).await, (400, "body-does-not-fit".into()));
    assert_eq!(code(super::tests::post("/cases/one/accept-order", "{}")).await, (400, "path-invalid".into()));
    let mut plain = post(b"{}".to_vec());
    plain.headers_mut().insert(CONTENT_TYPE, "text/plain".parse().unwrap());
    assert_eq!(code(plain).await, (415, "unsupported-media-type".into()));
    let mut anonymous = post(b"{}".to_vec());
    anonymous.headers_mut().remove("idempotency-key");
    assert_eq!(code(anonymous).await, (400, "idempotency-key-missing".into()));
}

#[tokio::test]
async fn each_bad_query_has_its_own_code() {
    assert_eq!(code(get("/cases/one")).await, (400, "path-invalid".into()));
    assert_eq!(code(get("/cases?grid=bz")).await, (400, "query-invalid".into()));
    assert_eq!(code(get("/evidence/abc")).await, (400, "path-invalid".into()));
    assert_eq!(code(get("/events/0")).await, (400, "path-invalid".into()));
    for query in ["limit=0", "limit=201", "limit=x", "order=1", "department=a"] {
        assert_eq!(code(get(&format!("/obligations?{query}"))).await, (400, "query-invalid".into()), "{query}");
    }
    assert_eq!(code(get(&format!("/cases/{ID}?at=yesterday"))).await, (400, "query-invalid".into()));
}

#[tokio::test]
async fn what_is_out_of_reach_is_busy_and_what_is_broken_says_nothing() {
    assert_eq!(code(get("/pledges?owner=staff-1")).await, (503, "unavailable".into()));
    assert_eq!(code(get(&format!("/cases/{ID}"))).await, (404, "unknown-case".into()));
    let body = format!(r#"{{"order":"{ID}"}}"#);
    let (status, problem) = Bench::new().ask(post(&format!("/cases/{PANICS}/accept-order"), body)).await;
    assert_eq!((status.as_u16(), &problem["code"]), (500, &Value::from("internal")));
    assert!(!problem.to_string().contains("王小明"), "a panic keeps its words to itself");
}

#[tokio::test]
async fn a_file_over_the_limit_is_not_taken() {
    let length = crate::evidence::BYTES_MAX + 1;
    let mut file = post("/evidence", vec![0; length]);
    file.headers_mut().insert(CONTENT_LENGTH, length.into());
    file.headers_mut().insert(CONTENT_TYPE, "image/jpeg".parse().unwrap());
    assert_eq!(code(file).await, (413, "body-too-large".into()));
    let mut bare = post("/evidence", "x");
    bare.headers_mut().remove(CONTENT_TYPE);
    assert_eq!(code(bare).await, (415, "unsupported-media-type".into()));
}

#[tokio::test]
async fn every_answer_is_protected_and_data_is_kept_nowhere() {
    let bench = Bench::new();
    for path in ["/healthz", "/nowhere", "/events/1", "/docs/index.html"] {
        let response = bench.send(get(path)).await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert!(headers.contains_key("content-security-policy"), "{path}");
        let cached = path.starts_with("/docs");
        assert_eq!(headers[CACHE_CONTROL], if cached { "no-cache" } else { "no-store" }, "{path}");
    }
}

#[tokio::test]
async fn whoever_runs_it_needs_no_token() {
    let bench = Bench::new();
    let ask = |path: &str| bench.ask(Request::get(path).body(Body::empty()).unwrap());
    let (status, alive) = ask("/healthz").await;
    assert_eq!((status.as_u16(), &alive["instance"]), (200, &Value::from("one")));
    let (status, report) = ask("/readyz").await;
    assert_eq!((status.as_u16(), &report["checks"]["log"]["ok"]), (503, &Value::from(false)));
    assert_eq!(ask("/metrics").await.1["code"], "metrics-off");
    assert_eq!(ask("/openapi.json").await.1["openapi"], "3.1.0");
    assert!(ask("/docs/index.html").await.1.as_str().unwrap().contains("swagger-ui"));
    assert_eq!(ask("/docs/nothing.js").await.1["code"], "no-such-route");
    let response = bench.send(Request::get("/docs").body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()[LOCATION], "docs/index.html");
}

#[tokio::test]
async fn readiness_says_what_is_out_of_reach_and_not_where_it_is() {
    let bench = Bench::new();
    let app = bench.api.app.clone();
    let check = format!("view {}", app::registry::views()[0].name());
    let (stop, stopped) = tokio::sync::watch::channel(false);
    // The runner fails once and reports it before it is told to stop.
    let looked = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        stop.send_replace(true);
    };
    tokio::join!(app.project(stopped), looked);
    let (_, report) = bench.ask(Request::get("/readyz").body(Body::empty()).unwrap()).await;
    for check in ["log", &check] {
        assert_eq!(report["checks"][check]["detail"], "reach the store: out of reach", "{check}");
    }
    assert!(!report.to_string().contains("db.internal"), "{report}");
}

#[tokio::test]
async fn bodies_query_values_and_tokens_are_never_logged() {
    let bench = Bench::new();
    let (captured, _guard) = Captured::start();
    bench.ask(post("/cases/discover-issue", r#"{"reporter":{"name":"王小明"}}"#)).await;
    bench.ask(post(&format!("/cases/{ID}/accept-order"), r#"{"order":"王小明"}"#)).await;
    bench.ask(get("/obligations?grid=canary-in-a-query")).await;
    bench.ask(get("/cases/canary-in-a-path")).await;
    let text = captured.text();
    for secret in ["王小明", "canary", &token(&clerk()), &token(&auditor())] {
        assert!(!text.contains(secret), "{secret} was logged: {text}");
    }
    for told in
        ["http.route=\"/cases/{case}/accept-order\"", "actor.role=\"auditor\"", "http.status=400", "duration_ms="]
    {
        assert!(text.contains(told), "{told} was not logged: {text}");
    }
}

#[test]
fn requests_of_tests_have_no_parameter_left() {
    let left = routes::table().into_iter().map(|route| request(route.method, &route.path).body(()).unwrap());
    let left: Vec<String> =
        left.map(|request| request.uri().path().to_owned()).filter(|path| path.contains('{')).collect();
    assert_eq!(left, EMPTY);
}

#[tokio::test]
async fn a_process_without_the_role_api_tells_only_how_it_is() {
    let bench = Bench::new();
    let routes = crate::router::operations(std::sync::Arc::clone(&bench.api));
    for (path, status) in [("/healthz", 200), ("/cases/discover-issue", 404), ("/events", 404), ("/openapi.json", 404)]
    {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(routes.clone(), request).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{path}");
    }
}

#[tokio::test]
async fn a_document_that_says_the_same_is_not_sent_again() {
    let bench = Bench::new();
    for path in ["/district", "/matters"] {
        let first = bench.send(get(path)).await;
        assert_eq!(first.status(), StatusCode::OK, "{path}");
        let tag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{path}: {tag}");
        bench.clock.advance(chrono::TimeDelta::minutes(1));
        let asked = |path: &str, tag: &str| {
            let mut asked = get(path);
            asked.headers_mut().insert(IF_NONE_MATCH, tag.parse().unwrap());
            asked
        };
        for (path, known) in
            [(path.to_owned(), tag.clone()), (format!("{path}?at=2026-01-01T00:00:00Z"), format!("\"x\", {tag}"))]
        {
            let again = bench.send(asked(&path, &known)).await;
            assert_eq!(
                (again.status(), &again.headers()[ETAG]),
                (StatusCode::NOT_MODIFIED, &tag.parse().unwrap()),
                "{path}"
            );
        }
        assert_eq!(bench.send(asked(path, "W/\"other\"")).await.status(), StatusCode::OK, "{path}");
    }
}
