//! The use cases from the door to the views, without servers.

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Arc;

use app::lanes::Sources;
use app::port::view_store::Docs;
use app::port::{Append, Fingerprint, NewEvent, Part, RowChange, ViewSpec};
use app::query::PageRequest;
use app::rebuild::rebuild;
use app::view::{Fold, FoldError, Working};
use app::{Error, registry};
use chrono::TimeDelta;
use kernel::digest::Digest;
use kernel::{EventId, Read, Role, StreamId, Version};
use serde_json::json;
use support::{Desk, actor, all_met, clerk, discovery, dispatcher, duty, id, leader, member, now, sample_body};
use uuid::Uuid;

fn code(error: &Error) -> String {
    error.problem().code
}

/// The folds of all views.
fn folds() -> Vec<Arc<dyn Fold>> {
    registry::views().iter().map(|view| view.fold()).collect()
}

#[tokio::test]
async fn the_same_command_gets_the_same_answer_also_when_the_case_has_moved_on() {
    let desk = Desk::open().await;
    let command = id();
    let first = desk.submit(&member(), None, "discover-issue", command, &discovery()).await.unwrap();
    let case = first.id;
    desk.tell(&leader(), case, "void-issue", json!({"reason": "误报"})).await.unwrap();
    let again = desk.submit(&member(), None, "discover-issue", command, &discovery()).await.unwrap();
    assert!(again.replayed && !first.replayed);
    assert_eq!((again.id, again.version, again.first, again.events), (first.id, first.version, first.first, 1));

    let (moved, order) = desk.dispatched().await;
    let accept = id();
    let wsjk = clerk("WSJK");
    let body = json!({"order": order});
    let accepted = desk.submit(&wsjk, Some(moved), "accept-order", accept, &body).await.unwrap();
    let reason = json!({"order": order, "result": "已办", "evidence": [desk.photo]});
    desk.tell(&wsjk, moved, "submit-disposal", reason).await.unwrap();
    let again = desk.submit(&wsjk, Some(moved), "accept-order", accept, &body).await.unwrap();
    assert_eq!((again.version, again.first, again.replayed), (accepted.version, accepted.first, true));
}

#[tokio::test]
async fn a_command_id_belongs_to_one_request() {
    let desk = Desk::open().await;
    let command = id();
    desk.submit(&member(), None, "discover-issue", command, &discovery()).await.unwrap();
    let mut other = discovery();
    other["title"] = json!("别的事");
    let refused = desk.submit(&member(), None, "discover-issue", command, &other).await.unwrap_err();
    assert_eq!(code(&refused), "command-id-reused");
}

/// Somebody who knows an id that another principal uses, or will use, is neither in the way nor told anything.
#[tokio::test]
async fn a_command_id_is_of_its_principal() {
    let desk = Desk::open().await;
    let (case, order) = desk.dispatched().await;
    let (stranger, accept, body) = (actor("other", Role::GridMember, Some("BZ")), id(), json!({"order": order}));
    let occupied = desk.submit(&stranger, None, "discover-issue", accept, &discovery()).await.unwrap();
    let accepted = desk.submit(&clerk("WSJK"), Some(case), "accept-order", accept, &body).await.unwrap();
    assert_eq!((accepted.id, accepted.events, accepted.replayed), (case, 1, false));
    // Where the id of the command names what begins, it names another one for each.
    let begun = desk.submit(&member(), None, "discover-issue", accept, &discovery()).await.unwrap();
    assert!(!begun.replayed && begun.id != occupied.id && begun.events > 0);
    for (by, own) in [(clerk("WSJK"), case), (stranger, occupied.id), (member(), begun.id)] {
        assert_eq!(desk.app.outcome(&by, accept).await.unwrap().id, own, "{}", by.id);
    }
    let auditor = actor("auditor", Role::Auditor, None);
    assert_eq!(code(&desk.app.outcome(&auditor, accept).await.unwrap_err()), "not-found");
}

