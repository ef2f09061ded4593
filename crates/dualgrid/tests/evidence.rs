//! Files: whose they are, who may name and read them, and when they go.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Arc;

use app::evidence::{Keeping, Uploaded};
use app::port::evidence_store::{Pieces, pieces_of};
use app::port::scanner::{Scanner, Verdict};
use app::port::uploads::Quotas;
use app::port::{Failure, Ports};
use app::{App, Error, Settings, registry};
use chrono::TimeDelta;
use futures::TryStreamExt as _;
use kernel::digest::Digest;
use kernel::{Actor, DepartmentCode, Role, Scope};
use serde_json::{Value, json};
use support::{Desk, actor, all_met, clerk, discovery, dispatcher, duty, id, leader, member, request};
use testkit::stories::evidence::photo;
use uuid::Uuid;

/// The sample, with its views built.
async fn open() -> Desk {
    let desk = Desk::open().await;
    desk.app.settle().await.unwrap();
    desk
}

/// A digest that no file has.
fn unknown() -> Digest {
    Digest::of(b"no file")
}

async fn sends(app: &App, by: &Actor, bytes: Vec<u8>, media_type: &str) -> Result<Uploaded, Error> {
    app.put_evidence(by, media_type, pieces_of(bytes.into())).await
}

/// Sends a photo of something.
async fn shows(desk: &Desk, by: &Actor, what: &str) -> Digest {
    sends(&desk.app, by, photo(what).bytes, "image/png").await.unwrap().sha256
}

async fn reads(desk: &Desk, by: &Actor, file: Digest) -> Result<Vec<u8>, Error> {
    let found = desk.app.find_evidence(by, file).await?;
    let pieces = desk.app.read_evidence(&found, 0..found.size).await?;
    Ok(pieces.map_ok(|piece| piece.to_vec()).try_concat().await.unwrap())
}

/// What somebody is told of a file, with its digest written as ID.
async fn told(desk: &Desk, by: &Actor, file: Digest) -> String {
    let answer = reads(desk, by, file).await.map_or_else(|error| error.problem(), |_| unreachable!("it was read"));
    serde_json::to_string(&answer).unwrap().replace(&file.to_string(), "ID")
}

/// What a command that names a file is told.
async fn told_of_naming(
    desk: &Desk,
    by: &Actor,
    about: Option<Uuid>,
    name: &str,
    mut body: Value,
    file: Digest,
) -> String {
    body["evidence"] = json!([file]);
    let answer = desk.app.submit(request(by, about, name, id(), &body)).await;
    let problem = answer.map_or_else(|error| error.problem(), |_| unreachable!("it was taken"));
    assert_eq!((problem.status, problem.code.as_str()), (422, "unknown-evidence"));
    serde_json::to_string(&problem).unwrap().replace(&file.to_string(), "ID")
}

fn other_clerk() -> Actor {
    let scope = Scope::Department(DepartmentCode::try_new("CGZF").unwrap());
    Actor { id: "staff-9".into(), role: Role::DepartmentClerk, scope, seconded_by: None }
}

/// An issue that shows this file.
async fn discovered(desk: &Desk, by: &Actor, file: Digest) -> Uuid {
    let mut body = discovery();
    body["evidence"] = json!([file]);
    let case = desk.app.submit(request(by, None, "discover-issue", id(), &body)).await.unwrap().id;
    desk.app.settle().await.unwrap();
    case
}

