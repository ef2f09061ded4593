//! A loss was accepted: who goes on with a list or a history that showed what is lost has to begin again.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use app::losses::Mark;
use app::query::{Page, PageRequest};
use app::{Error, registry};
use kernel::{Actor, CommandId, Position, Role};
use serde_json::json;
use support::{Desk, actor, leader, view};
use uuid::Uuid;

fn auditor() -> Actor {
    actor("auditor", Role::Auditor, None)
}

fn system() -> Actor {
    actor("system/log", Role::System, None)
}

async fn history(desk: &Desk, case: Uuid, beyond: Option<&str>) -> Result<Page, Error> {
    let page = PageRequest { beyond: beyond.map(str::to_owned), limit: 1 };
    desk.app.history(&auditor(), registry::kind("case").unwrap(), case, page).await
}

/// An operator accepts that what was after a position is lost. In this log nothing is: the answers are the same.
async fn accept_loss(desk: &Desk, after: u64) {
    let head = desk.app.ports().log.head().await.unwrap();
    let body = json!({ "epoch": 1, "after": after, "to": head });
    desk.submit(&system(), None, "accept-loss", CommandId::named("loss"), &body).await.unwrap();
    // The epoch that was read last does for a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
}

fn refusal<T>(answer: Result<T, Error>) -> (u16, String) {
    let problem = answer.err().map(|error| error.problem()).unwrap();
    (problem.status, problem.code)
}

#[tokio::test]
async fn a_history_that_showed_what_is_lost_begins_again() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    let registered = desk.tell(&leader(), case, "register-issue", register).await.unwrap();
    desk.tell(&leader(), case, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    let first = history(&desk, case, None).await.unwrap().next.unwrap();
    assert!(first.starts_with("0:1@"), "{first}");
    let second = history(&desk, case, Some(&first)).await.unwrap().next.unwrap();
    assert!(second.starts_with("0:2@"), "{second}");
    let other = desk.discover().await;
    let foreign = history(&desk, other, Some(&first)).await;
    assert_eq!(refusal(foreign), (400, "query-invalid".to_owned()), "`next` of the history of another case");
    let lost = registered.first.unwrap().0;
    accept_loss(&desk, lost - 1).await;
    assert!(history(&desk, case, Some(&first)).await.is_ok(), "version 1 is before what was lost");
    let expected = (409, "ahead-of-the-log".to_owned());
    assert_eq!(refusal(history(&desk, case, Some(&second)).await), expected);
    assert_eq!(refusal(history(&desk, case, Some("0:9")).await), expected, "a version that is gone");
    assert_eq!(refusal(history(&desk, case, Some("2:1")).await), expected, "an epoch that is not there yet");
    for now in ["1:2", "2", "1:9"] {
        assert!(history(&desk, case, Some(now)).await.is_ok(), "{now}");
    }
    for bad in ["", "x", "0:", "0:-1", "0:4294967296"] {
        assert_eq!(refusal(history(&desk, case, Some(bad)).await), (400, "query-invalid".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn a_list_that_showed_what_is_lost_begins_again() {
    let desk = Desk::open().await;
    for _ in 0..3 {
        desk.discover().await;
    }
    desk.app.rebuild(&[], |_, _| ()).await.unwrap();
    let rows = async |beyond: Option<&str>| {
        let filters = [("grid".to_owned(), "BZ".to_owned())].into();
        let page = PageRequest { beyond: beyond.map(str::to_owned), limit: 1 };
        desk.app.rows(&auditor(), view("cases"), &filters, page).await
    };
    let next = rows(None).await.unwrap().next.unwrap();
    let head = desk.app.ports().log.head().await.unwrap();
    assert!(next.starts_with(&format!("0:{head}@")), "{next}");
    assert!(rows(Some(&next)).await.is_ok());
    accept_loss(&desk, head.0 - 1).await;
    assert_eq!(refusal(rows(Some(&next)).await), (409, "ahead-of-the-log".to_owned()));
    let again = rows(None).await.unwrap().next.unwrap();
    assert!(again.starts_with("1:"), "{again}");
    assert!(rows(Some(&again)).await.is_ok());
}

#[tokio::test]
async fn a_reader_goes_back_as_far_as_it_has_to_and_no_further() {
    let desk = Desk::open().await;
    for _ in 0..3 {
        desk.discover().await;
    }
    let common = desk.app.ports().log.head().await.unwrap().0 - 1;
    accept_loss(&desk, common).await;
    let head = desk.app.ports().log.head().await.unwrap().0;
    let cases = [
        (Some(1), head, None),
        (Some(0), common, None),
        (None, head, None),
        (Some(0), common + 1, Some(common)),
        (Some(0), head + 5, Some(common)),
        // It may be of the epoch before.
        (None, head + 5, Some(common)),
        // It is of this epoch, of which nothing but the newest events can be gone.
        (Some(1), head + 5, Some(head)),
        (Some(2), head, Some(head)),
    ];
    for (epoch, at, wanted) in cases {
        let mark = Mark { epoch, position: Position(at) };
        let found = match desk.app.epoch(&auditor(), mark).await {
            Ok(epoch) => {
                assert_eq!(epoch, 1, "{mark}");
                None
            }
            Err(Error::Ahead { position, .. }) => Some(position.0),
            Err(other) => panic!("{mark}: {other}"),
        };
        assert_eq!(found, wanted, "{mark}");
    }
}
