//! Cases that may be the same: near or in like words, before and after filing, whatever the matter, among thousands, and only to
//! whoever may read them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/counted.rs"]
mod counted;
#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Arc;

use app::{App, Ports, Settings};
use counted::Counted;
use kernel::{Actor, Role};
use serde_json::{Value, json};
use support::{Desk, actor, all_met, clerk, dispatcher, duty, id, leader, member, view};
use uuid::Uuid;

/// Open cases in one micro grid.
const CASES: usize = 2_000;
/// The statements with which similar ones are looked up, and the most rows that these read.
const STATEMENTS: usize = 2;
const ROWS_MAX: usize = 300 + 60;

fn told(grid: &str, title: &str, description: &str, place: Option<(f64, f64)>) -> Value {
    let mut body = json!({
        "source": "patrol", "title": title, "description": description, "grid": grid, "location": {"text": "某处"},
    });
    if let Some((longitude, latitude)) = place {
        (body["location"]["longitude"], body["location"]["latitude"]) = (json!(longitude), json!(latitude));
    }
    body
}

async fn discover(desk: &Desk, by: &Actor, body: &Value) -> Uuid {
    desk.submit(by, None, "discover-issue", id(), body).await.unwrap().id
}

/// What is shown to somebody as perhaps the same: case, metres, percent.
async fn similar(app: &App, by: &Actor, case: Uuid) -> Vec<(Uuid, Option<u64>, u64)> {
    let kind = app::registry::kind("case").unwrap();
    let shown = serde_json::to_value(app.similar(by, kind, case).await.unwrap()).unwrap();
    let one = |item: &Value| {
        let case = item["row"]["case"].as_str().unwrap().parse().unwrap();
        (case, item["metres"].as_u64(), item["percent"].as_u64().unwrap())
    };
    shown["items"].as_array().unwrap().iter().map(one).collect()
}

fn cases(found: &[(Uuid, Option<u64>, u64)]) -> Vec<Uuid> {
    found.iter().map(|(case, ..)| *case).collect()
}

#[tokio::test]
async fn who_opens_or_files_a_case_sees_which_may_be_the_same_and_why() {
    let desk = Desk::open().await;
    let place = (121.471_5, 31.243_7);
    let (title, words) = ("楼道堆物", "三楼楼道堆放旧家具，影响通行");
    let one = discover(&desk, &leader(), &told("BZ-R01-B01", title, words, Some(place))).await;
    let near = told("BZ-R01-B02", "路灯不亮", "门口的灯坏了", Some((121.471_5, 31.244_0)));
    let near = discover(&desk, &duty(), &near).await;
    let alike = discover(&desk, &duty(), &told("BZ-R01-M01", title, "三楼楼道里堆放了旧家具，影响通行", None)).await;
    let abroad = discover(&desk, &duty(), &told("BZ-R02-M01", title, words, None)).await;
    discover(&desk, &duty(), &told("BZ-R01-M02", "下水道堵塞", "一楼厨房返水", Some((121.475, 31.243_7)))).await;
    desk.app.settle().await.unwrap();

    let found = similar(&desk.app, &duty(), one).await;
    assert_eq!(cases(&found), [alike, near], "in the likest words first: {found:?}");
    assert_eq!((found[0].1, found[1].1, found[1].2), (None, Some(33), 0), "{found:?}");
    assert!(found[0].2 >= 60, "{found:?}");
    assert_eq!(cases(&similar(&desk.app, &duty(), near).await), [one], "and the other way round");
    assert_eq!(
        similar(&desk.app, &duty(), abroad).await,
        [],
        "the grid above is another one, and the place is unknown"
    );
    assert_eq!(
        similar(&desk.app, &leader(), one).await,
        [],
        "whoever may not read the neighbours is told nothing of them"
    );

    // Another matter, filed and dispatched: it is the same still.
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&duty(), alike, "register-issue", register).await.unwrap();
    let secretary = actor("secretary", Role::ResidentialSecretary, Some("BZ-R01"));
    desk.tell(&secretary, alike, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    desk.tell(&duty(), alike, "file-case", all_met()).await.unwrap();
    let dispatch = json!({"lead": "WSJK", "instructions": "办"});
    desk.tell(&dispatcher(), alike, "dispatch-case", dispatch).await.unwrap();
    desk.app.settle().await.unwrap();
    assert_eq!(cases(&similar(&desk.app, &secretary, one).await), [alike, near]);
    assert_eq!(cases(&similar(&desk.app, &duty(), alike).await), [one], "after filing too");
    let kind = app::registry::kind("case").unwrap();
    let refused = desk.app.similar(&clerk("WSJK"), kind, alike).await.unwrap_err();
    assert_eq!(refused.problem().code, "not-allowed", "a department works on what is sent to it");

    // What is over is no duplicate any more.
    let other = actor("bz-other-duty", Role::DutyOfficer, Some("BZ"));
    desk.tell(&other, near, "void-issue", json!({"reason": "误报"})).await.unwrap();
    desk.app.settle().await.unwrap();
    assert_eq!(cases(&similar(&desk.app, &duty(), one).await), [alike]);
}

