//! What does not fit is refused with a code of its own, as problem+json, and records nothing.

use anyhow::{Context as _, ensure};
use dualgrid_tests::{World, discovery, head, registration};
use serde_json::{Value, json};
use testkit::client::{Answer, command_id, token_of};
use testkit::system::Store;
use uuid::Uuid;

/// The limit of a body.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// An id that nothing has.
const NOBODY: Uuid = Uuid::from_u128(0x0190_b6a5_6a4e_7cc5_9c8b_3f1f_0a8d_2e11);

#[tokio::test]
async fn bad_input_is_refused_with_its_own_code_and_records_nothing_on_sqlite() -> anyhow::Result<()> {
    bad_input(Store::Sqlite).await
}

#[tokio::test]
async fn bad_input_is_refused_with_its_own_code_and_records_nothing_on_postgresql() -> anyhow::Result<()> {
    bad_input(Store::Postgres).await
}

async fn bad_input(store: Store) -> anyhow::Result<()> {
    let world = World::start(store).await?;
    let case = world.discover("JAS-R01-M01", "好案件").await?;
    world.command(&world.leader, case, "register-issue", registration("WM-0101")).await?.accepted()?;
    let dispatched = world.dispatch("JAS-R01-M02", "WM-0101", "LHSR").await?;
    let filed = filed(&world).await?;
    // Whoever is asked for below is entered in the register now: that is recorded too.
    for (who, role, place) in [
        ("street", "duty_officer", &[][..]),
        ("bz-r01-b01-leader", "grid_leader", &["--grid", "BZ-R01-B01"]),
        ("cgzf-1", "department_clerk", &["--department", "CGZF"]),
        ("lhsr-1", "department_clerk", &["--department", "LHSR"]),
    ] {
        world.system.token(who, role, place).await?;
    }
    let before = head(&world.http(), &world.auditor).await?;

    unknown_things(&world, case).await?;
    wrong_stage_and_wrong_content(&world, case, filed).await?;
    not_allowed(&world, case, dispatched).await?;
    malformed(&world).await?;
    idempotency_keys(&world).await?;
    unfit_values(&world).await?;
    unfit_headers(&world, case).await?;
    bad_queries(&world, case).await?;
    bad_evidence(&world).await?;

    let after = head(&world.http(), &world.auditor).await?;
    ensure!(before + 1 == after, "only the one good command was to be recorded: {before}, then {after}");
    Ok(())
}

/// A case that is filed and not dispatched.
async fn filed(world: &World) -> anyhow::Result<Uuid> {
    let case = world.discover("JAS-R02-M01", "已立案").await?;
    let steps = [
        (&world.leader, "register-issue", registration("WM-0101")),
        (&world.leader, "escalate-issue", json!({ "reason": "需部门处置" })),
        (&world.duty, "file-case", dualgrid_tests::criteria()),
    ];
    for (token, name, body) in steps {
        world.command(token, case, name, body).await?.accepted()?;
    }
    Ok(case)
}

async fn unknown_things(world: &World, case: Uuid) -> anyhow::Result<()> {
    let escalate = json!({ "reason": "x" });
    is(&world.command(&world.leader, NOBODY, "escalate-issue", escalate).await?, 404, "unknown-case")?;
    is(&world.command(&world.leader, case, "no-such-command", json!({})).await?, 404, "no-such-route")?;
    is(&discover(world, &world.leader, discovery("JAS-R99-M01", "无此网格")).await?, 403, "not-allowed")?;
    let everywhere = world.system.token("street", "duty_officer", &[]).await?;
    is(&discover(world, &everywhere, discovery("JAS-R99-M01", "无此网格")).await?, 422, "unknown-grid")?;
    is(&discover(world, &everywhere, discovery("JAS-R01", "不是微网格")).await?, 422, "not-a-micro-grid")?;
    let merge = json!({ "into": NOBODY, "reason": "x" });
    is(&world.command(&world.leader, case, "merge-issue", merge).await?, 422, "unknown-reference")?;
    let http = world.http();
    is(&http.get(&world.auditor, &format!("/cases/{NOBODY}")).await?, 404, "unknown-case")?;
    is(&http.get(&world.auditor, &format!("/cases/{NOBODY}/history")).await?, 404, "unknown-case")?;
    is(&http.get(&world.auditor, "/cases?grid=JAS-R99").await?, 404, "unknown-grid")?;
    is(&http.get(&world.auditor, "/orders?department=NOONE").await?, 404, "unknown-department")?;
    is(&http.get(&world.auditor, &format!("/commands/{NOBODY}")).await?, 404, "not-found")?;
    is(&http.get(&world.auditor, "/events/999999").await?, 404, "not-found")?;
    is(&http.get(&world.auditor, "/no/such/route").await?, 404, "no-such-route")
}