/// After a wipe of what was sent, it is sent again by a program that writes JSON in its own way.
#[tokio::test]
async fn a_command_that_is_written_otherwise_is_a_repeat() {
    let desk = Desk::open().await;
    let command = id();
    let first = desk.submit(&member(), None, "discover-issue", command, &discovery()).await.unwrap();
    let mut sent = support::request(&member(), None, "discover-issue", command, &discovery());
    let mut spelled = discovery();
    spelled["list_line"] = json!(null);
    sent.body = serde_json::to_string_pretty(&spelled).unwrap().replace(':', " :\t").into();
    let again = desk.app.submit(sent).await.unwrap();
    assert_eq!((again.id, again.first, again.replayed), (first.id, first.first, true));
}

/// A repeat is told from a request with other personal data while their key is there. Afterwards nothing can tell them apart, and what
/// is recorded is answered.
#[tokio::test]
async fn personal_data_count_until_their_person_is_erased() {
    let desk = Desk::open().await;
    let command = id();
    let first = desk.submit(&member(), None, "discover-issue", command, &discovery()).await.unwrap();
    let mut other = discovery();
    other["reporter"]["phone"] = json!("13800001112");
    let refused = desk.submit(&member(), None, "discover-issue", command, &other).await.unwrap_err();
    assert_eq!(code(&refused), "command-id-reused");
    let recorded = desk.app.ports().log.outcome(&member().id, command).await.unwrap().unwrap().1;
    let (person, _) = recorded.personal.unwrap();
    // The case has moved on, so that the decision alone would refuse the repeat.
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader(), first.id, "register-issue", register).await.unwrap();
    let replayed = desk.submit(&member(), None, "discover-issue", command, &discovery()).await.unwrap();
    assert_eq!((replayed.first, replayed.replayed), (first.first, true));
    let refused = desk.submit(&member(), None, "discover-issue", command, &other).await.unwrap_err();
    assert_eq!(code(&refused), "command-id-reused");

    assert_eq!(desk.erase(person).await.unwrap().events, 1);
    for body in [discovery(), other] {
        let answer = desk.submit(&member(), None, "discover-issue", command, &body).await.unwrap();
        assert_eq!((answer.id, answer.first, answer.replayed), (first.id, first.first, true));
    }
    let mut title = discovery();
    title["title"] = json!("别的事");
    let refused = desk.submit(&member(), None, "discover-issue", command, &title).await.unwrap_err();
    assert_eq!(code(&refused), "command-id-reused", "everything else is still compared");
}

#[tokio::test]
async fn who_may_not_records_nothing() {
    let desk = Desk::open().await;
    let (case, order) = desk.dispatched().await;
    let head = desk.app.ports().log.head().await.unwrap();
    let abroad = actor("jas-duty", Role::DutyOfficer, Some("JAS"));
    let body = json!({"cause": "recurred", "reason": "又来了"});
    for (by, name, body, refusal) in [
        // Who has no reach there is not even told that there is such a case.
        (&abroad, "reopen-case", body.clone(), "unknown-case"),
        (&member(), "dispatch-case", json!({"lead": "WSJK", "instructions": "办"}), "not-allowed"),
        (&clerk("CGZF"), "accept-order", json!({"order": order}), "unknown-case"),
        (&actor("auditor", Role::Auditor, None), "void-issue", json!({"reason": "试"}), "not-allowed"),
    ] {
        let refused = desk.tell(by, case, name, body).await.unwrap_err();
        assert_eq!(code(&refused), refusal, "{name}");
    }
    let far = desk.submit(&abroad, None, "discover-issue", id(), &discovery()).await.unwrap_err();
    assert_eq!(code(&far), "not-allowed");
    assert_eq!(desk.app.ports().log.head().await.unwrap(), head);
}