#[tokio::test]
async fn registering_records_those_of_the_same_grid_and_no_others() {
    let desk = Desk::open().await;
    let body = |grid: &str| told(grid, "楼道堆物", "三楼楼道堆放旧家具，影响通行", None);
    let here = discover(&desk, &leader(), &body("BZ-R01-B01")).await;
    discover(&desk, &duty(), &body("BZ-R01-B02")).await;
    let other = discover(&desk, &leader(), &body("BZ-R01-B01")).await;
    desk.app.settle().await.unwrap();
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    assert_eq!(desk.tell(&duty(), other, "register-issue", register).await.unwrap().events, 2);
    let kind = app::registry::kind("case").unwrap();
    let page = app::query::PageRequest { beyond: None, limit: 9 };
    let history = desk.app.history(&member(), kind, other, page).await.unwrap();
    let last: Value = serde_json::from_str(history.items.last().unwrap().get()).unwrap();
    assert_eq!(last["event"]["type"], "cn.dualgrid.case.duplicate_suspected.v1");
    assert_eq!(last["event"]["data"]["cases"], json!([{"case": here, "percent": 100}]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_thousands_are_found_with_two_statements_and_few_rows() {
    let desk = Desk::open().await;
    let place = |n: usize| {
        let step = |n: usize| f64::from(u32::try_from(n).unwrap()) * 0.000_2;
        (121.470 + step(n % 50), 31.240 + step(n / 50))
    };
    // Words as different as those of different people, and all of one grid of 1 km².
    let words = |n: usize| -> String {
        let common = ["小区", "门口", "楼道", "垃圾", "车辆", "路灯", "下水", "绿化"][n % 8];
        let own = (0..24)
            .filter_map(|at| char::from_u32(0x4e00 + u32::try_from((n * 7919 + at * 104_729) % 15_000).unwrap()));
        format!("{common}{}", own.collect::<String>())
    };
    let body = |n: usize| told("BZ-R01-B01", &words(n)[..12], &words(n), Some(place(n)));
    let by = leader();
    let mut known = Vec::new();
    for from in (0..CASES).step_by(4) {
        let [a, b, c, d] = [0, 1, 2, 3].map(|n| body(from + n));
        let found = tokio::join!(
            discover(&desk, &by, &a),
            discover(&desk, &by, &b),
            discover(&desk, &by, &c),
            discover(&desk, &by, &d)
        );
        known.extend(<[Uuid; 4]>::from(found));
    }
    // The oldest again, in nearly the same words and without a place; and one at the place of the second, in other words.
    let again = discover(&desk, &by, &told("BZ-R01-B01", "旧", &format!("{}急", words(0)), None)).await;
    let there = discover(&desk, &by, &told("BZ-R01-B01", "新", "无人知晓之事", Some(place(1)))).await;
    desk.app.settle().await.unwrap();

    let views = Arc::new(Counted::new(Arc::clone(&desk.app.ports().views)));
    let ports = Ports { views: Arc::clone(&views) as _, ..desk.app.ports().clone() };
    let app = App::new(ports, Settings::new("test"));
    for (case, twin) in [(again, known[0]), (there, known[1])] {
        views.forget();
        let found = similar(&app, &duty(), case).await;
        assert!(cases(&found).contains(&twin), "{found:?}");
        assert!(found.len() <= 20);
        let (statements, rows) = views.counted();
        assert!(statements <= STATEMENTS && rows <= ROWS_MAX, "{statements} statements, {rows} rows");
        assert!(rows < CASES / 10, "no list of all that is open: {rows} rows");
    }
    // A command looks no further.
    views.forget();
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    let answer = app.submit(support::request(&by, Some(again), "register-issue", id(), &register)).await.unwrap();
    assert_eq!(answer.events, 2, "the duplicate was recorded");
    assert!(views.counted().0 <= STATEMENTS);
    assert_eq!(view("issues").name(), "issue");
}