async fn wrong_stage_and_wrong_content(world: &World, case: Uuid, filed: Uuid) -> anyhow::Result<()> {
    let file = json!({ "criteria": [{ "criterion": "x", "met": true }] });
    is(&world.command(&world.duty, case, "file-case", file).await?, 409, "wrong-stage")?;
    let other = world.command(&world.leader, case, "register-issue", registration("WM-0102")).await?;
    is(&other, 409, "already-registered")?;
    let dispatch = |lead: &str, extra: (&str, Value)| {
        let mut body = json!({ "lead": lead, "instructions": "请处置" });
        body[extra.0] = extra.1;
        world.command(&world.dispatcher, filed, "dispatch-case", body)
    };
    let none = || ("assist", json!([]));
    is(&dispatch("NOONE", none()).await?, 422, "unknown-department")?;
    is(&dispatch("MZJ", none()).await?, 409, "not-its-matter")?;
    is(
        &dispatch("LHSR", ("own_due", json!({ "at": "2020-01-01T00:00:00Z", "reason": "汛期" }))).await?,
        422,
        "due-in-the-past",
    )?;
    is(&dispatch("LHSR", ("assist", json!(["LHSR"]))).await?, 409, "department-twice")?;
    let text = json!({ "reason": "" });
    is(&world.command(&world.leader, case, "escalate-issue", text).await?, 422, "text-length")?;
    let mut ahead = discovery("JAS-R01-M01", "未来");
    ahead["found_at"] = json!("2999-01-01T00:00:00Z");
    is(&discover(world, &world.leader, ahead).await?, 422, "in-the-future")?;
    let mut evidence = discovery("JAS-R01-M01", "无此证据");
    evidence["evidence"] = json!(["00".repeat(32)]);
    is(&discover(world, &world.leader, evidence).await?, 422, "unknown-evidence")?;
    let fresh = json!({ "matter": "ZZ-9999", "handling": "promised" });
    // A case of its own, which is the one good command of this test.
    let found = discover(world, &world.leader, discovery("JAS-R01-M01", "事项未知")).await?.accepted()?;
    let path = format!("/cases/{}/register-issue", found["id"].as_str().context("no case")?);
    is(&world.http().command(&world.leader, &path, command_id()?, fresh).await?, 422, "unknown-matter")
}