#[tokio::test]
async fn rules_and_district_are_imported_together_or_not_at_all() {
    let desk = Desk::open().await;
    let administrator = actor("operator", Role::SystemAdministrator, None);
    let head = || async { desk.app.ports().log.head().await.unwrap() };
    let before = head().await;
    let mut body = json!({
        "rules": sample_body("publish-rules", "district.toml"),
        "district": sample_body("load-district", "district.toml"),
    });
    for part in ["rules", "district"] {
        body[part]["effective_from"] = "2026-03-01T00:00:00+08:00".into();
    }
    body["rules"]["windows"]["reopen"]["limit"]["amount"] = 9.into();
    body["district"]["departments"][0]["name"] = " ".into();
    let refused = desk.submit(&administrator, None, "import-reference", id(), &body).await.unwrap_err();
    assert_eq!((code(&refused), head().await), ("text-length".to_owned(), before));
    body["district"]["departments"][0]["name"] = "城管".into();
    let taken = desk.submit(&administrator, None, "import-reference", id(), &body).await.unwrap();
    assert!(taken.events > 0);
    let events = desk.app.ports().log.after(before, 1_000).await.unwrap();
    let of = |category: &str| events.iter().filter(|event| event.stream.category() == category).count();
    assert!(of("rules") > 0 && of("district") > 0);
    // The rules are so already; the district is not, and what was asked for it is recorded.
    body["district"]["effective_from"] = "2026-03-02T00:00:00+08:00".into();
    body["district"]["departments"][0]["name"] = "城市管理".into();
    let before = head().await;
    let taken = desk.submit(&administrator, None, "import-reference", id(), &body).await.unwrap();
    assert_eq!((taken.events, head().await.0), (1, before.0 + 1), "{taken:?}");
    body["district"]["effective_from"] = " 2026-03-03".into();
    let refused = desk.submit(&administrator, None, "import-reference", id(), &body).await.unwrap_err();
    assert_eq!(code(&refused), "body-does-not-fit");
}

#[tokio::test]
async fn calendars_that_end_stop_no_intake_and_are_told_ahead() {
    let desk = Desk::open().await;
    let warning = async |at: &str| {
        desk.clock.set(at.parse().unwrap());
        desk.app.tell_calendars().await.unwrap();
        let report = desk.app.ready().await;
        assert!(report.is_ready(), "a warning stops nobody: {report:?}");
        report.warnings.get("calendars").cloned()
    };
    assert_eq!(warning("2027-11-02T10:00:00+08:00").await, None);
    let ahead = warning("2027-11-03T10:00:00+08:00").await.unwrap();
    assert!(ahead.starts_with("no office calendar covers 2028-01-01, in 59 days"), "{ahead}");
    // A gas leak in the last minutes of the last calendar.
    assert!(warning("2027-12-31T23:58:00+08:00").await.is_some());
    let case = desk.discover().await;
    desk.app.settle().await.unwrap();
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader(), case, "register-issue", register).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_went_back_is_refused_and_a_small_step_is_not() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.clock.advance(-TimeDelta::seconds(60));
    let refused = desk.tell(&leader(), case, "register-issue", register.clone()).await.unwrap_err();
    assert_eq!(code(&refused), "clock-went-back");
    desk.clock.set(now() - TimeDelta::seconds(2));
    desk.tell(&leader(), case, "register-issue", register).await.unwrap();
    desk.app.settle().await.unwrap();
    assert_eq!(desk.summary(case).await["updated_at"], "2026-03-02T02:00:00Z", "time never goes back in a case");
}

#[tokio::test]
async fn views_stand_where_the_case_stands_and_a_rebuild_is_the_same() {
    let desk = Desk::open().await;
    let (case, order) = desk.dispatched().await;
    let wsjk = clerk("WSJK");
    let steps = [
        (
            wsjk.clone(),
            "request-return",
            json!({"order": order, "reason": "not_our_matter", "legal_basis": "第12条", "explanation": "非本部门"}),
        ),
        (duty(), "decide-return", json!({"order": order, "decision": "refuse", "reason": "清单明确"})),
        (wsjk.clone(), "accept-order", json!({"order": order})),
        (wsjk.clone(), "submit-disposal", json!({"order": order, "result": "已办", "evidence": [desk.photo]})),
        (
            actor("bz-verifier", Role::Verifier, Some("BZ")),
            "verify-case",
            json!({"passed": false, "findings": "未办好", "evidence": [desk.photo]}),
        ),
        (wsjk, "submit-disposal", json!({"order": order, "result": "重办好", "evidence": [desk.photo]})),
        (
            actor("bz-verifier", Role::Verifier, Some("BZ")),
            "verify-case",
            json!({"passed": true, "findings": "已办好", "evidence": [desk.photo]}),
        ),
        (leader(), "record-feedback", json!({"answer": "已办", "contacted": true, "solved": true, "satisfied": true})),
        (duty(), "close-case", json!({"outcome": "solved", "resolution": ["law"], "summary": "办结"})),
        (duty(), "reopen-case", json!({"cause": "finder_dissatisfied", "reason": "又不行"})),
        (dispatcher(), "dispatch-case", json!({"lead": "WSJK", "instructions": "再办"})),
    ];
    for (by, name, body) in steps {
        desk.tell(&by, case, name, body).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        desk.app.settle().await.unwrap();
        let rows = page(desk.rows(&duty(), "cases", &[("grid", "BZ")]).await.unwrap());
        let row: serde_json::Value = serde_json::from_str(&rows[0]).unwrap();
        assert_eq!(row, desk.summary(case).await, "the row of the view and the case as it is in the log, after {name}");
    }
    let by = duty();
    let board = || desk.rows(&by, "cases", &[("grid", "BZ")]);
    let obligations = || desk.rows(&by, "obligations", &[("grid", "BZ")]);
    let before = (page(board().await.unwrap()), page(obligations().await.unwrap()));
    desk.app.rebuild(&[], |_, _| ()).await.unwrap();
    assert_eq!((page(board().await.unwrap()), page(obligations().await.unwrap())), before);
    assert_eq!(before.0.len(), 1);
}