#[tokio::test]
async fn a_file_is_its_senders_until_something_names_it_and_then_read_with_the_rights_of_that() {
    let desk = open().await;
    let file = shows(&desk, &member(), "before").await;
    let auditor = actor("auditor", Role::Auditor, None);
    assert_eq!(reads(&desk, &member(), file).await.unwrap(), photo("before").bytes);
    for by in [leader(), duty(), clerk("WSJK"), auditor.clone()] {
        assert_eq!(told(&desk, &by, file).await, told(&desk, &by, unknown()).await, "{}", by.role);
    }
    let case = discovered(&desk, &member(), file).await;
    for by in [member(), leader(), duty(), auditor] {
        assert_eq!(reads(&desk, &by, file).await.unwrap(), photo("before").bytes, "{}", by.role);
    }
    for by in [clerk("WSJK"), other_clerk()] {
        assert_eq!(told(&desk, &by, file).await, told(&desk, &by, unknown()).await, "{}", by.id);
    }
    // With an order of it, a department reads what the case names; another department does not.
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader(), case, "register-issue", register).await.unwrap();
    desk.tell(&leader(), case, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    desk.tell(&duty(), case, "file-case", all_met()).await.unwrap();
    let dispatch = json!({"lead": "WSJK", "instructions": "设集体办理点"});
    desk.tell(&dispatcher(), case, "dispatch-case", dispatch).await.unwrap();
    assert_eq!(reads(&desk, &clerk("WSJK"), file).await.unwrap(), photo("before").bytes);
    assert_eq!(told(&desk, &other_clerk(), file).await, told(&desk, &other_clerk(), unknown()).await);
    let kind = registry::kind("case").unwrap();
    let named = desk.app.evidence_of(&clerk("WSJK"), kind, case).await.unwrap().items;
    assert_eq!(
        (named[0].sha256, named[0].size, named[0].by.as_str()),
        (file, photo("before").bytes.len() as u64, "bz-r01-b01-member")
    );
    assert_eq!(named[0].r#type, "cn.dualgrid.case.issue_discovered.v1");
    let refused = desk.app.evidence_of(&other_clerk(), kind, case).await.unwrap_err().problem();
    assert_eq!(refused.status, 404, "{refused:?}");
}

#[tokio::test]
async fn a_command_names_what_is_its_senders_own_or_what_they_may_read() {
    let desk = open().await;
    let file = shows(&desk, &member(), "mine").await;
    let stranger = actor("stranger", Role::GridLeader, Some("BZ-R01-B01"));
    let by_stranger = async |file| told_of_naming(&desk, &stranger, None, "discover-issue", discovery(), file).await;
    assert_eq!(by_stranger(file).await, by_stranger(unknown()).await, "a foreign file is as one that is not there");
    // The same bytes sent by two are two files: each names and reads their own.
    let own = shows(&desk, &stranger, "mine").await;
    assert_eq!(own, file);
    let case = discovered(&desk, &stranger, own).await;
    assert_eq!(reads(&desk, &member(), file).await.unwrap(), photo("mine").bytes);
    // What a case names can be named again by whoever may read it.
    let again = discovered(&desk, &leader(), file).await;
    assert_ne!(again, case);
    let by_clerk =
        async |file| told_of_naming(&desk, &leader_elsewhere(), None, "discover-issue", elsewhere(), file).await;
    assert_eq!(by_clerk(file).await, by_clerk(unknown()).await);
}

fn leader_elsewhere() -> Actor {
    actor("leader-elsewhere", Role::GridLeader, Some("JAS"))
}

/// A discovery in another street.
fn elsewhere() -> Value {
    let mut body = discovery();
    body["grid"] = json!("JAS-R01-M01");
    body["location"] = json!({"text": "弄口"});
    body
}

#[tokio::test]
async fn a_department_shares_what_its_clerks_send() {
    let desk = open().await;
    let colleague = Actor { id: "department/WSJK".into(), ..clerk("WSJK") };
    let file = shows(&desk, &clerk("WSJK"), "after").await;
    assert_eq!(reads(&desk, &colleague, file).await.unwrap(), photo("after").bytes);
    assert_eq!(told(&desk, &other_clerk(), file).await, told(&desk, &other_clerk(), unknown()).await);
}

#[tokio::test]
async fn what_nothing_names_goes_when_its_time_is_over_and_nothing_else_does() {
    let desk = open().await;
    let (unnamed, named) = (shows(&desk, &member(), "unnamed").await, shows(&desk, &member(), "named").await);
    discovered(&desk, &member(), named).await;
    desk.clock.advance(TimeDelta::hours(71));
    assert_eq!(desk.app.sweep_evidence().await.unwrap(), 0);
    desk.clock.advance(TimeDelta::hours(2));
    assert_eq!(desk.app.sweep_evidence().await.unwrap(), 1);
    let store = &desk.app.ports().evidence;
    assert_eq!(store.find(unnamed).await.unwrap(), None);
    assert!(store.find(named).await.unwrap().is_some());
    assert_eq!(told(&desk, &member(), unnamed).await, told(&desk, &member(), unknown()).await);
    told_of_naming(&desk, &member(), None, "discover-issue", discovery(), unnamed).await;
    assert_eq!(reads(&desk, &leader(), named).await.unwrap(), photo("named").bytes);
    assert_eq!(shows(&desk, &member(), "unnamed").await, unnamed, "it can be sent again");
}

/// A command that names a file at its last moment holds it: the sweep that comes in between leaves it.
#[tokio::test]
async fn what_is_named_while_it_goes_stays() {
    let desk = open().await;
    let file = shows(&desk, &member(), "late").await;
    desk.clock.advance(TimeDelta::hours(72) + TimeDelta::seconds(1));
    let mut body = discovery();
    body["evidence"] = json!([file]);
    desk.app.submit(request(&member(), None, "discover-issue", id(), &body)).await.unwrap();
    // The view has not come as far yet.
    assert_eq!(desk.app.sweep_evidence().await.unwrap(), 0);
    desk.clock.advance(TimeDelta::hours(2));
    assert_eq!(desk.app.sweep_evidence().await.unwrap(), 0, "the view is behind the log");
    desk.app.settle().await.unwrap();
    desk.clock.advance(TimeDelta::hours(2));
    assert_eq!(desk.app.sweep_evidence().await.unwrap(), 0, "it is named");
    assert_eq!(reads(&desk, &leader(), file).await.unwrap(), photo("late").bytes);
}

/// A JPEG that says when it was taken.
fn taken_at(moment: &str) -> Vec<u8> {
    let mut tiff = b"II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x1a\0\0\0\0\0\0\0".to_vec();
    tiff.extend(b"\x01\0\x03\x90\x02\0\x14\0\0\0\x2c\0\0\0\0\0\0\0");
    tiff.extend(moment.as_bytes());
    tiff.push(0);
    let exif = [b"Exif\0\0", &tiff[..]].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let rest = b"\xff\xc0\0\x07frame\xff\xda\0\x06scan\x01\x02\xff\xd9";
    [b"\xff\xd8\xff\xe1", &length[..], &exif, rest].concat()
}

#[tokio::test]
async fn what_a_photo_tells_is_taken_out_and_kept_sealed_for_who_verifies() {
    const WHEN: &str = "2026:03:02 09:15:00";
    let desk = open().await;
    let sent = taken_at(WHEN);
    let kept = sends(&desk.app, &member(), sent.clone(), "image/jpeg").await.unwrap();
    assert_eq!(kept.original_sha256, Digest::of(&sent));
    assert_ne!(kept.sha256, kept.original_sha256);
    let verifier = actor("verifier", Role::Verifier, Some("BZ"));
    let unnamed = desk.app.captures(&verifier, kept.sha256).await.unwrap_err().problem();
    assert_eq!(unnamed.code, "not-found");
    discovered(&desk, &member(), kept.sha256).await;
    let read = reads(&desk, &verifier, kept.sha256).await.unwrap();
    assert_eq!(Digest::of(&read), kept.sha256);
    assert!(!read.windows(WHEN.len()).any(|part| part == WHEN.as_bytes()));
    let captures = desk.app.captures(&verifier, kept.sha256).await.unwrap().items;
    assert_eq!((captures[0].taken_at.as_deref(), captures[0].by.as_str()), (Some(WHEN), "bz-r01-b01-member"));
    let refused = desk.app.captures(&member(), kept.sha256).await.unwrap_err().problem();
    assert_eq!(refused.code, "not-allowed");
    let upload = desk.app.ports().uploads.of(kept.sha256).await.unwrap().remove(0);
    assert!(!upload.captured.unwrap().contains("2026"), "it is sealed where it is kept");
}

/// An app on the same ports with something else of them.
fn with(desk: &Desk, scanner: Option<Arc<dyn Scanner>>, keeping: Keeping) -> Arc<App> {
    App::new(Ports { scanner, ..desk.app.ports().clone() }, Settings::new("test").keeping(keeping))
}

#[tokio::test]
async fn nobody_sends_more_in_a_day_than_they_may() {
    let desk = open().await;
    let bytes = photo("a").bytes.len() as u64;
    let quotas = Quotas { principal_bytes: 2 * bytes, department_bytes: 3 * bytes };
    let app = with(&desk, None, Keeping { quotas, ..Keeping::default() });
    let send = async |by: &Actor, what: &str| {
        let sent = sends(&app, by, photo(what).bytes, "image/png").await;
        sent.map_or_else(|error| error.problem(), |_| app::Problem::new(201, "kept", ""))
    };
    for what in ["a", "b"] {
        assert_eq!(send(&clerk("WSJK"), what).await.status, 201);
    }
    let refused = send(&clerk("WSJK"), "c").await;
    assert_eq!((refused.status, refused.code.as_str(), refused.retry_after), (429, "uploads-spent", Some(3600)));
    assert!(refused.detail.contains("you sent in the last 24 hours"), "{}", refused.detail);
    let colleague = Actor { id: "colleague".into(), ..clerk("WSJK") };
    assert_eq!(send(&colleague, "c").await.status, 201);
    let refused = send(&colleague, "d").await;
    assert!(refused.detail.contains("your department sent in the last 24 hours"), "{}", refused.detail);
    assert_eq!(send(&member(), "e").await.status, 201, "somebody else has room of their own");
    desk.clock.advance(TimeDelta::hours(25));
    assert_eq!(send(&clerk("WSJK"), "d").await.status, 201);
}

/// A scanner that says always the same.
struct Says(Result<Verdict, &'static str>);

#[async_trait::async_trait]
impl Scanner for Says {
    async fn scan(&self, file: Pieces) -> Result<Verdict, Failure> {
        let pieces: Vec<bytes::Bytes> = file.try_collect().await.unwrap();
        assert_eq!(pieces.concat(), photo("scanned").bytes);
        self.0.clone().map_err(|reason| Failure { operation: "scan", reason: reason.to_owned(), passing: true })
    }
}

#[tokio::test]
async fn what_a_scanner_finds_or_cannot_look_into_is_not_kept() {
    let desk = open().await;
    let file = Digest::of(&photo("scanned").bytes);
    for (says, status, code) in
        [(Ok(Verdict::Harmful("Eicar-Test".into())), 422, "evidence-harmful"), (Err("it is away"), 503, "unavailable")]
    {
        let app = with(&desk, Some(Arc::new(Says(says))), Keeping::default());
        let refused = sends(&app, &member(), photo("scanned").bytes, "image/png").await.unwrap_err().problem();
        assert_eq!((refused.status, refused.code.as_str()), (status, code));
        assert_eq!(app.ports().evidence.find(file).await.unwrap(), None);
        assert_eq!(app.ports().uploads.of(file).await.unwrap(), []);
    }
    let app = with(&desk, Some(Arc::new(Says(Ok(Verdict::Clean)))), Keeping::default());
    assert_eq!(sends(&app, &member(), photo("scanned").bytes, "image/png").await.unwrap().sha256, file);
}