/// No token, another role, another place, another department.
async fn not_allowed(world: &World, case: Uuid, dispatched: Uuid) -> anyhow::Result<()> {
    let http = world.http();
    for path in [format!("/cases/{case}"), "/events".to_owned(), "/obligations".to_owned(), "/district".to_owned()] {
        is(&http.get("", &path).await?, 401, "token-missing")?;
        ensure!(http.get("not.a.token", &path).await?.status == 401, "{path} took a forged token");
    }
    let own = token_of(&world.leader);
    let (head, rest) = own.split_at(own.len() - 8);
    let forged = format!("{head}{}", rest.chars().rev().collect::<String>());
    ensure!(http.get(&forged, &format!("/cases/{case}")).await?.status == 401, "a changed signature was taken");
    is(&discover(world, "", discovery("JAS-R01-M01", "无令牌")).await?, 401, "token-missing")?;

    let escalate = json!({ "reason": "x" });
    is(&world.command(&world.auditor, case, "escalate-issue", escalate.clone()).await?, 403, "not-allowed")?;
    let elsewhere = world.system.token("bz-r01-b01-leader", "grid_leader", &["--grid", "BZ-R01-B01"]).await?;
    is(&world.command(&elsewhere, case, "escalate-issue", escalate).await?, 404, "unknown-case")?;
    is(&http.get(&elsewhere, &format!("/cases/{case}")).await?, 404, "unknown-case")?;
    is(&http.get(&world.leader, "/events").await?, 403, "not-allowed")?;
    is(&http.get(&world.auditor, &format!("/cases/{case}/reporter?purpose=answer")).await?, 403, "not-allowed")?;

    let order = world.order(dispatched, "LHSR").await?;
    let accept = json!({ "order": order });
    let clerk = world.system.token("cgzf-1", "department_clerk", &["--department", "CGZF"]).await?;
    is(&world.command(&clerk, dispatched, "accept-order", accept.clone()).await?, 404, "unknown-case")?;
    is(&http.get(&clerk, "/orders?department=LHSR").await?, 403, "not-allowed")?;
    let own = world.system.token("lhsr-1", "department_clerk", &["--department", "LHSR"]).await?;
    let unknown = json!({ "order": NOBODY });
    let answer = world.command(&own, dispatched, "accept-order", unknown).await?;
    ensure!(answer.problem_code() == Some("unknown-order"), "{}", answer.text);
    Ok(())
}

/// Bodies that are no JSON, too large, too deep, not UTF-8, or of another command.
async fn malformed(world: &World) -> anyhow::Result<()> {
    let long = json!({ "title": "x".repeat(BODY_BYTES_MAX) }).to_string().into_bytes();
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33)).into_bytes();
    let bodies: [(Vec<u8>, u16, &str); 7] = [
        (b"{\"source\":".to_vec(), 400, "malformed-json"),
        (Vec::new(), 400, "malformed-json"),
        (b"{\"title\":\"\xff\xfe\"}".to_vec(), 400, "invalid-utf8"),
        (long, 413, "body-too-large"),
        (deep, 400, "body-too-deep"),
        (b"{\"source\":\"patrol\"}".to_vec(), 400, "body-does-not-fit"),
        (b"{\"unknown_field\":1}".to_vec(), 400, "body-does-not-fit"),
    ];
    for (body, status, code) in bodies {
        is(&raw(world, &command_id()?.to_string(), "application/json", body).await?, status, code)?;
    }
    let good = discovery("JAS-R01-M01", "媒体类型").to_string().into_bytes();
    is(&raw(world, &command_id()?.to_string(), "text/plain", good).await?, 415, "unsupported-media-type")
}

/// Missing, no UUID, and used for another request.
async fn idempotency_keys(world: &World) -> anyhow::Result<()> {
    let body = || discovery("JAS-R01-M01", "幂等").to_string().into_bytes();
    let request = world.http().raw().post(world.http().url("/cases/discover-issue"));
    let request = request.header("Content-Type", "application/json").body(body());
    is(&world.http().send(&world.leader, request).await?, 400, "idempotency-key-missing")?;
    for key in ["", "seven", "00000000-0000-0000-0000-000000000000"] {
        is(&raw(world, key, "application/json", body()).await?, 400, "idempotency-key-invalid")?;
    }
    let log = dualgrid_tests::read_log(&world.http(), &world.auditor).await?;
    let used = log.iter().rev().find(|event| event.text.contains("\"actorid\":\"jas-leader\""));
    let used = used.context("the leader has done something")?.json()?;
    let used = used["commandid"].as_str().context("an event without command")?.to_owned();
    is(&raw(world, &used, "application/json", body()).await?, 422, "command-id-reused")
}