/// Where there is room for two rows only, rows are written and loaded again all the time; the views are the same.
#[tokio::test]
async fn a_rebuild_that_has_to_make_room_is_the_same() {
    const CASES: usize = 12;
    let desk = Desk::open().await;
    let mut cases = Vec::new();
    for _ in 0..CASES {
        cases.push(desk.dispatched().await.0);
    }
    // Every case is touched again after many others.
    for case in &cases {
        let order = desk.summary(*case).await["parts"]["orders"][0]["order"].clone();
        desk.tell(&clerk("WSJK"), *case, "accept-order", json!({"order": order})).await.unwrap();
    }
    desk.app.settle().await.unwrap();
    let (by, assistant) = (duty(), clerk("WSJK"));
    let shown = async || {
        let cases = page(desk.rows(&by, "cases", &[("grid", "BZ")]).await.unwrap());
        let orders = page(desk.rows(&assistant, "orders", &[("department", "WSJK")]).await.unwrap());
        (cases, orders)
    };
    let before = shown().await;
    assert_eq!((before.0.len(), before.1.len()), (CASES, CASES));
    let rebuilt = rebuild(&in_short_pages(&desk), folds(), 2, |_, _| ()).await.unwrap();
    assert!(rebuilt.failed.is_empty());
    assert_eq!(shown().await, before);
}

/// A page of the log is longer than all that these tests record. Room is made only between pages, so the pages are short.
fn in_short_pages(desk: &Desk) -> Sources {
    let ports = desk.app.ports();
    let log = Arc::new(support::ShortPages(ports.log.clone()));
    Sources { log, views: Arc::clone(&ports.views), decode: registry::decode }
}

/// A view whose fold panics.
struct Stubborn;

impl Fold for Stubborn {
    fn spec(&self) -> ViewSpec {
        ViewSpec { name: "stubborn", version: 1, ..registry::views()[0].fold().spec() }
    }

    fn from(&self) -> &'static [&'static str] {
        &["case"]
    }

    fn working(&self) -> Box<dyn Working> {
        Box::new(Self)
    }
}

impl Working for Stubborn {
    fn held(&self) -> usize {
        0
    }