/// One value of a good discovery is changed, by its place.
async fn unfit_values(world: &World) -> anyhow::Result<()> {
    let values: [(&str, Value, u16, &str); 20] = [
        ("", json!(["patrol", null, "清单", "列表不是对象", "JAS-R01-M01", ["某处"]]), 400, "body-does-not-fit"),
        ("/location", json!(["某处", null, null]), 400, "body-does-not-fit"),
        ("/reporter", json!([null, "王", null, null]), 400, "body-does-not-fit"),
        ("/list_line", json!(["FXF-2018-1", 3]), 400, "body-does-not-fit"),
        ("/title", json!("\u{200b}"), 422, "text-length"),
        ("/title", json!("两\n行"), 422, "text-characters"),
        ("/title", json!("甲\u{202e}乙"), 422, "text-characters"),
        ("/description", json!("甲\0"), 422, "text-characters"),
        ("/description", json!("\u{feff}\u{2060}"), 422, "text-length"),
        ("/location/text", json!("甲\u{1b}[2J"), 422, "text-characters"),
        ("/found_at", json!(" 2026-03-02T02:00:00Z"), 400, "body-does-not-fit"),
        ("/found_at", json!("2026-3-2"), 400, "body-does-not-fit"),
        ("/found_at", json!("-0001-03-02T02:00:00Z"), 400, "body-does-not-fit"),
        ("/found_at", json!("+12026-03-02T02:00:00Z"), 400, "body-does-not-fit"),
        ("/found_at", json!("2026-03-02T02:00:00.123456789Z"), 400, "body-does-not-fit"),
        ("/location", json!({ "text": "某处", "longitude": 121.4 }), 422, "half-a-coordinate"),
        ("/location", json!({ "text": "某处", "latitude": 31.2, "datum": "gcj02" }), 422, "half-a-coordinate"),
        ("/location", json!({ "text": "某处", "longitude": 31.2, "latitude": 121.4 }), 422, "not-on-the-map"),
        ("/location", json!({ "text": "某处", "datum": "bd09" }), 400, "body-does-not-fit"),
        ("/reporter", json!({ "person": "00000000-0000-0000-0000-000000000000" }), 400, "body-does-not-fit"),
    ];
    for (place, value, status, code) in values {
        let mut body = discovery("JAS-R01-M01", "值不对");
        for name in ["reporter", "list_line", "found_at"] {
            if body.get(name).is_none() {
                body[name] = Value::Null;
            }
        }
        *body.pointer_mut(place).with_context(|| format!("a discovery has no {place}"))? = value.clone();
        let answer = discover(world, &world.leader, body).await?;
        is(&answer, status, code).with_context(|| format!("{place}: {value}"))?;
    }
    let mut marked = b"\xef\xbb\xbf".to_vec();
    marked.extend(discovery("JAS-R01-M01", "字节顺序标记").to_string().into_bytes());
    is(&raw(world, &command_id()?.to_string(), "application/json", marked).await?, 400, "byte-order-mark")
}

/// Names and values of headers.
type Headers<'a> = &'a [(&'a str, &'a str)];

/// Headers that are given twice, are of zeros, say another coding or rely on what is no longer so.
async fn unfit_headers(world: &World, case: Uuid) -> anyhow::Result<()> {
    let one = command_id()?.to_string();
    let zeros = "00000000-0000-0000-0000-000000000000";
    let given: [(Headers<'_>, u16, &str); 9] = [
        (&[("Idempotency-Key", &one), ("Idempotency-Key", &one)], 400, "header-repeated"),
        (&[("Idempotency-Key", "{0190b6a5-6a4e-7cc5-9c8b-3f1f0a8d2e11}")], 400, "idempotency-key-invalid"),
        (&[("Idempotency-Key", &one), ("Dualgrid-Correlation-Id", zeros)], 400, "dualgrid-correlation-id-invalid"),
        (&[("Idempotency-Key", &one), ("Content-Encoding", "gzip")], 415, "content-encoding-not-taken"),
        (&[("Idempotency-Key", &one), ("If-Match", "\"1\"")], 412, "version-differs"),
        (&[("Idempotency-Key", &one), ("If-Match", "\"1\", W/\"2\"")], 412, "version-differs"),
        (&[("Idempotency-Key", &one), ("If-Match", "2")], 400, "if-match-invalid"),
        (&[("Idempotency-Key", &one), ("If-None-Match", "*")], 400, "precondition-not-taken"),
        (&[("Idempotency-Key", &one), ("Content-Type", "application/json")], 400, "header-repeated"),
    ];
    let http = world.http();
    for (headers, status, code) in given {
        let request = http.raw().post(http.url(&format!("/cases/{case}/void-issue")));
        let request = request.header("Content-Type", "application/json").body(r#"{"reason":"误报"}"#);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let answer = http.send(&world.leader, request).await?;
        is(&answer, status, code).with_context(|| format!("{headers:?}"))?;
    }
    Ok(())
}

async fn bad_queries(world: &World, case: Uuid) -> anyhow::Result<()> {
    let paths = [
        ("/cases/seven".to_owned(), 400, "path-invalid"),
        ("/cases/00000000-0000-0000-0000-000000000000".to_owned(), 400, "path-invalid"),
        (format!("/cases/{case}?at=yesterday"), 400, "query-invalid"),
        (format!("/cases/{case}?at=+12026-01-01T00:00:00Z"), 400, "query-invalid"),
        (format!("/cases/{case}?at=2026-01-01T00:00:00.123456789Z"), 400, "query-invalid"),
        (format!("/cases/{case}?at=2001-01-01T00:00:00Z"), 404, "unknown-case"),
        ("/obligations?limit=0".to_owned(), 400, "query-invalid"),
        ("/obligations?limit=201".to_owned(), 400, "query-invalid"),
        ("/obligations?grid=JAS&department=LHSR".to_owned(), 400, "filters-not-offered"),
        ("/obligations?colour=red".to_owned(), 400, "query-invalid"),
        ("/cases?grid=JAS&beyond=7".to_owned(), 400, "query-invalid"),
        ("/events?after=-1".to_owned(), 400, "query-invalid"),
        ("/events/0".to_owned(), 400, "path-invalid"),
        ("/cases?grid=jas".to_owned(), 400, "query-invalid"),
    ];
    for (path, status, code) in paths {
        is(&world.http().get(&world.auditor, &path).await?, status, code).with_context(|| path)?;
    }
    let delete = world.http().raw().delete(world.http().url(&format!("/cases/{case}")));
    is(&world.http().send(&world.auditor, delete).await?, 405, "method-not-allowed")
}

/// A file of a type that is not taken, and one that is not what it says.
async fn bad_evidence(world: &World) -> anyhow::Result<()> {
    let upload = async |media_type: &str| {
        world.http().upload(&world.leader, "/evidence", media_type, b"MZ not a picture".to_vec()).await
    };
    for media_type in ["application/x-msdownload", "image/png"] {
        let answer = upload(media_type).await?;
        ensure!(answer.status.is_client_error() && answer.problem_code().is_some(), "{}", answer.text);
    }
    let nobody = world.http().upload(&world.auditor, "/evidence", "image/png", b"x".to_vec()).await?;
    is(&nobody, 403, "not-allowed")
}

async fn discover(world: &World, token: &str, body: Value) -> anyhow::Result<Answer> {
    world.http().command(token, "/cases/discover-issue", command_id()?, body).await
}

/// A discovery by the leader with any key, media type and bytes.
async fn raw(world: &World, key: &str, media_type: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
    let http = world.http();
    let request = http.raw().post(http.url("/cases/discover-issue"));
    let request = request.header("Idempotency-Key", key).header("Content-Type", media_type).body(body);
    http.send(&world.leader, request).await
}

/// Errors unless the answer is a problem with this status and code.
fn is(answer: &Answer, status: u16, code: &str) -> anyhow::Result<()> {
    let found = (answer.status.as_u16(), answer.problem_code());
    ensure!(found == (status, Some(code)), "expected {status} {code}, and got {} {}", answer.status, answer.text);
    ensure!(answer.body["status"] == status, "the problem says another status: {}", answer.text);
    ensure!(answer.body["type"] == format!("urn:dualgrid:problem:{code}"), "another type: {}", answer.text);
    Ok(())
}