    fn missing(&self, _: &[Read<'_>]) -> Vec<String> {
        Vec::new()
    }

    fn hold(&mut self, _: Docs) -> Result<(), FoldError> {
        Ok(())
    }

    fn apply(&mut self, _: &[Read<'_>]) {
        panic!("as told");
    }

    fn changes(&mut self) -> Result<Vec<RowChange>, FoldError> {
        Ok(Vec::new())
    }

    fn release(&mut self, _: usize) -> Result<Vec<RowChange>, FoldError> {
        Ok(Vec::new())
    }
}

#[tokio::test]
async fn a_view_that_cannot_be_rebuilt_says_why_and_stops_no_other() {
    let desk = Desk::open().await;
    let case = desk.dispatched().await.0;
    desk.app.settle().await.unwrap();
    let before = page(desk.rows(&duty(), "cases", &[("grid", "BZ")]).await.unwrap());
    let mut folds = folds();
    folds.insert(1, Arc::new(Stubborn));
    let rebuilt = rebuild(&in_short_pages(&desk), folds, 2, |_, _| ()).await.unwrap();
    let failed: Vec<_> = rebuilt.failed.iter().map(|(view, error)| (*view, error.to_string())).collect();
    assert_eq!(failed, [("stubborn", "view stubborn panicked while it folded".to_owned())]);
    assert_eq!(page(desk.rows(&duty(), "cases", &[("grid", "BZ")]).await.unwrap()), before);
    assert_eq!(desk.summary(case).await["stage"], "dispatched");
}

/// A process may remember an old state of a case. It refuses nothing because of it, and records nothing on it.
#[tokio::test]
async fn what_is_remembered_is_never_the_last_word() {
    let desk = Desk::open().await;
    let (case, order) = desk.dispatched().await;
    let other = desk.another().await;
    let wsjk = clerk("WSJK");
    let other_tells = async |name, body| other.submit(support::request(&wsjk, Some(case), name, id(), &body)).await;
    let disposal = json!({"order": order, "result": "已办", "evidence": [desk.photo]});
    let progress = |text| json!({"order": order, "day": "2026-03-02", "text": text});

    // The desk remembers an order that was only sent. On that, the disposal is refused.
    let early = desk.tell(&wsjk, case, "submit-disposal", disposal.clone()).await.unwrap_err();
    assert_eq!(code(&early), "order-not-ready");
    other_tells("accept-order", json!({"order": order})).await.unwrap();
    let disposed = desk.tell(&wsjk, case, "submit-disposal", disposal).await.unwrap();
    assert_eq!(disposed.events, 2, "the log knows that the order was accepted");

    // The other remembers an accepted order. On that, progress is recorded.
    let late = other_tells("record-progress", progress("还在办")).await.unwrap_err();
    assert_eq!(code(&late), "order-not-ready");
    let recorded = desk.app.ports().log.stream(&disposed.stream, Version(0)).await.unwrap();
    assert_eq!(recorded.last().map(|event| event.version), Some(disposed.version));
}

/// The same while nothing was disposed: what the process remembers would do.
#[tokio::test]
async fn progress_is_recorded_while_the_order_is_accepted() {
    let desk = Desk::open().await;
    let (case, order) = desk.dispatched().await;
    desk.tell(&clerk("WSJK"), case, "accept-order", json!({"order": order})).await.unwrap();
    let progress = json!({"order": order, "day": "2026-03-02", "text": "还在办"});
    assert_eq!(desk.tell(&clerk("WSJK"), case, "record-progress", progress).await.unwrap().events, 1);
}

fn page(page: app::query::Page) -> Vec<String> {
    page.items.into_iter().map(|item| item.get().to_owned()).collect()
}

#[tokio::test]
async fn an_event_of_an_unknown_type_stops_the_view_and_is_not_skipped() {
    let desk = Desk::open().await;
    desk.discover().await;
    desk.app.settle().await.unwrap();
    let stream = StreamId::new("case", Uuid::from_u128(7));
    let bytes = br#"{"specversion":"1.0","id":"00000000-0000-0000-0000-000000000001","source":"/dualgrid/test","type":"cn.dualgrid.case.teleported.v9","subject":"case-00000000-0000-0000-0000-000000000001","time":"2026-03-02T02:00:00.000000Z","datacontenttype":"application/json","streamversion":1,"actorid":"a","actorrole":"system","actorscope":"everywhere","commandid":"00000000-0000-0000-0000-000000000001","correlationid":"00000000-0000-0000-0000-000000000001","data":{}}"#;
    let event = NewEvent {
        id: EventId::named("x"),
        kind: "cn.dualgrid.case.teleported.v9",
        time: now(),
        bytes: bytes.as_slice().into(),
    };
    let parts = vec![Part { stream, expected: Version(0), events: vec![event] }];
    let (principal, request) = ("a".to_owned(), Fingerprint::of(Digest::of(b"x")));
    let append = Append { principal, command: id(), request, parts, at: now(), incarnation: None };
    desk.app.ports().log.append(append).await.unwrap();
    desk.discover().await;
    let stopped = desk.app.settle().await.unwrap_err();
    assert!(stopped.to_string().contains("teleported"), "{stopped}");
    let board = desk.rows(&duty(), "cases", &[("grid", "BZ")]).await.unwrap();
    assert_eq!(board.items.len(), 1, "what comes after an unreadable event is not shown either");
}

#[tokio::test]
async fn a_reporter_is_sealed_shown_to_those_who_answer_them_and_erased_forever() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    let cases = registry::kind("case").unwrap();
    let events = desk.app.ports().log.after(kernel::Position(0), 1000).await.unwrap();
    for event in &events {
        let text = String::from_utf8_lossy(&event.bytes);
        assert!(!text.contains("王秀英") && !text.contains("13800001111") && !text.contains("西藏北路"));
    }
    let shown = desk.app.persons(&duty(), cases, case, Some("contact")).await.unwrap().items.remove(0);
    assert_eq!(shown.name.as_deref(), Some("王秀英"));
    let auditor = actor("auditor", Role::Auditor, None);
    assert_eq!(code(&desk.app.persons(&auditor, cases, case, Some("contact")).await.unwrap_err()), "not-allowed");
    assert_eq!(desk.erase(shown.person).await.unwrap().events, 1);
    assert_eq!(code(&desk.app.persons(&duty(), cases, case, Some("contact")).await.unwrap_err()), "person-erased");
    let after = desk.app.ports().log.after(kernel::Position(0), 1000).await.unwrap();
    assert_eq!(after[..events.len()], events[..], "what was recorded stays as it was");
}

#[tokio::test]
async fn two_who_register_at_once_register_once() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    let register = || json!({"matter": "FW-0301", "handling": "promised"});
    let (by_leader, by_duty) = (leader(), duty());
    let (one, other) = tokio::join!(
        desk.tell(&by_leader, case, "register-issue", register()),
        desk.tell(&by_duty, case, "register-issue", register()),
    );
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one.events + other.events, 1, "the second finds it done");
    desk.app.settle().await.unwrap();
    assert_eq!(desk.summary(case).await["version"], 2);
}

#[tokio::test]
async fn a_second_case_of_the_same_matter_in_the_same_grid_is_shown_as_a_suspected_duplicate() {
    let desk = Desk::open().await;
    let register = || json!({"matter": "FW-0301", "handling": "promised"});
    let first = desk.discover().await;
    desk.tell(&leader(), first, "register-issue", register()).await.unwrap();
    desk.app.settle().await.unwrap();
    let second = desk.discover().await;
    let answer = desk.tell(&leader(), second, "register-issue", register()).await.unwrap();
    assert_eq!(answer.events, 2);
    desk.tell(&leader(), second, "merge-issue", json!({"into": first, "reason": "同一件事"})).await.unwrap();
    assert_eq!(desk.summary(second).await["stage"], "merged");
    let back = json!({"into": second, "reason": "同一件事"});
    let refused = desk.tell(&leader(), first, "merge-issue", back).await.unwrap_err();
    assert_eq!(code(&refused), "cannot-merge-into", "two cases never end in each other");
}

#[tokio::test]
async fn a_case_is_filed_only_when_every_published_criterion_is_answered() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader(), case, "register-issue", register).await.unwrap();
    desk.tell(&leader(), case, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    let mut body = all_met();
    let criteria = body["criteria"].as_array_mut().unwrap();
    let left_out = criteria.pop().unwrap();
    criteria.push(json!({"criterion": "值班长自拟的标准", "met": true}));
    let refused = desk.tell(&duty(), case, "file-case", body.clone()).await.unwrap_err().problem();
    assert_eq!((refused.status, refused.code.as_str()), (422, "criterion-not-answered"));
    assert!(refused.detail.contains(left_out["criterion"].as_str().unwrap()));
    body["criteria"].as_array_mut().unwrap().push(left_out);
    desk.tell(&duty(), case, "file-case", body).await.unwrap();
}

#[tokio::test]
async fn an_assisting_department_has_an_obligation_of_its_own_until_its_part_is_done() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader(), case, "register-issue", register).await.unwrap();
    desk.tell(&leader(), case, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    desk.tell(&duty(), case, "file-case", all_met()).await.unwrap();
    let dispatch = json!({"lead": "WSJK", "assist": ["SCJG"], "instructions": "办"});
    desk.tell(&dispatcher(), case, "dispatch-case", dispatch).await.unwrap();
    let assist = clerk("SCJG");
    let open = async |department| {
        desk.app.settle().await.unwrap();
        let page = desk.rows(&assist, "obligations", &[("department", department)]).await.unwrap();
        page.items.iter().map(|row| serde_json::from_str::<serde_json::Value>(row.get()).unwrap()).collect::<Vec<_>>()
    };
    let rows = open("SCJG").await;
    assert_eq!((rows.len(), &rows[0]["next"]["step"]), (1, &json!("accept")));
    let order = rows[0]["order"].clone();
    desk.tell(&assist, case, "accept-order", json!({"order": order})).await.unwrap();
    assert_eq!(open("SCJG").await[0]["next"]["step"], "dispose");
    let done = json!({"order": order, "result": "已办", "evidence": [desk.photo]});
    desk.tell(&assist, case, "submit-disposal", done).await.unwrap();
    assert_eq!(open("SCJG").await, Vec::<serde_json::Value>::new());
}

/// A row that becomes more urgent moves to where a reader of pages has been already.
#[tokio::test]
async fn who_reads_obligations_page_by_page_misses_none_that_moves_up() {
    let desk = Desk::open().await;
    let mut cases = Vec::new();
    for _ in 0..4 {
        let (case, order) = desk.dispatched().await;
        desk.tell(&clerk("WSJK"), case, "accept-order", json!({"order": order})).await.unwrap();
        cases.push((case, order));
    }
    desk.app.settle().await.unwrap();
    let (by, obligations) = (duty(), support::view("obligations"));
    let page = async |beyond: Option<String>| {
        let filters = [("grid".to_owned(), "BZ".to_owned())].into();
        let page = desk.app.rows(&by, obligations, &filters, PageRequest { beyond, limit: 1 }).await.unwrap();
        let ids = page.items.iter().map(|row| {
            let row: serde_json::Value = serde_json::from_str(row.get()).unwrap();
            row["case"].as_str().unwrap().parse::<Uuid>().unwrap()
        });
        (ids.collect::<Vec<_>>(), page.next)
    };
    let (first, mut next) = page(None).await;
    assert_eq!(first, [cases[0].0]);
    // The last one is disposed of: its verification is due long before the disposals of the others.
    let (last, order) = cases[3].clone();
    let disposed = json!({"order": order, "result": "已办", "evidence": [desk.photo]});
    desk.tell(&clerk("WSJK"), last, "submit-disposal", disposed).await.unwrap();
    desk.app.settle().await.unwrap();
    assert_eq!(page(None).await.0, [last], "it has moved to before the page that was read");
    let mut seen = first;
    while let Some(beyond) = next {
        let (rows, after) = page(Some(beyond)).await;
        seen.extend(rows);
        next = after;
    }
    assert_eq!(seen, [cases[0].0, last, cases[1].0, cases[2].0]);
}

/// A word that no row can have is a mistake, and what does not exist is told: neither is an empty list.
#[tokio::test]
async fn what_a_list_names_and_does_not_exist_is_told() {
    let desk = Desk::open().await;
    desk.app.settle().await.unwrap();
    let auditor = actor("auditor", Role::Auditor, None);
    for (path, filters, refusal) in [
        ("cases", vec![("grid", "NOWHERE")], (404, "unknown-grid")),
        ("cases", vec![("grid", "BZ"), ("stage", "no_such_stage")], (400, "query-invalid")),
        ("obligations", vec![("department", "NOONE")], (404, "unknown-department")),
        ("obligations", vec![("grid", "NOWHERE")], (404, "unknown-grid")),
        ("orders", vec![("department", "NOONE")], (404, "unknown-department")),
        ("orders", vec![("department", "WSJK"), ("status", "no_such_status")], (400, "query-invalid")),
        ("pledges", vec![("grid", "NOWHERE")], (404, "unknown-grid")),
        ("pledges", vec![("grid", "BZ"), ("status", "no_such_status")], (400, "query-invalid")),
    ] {
        let problem = desk.rows(&auditor, path, &filters).await.unwrap_err().problem();
        assert_eq!((problem.status, problem.code.as_str()), refusal, "{path} {filters:?}");
    }
    let page = desk.rows(&auditor, "orders", &[("department", "WSJK"), ("status", "sent")]).await.unwrap();
    assert!(page.items.is_empty(), "a department that exists and has no order has an empty list");
}
