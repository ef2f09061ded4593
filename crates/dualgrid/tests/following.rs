//! Open cases follow the grids that are closed, split, merged or moved: once that takes effect, once each, whoever sends them.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use app::{App, Error};
use chrono::TimeDelta;
use kernel::{Actor, Role, StreamId, Version};
use serde_json::{Value, json};
use support::{Desk, actor, discovery, duty, id, leader, member, now, request};
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

const HEIR: &str = "BZ-R01-B02";
const ELSEWHERE: &str = "JAS-R03-M01";

fn administrator() -> Actor {
    actor("operator", Role::SystemAdministrator, None)
}

fn leader_of(grid: &str) -> Actor {
    actor("leader", Role::GridLeader, Some(grid))
}

/// Views and processes that run until they are stopped.
struct Running {
    stop: watch::Sender<bool>,
    roles: JoinSet<()>,
}

impl Running {
    /// The views, and the processes in so many apps on the same files.
    async fn start(desk: &Desk, processors: usize) -> Self {
        let mut running = Self { stop: watch::Sender::new(false), roles: JoinSet::new() };
        running.roles.spawn(Arc::clone(&desk.app).project(running.stop.subscribe()));
        for _ in 0..processors {
            running.with(desk.another().await);
        }
        running
    }

    /// The processes in this app too.
    fn with(&mut self, app: Arc<App>) {
        self.roles.spawn(app.process(self.stop.subscribe()));
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while !holds().await {
            assert!(tokio::time::Instant::now() < deadline, "it never came: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.roles.join_all().await;
    }
}

async fn change(desk: &Desk, name: &str, body: Value) {
    desk.submit(&administrator(), None, name, id(), &body).await.unwrap();
}

async fn discover(app: &App, body: &Value) -> Uuid {
    app.submit(request(&member(), None, "discover-issue", id(), body)).await.unwrap().id
}

async fn grid_of(desk: &Desk, case: Uuid) -> String {
    desk.summary(case).await["grids"][0].as_str().unwrap().to_owned()
}

async fn events(desk: &Desk, case: Uuid, name: &str) -> Vec<Value> {
    let stream = StreamId::new("case", case);
    let recorded = desk.app.ports().log.stream(&stream, Version(0)).await.unwrap();
    let found = recorded.iter().filter(|event| event.kind == format!("cn.dualgrid.case.{name}.v1"));
    found.map(|event| serde_json::from_slice(&event.bytes).unwrap()).collect()
}

async fn is_followed(desk: &Desk) -> bool {
    let head = desk.app.ports().log.head().await.unwrap();
    // A view that is being built is not there yet.
    desk.app.grids_are_followed(head).await.unwrap_or(false)
}

/// Who must act in each case, by the board of a grid: the case, with the role and the grid that are named.
async fn board(desk: &Desk, grid: &str) -> BTreeMap<String, (String, String)> {
    let auditor = actor("auditor", Role::Auditor, None);
    let page = desk.rows(&auditor, "obligations", &[("grid", grid)]).await.unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |row: &serde_json::value::RawValue| {
        let row: Value = serde_json::from_str(row.get()).unwrap();
        (text(&row["case"]), (text(&row["next"]["by"]["role"]), text(&row["next"]["by"]["grid"])))
    };
    page.items.iter().map(|row| of(row)).collect()
}

fn refused(answer: Result<app::intake::Answer, Error>) -> String {
    answer.map_or_else(|error| error.problem().code, |_| "taken".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn open_cases_follow_a_grid_that_is_split_when_that_takes_effect_and_the_others_stay() {
    let desk = Desk::open().await;
    let at = |longitude: f64| {
        let mut body = discovery();
        body["location"] = json!({"text": "大悦城北座", "longitude": longitude, "latitude": 31.25});
        body
    };
    let (plain, inside, outside) =
        (desk.discover().await, discover(&desk.app, &at(121.47)).await, discover(&desk.app, &at(121.48)).await);
    let voided = desk.discover().await;
    desk.tell(&leader(), voided, "void-issue", json!({"reason": "误报"})).await.unwrap();
    let body = json!({
        "code": "BZ-R01-B01",
        "successor": HEIR,
        "parts": [{"area": {"west": 121.465, "south": 31.24, "east": 121.475, "north": 31.26}, "grid": ELSEWHERE}],
        "effective_from": now() + TimeDelta::days(1),
    });
    change(&desk, "close-grid", body).await;
    let running = Running::start(&desk, 2).await;
    running.until("the views are built", async || is_followed(&desk).await).await;
    assert_eq!(grid_of(&desk, plain).await, "BZ-R01-B01", "it has not taken effect");
    desk.clock.advance(TimeDelta::hours(25));
    running.until("they followed", async || grid_of(&desk, outside).await == HEIR && is_followed(&desk).await).await;
    let mut found = Vec::new();
    for case in [plain, inside, outside, voided] {
        found.push((grid_of(&desk, case).await, events(&desk, case, "case_moved").await.len()));
    }
    let expected = [(HEIR, 1), (ELSEWHERE, 1), (HEIR, 1), ("BZ-R01-B01", 0)];
    assert_eq!(found, expected.map(|(grid, times)| (grid.to_owned(), times)));
    // Both streets are told of the one that went to another.
    let (left, moved) = (events(&desk, inside, "case_left").await, events(&desk, inside, "case_moved").await);
    assert_eq!((&left[0]["audience"], &moved[0]["audience"]), (&json!("street.BZ"), &json!("street.JAS")));
    assert_eq!(moved[0]["actorid"], "system/grid_watch");
    assert_eq!(events(&desk, plain, "case_left").await.len(), 0, "it is the same street");
    // The board of the new grid shows them with its leader; that of the old one shows nothing.
    let leads = |grid: &str| ("grid_leader".to_owned(), grid.to_owned());
    let of_heir = board(&desk, HEIR).await;
    assert_eq!(of_heir, [plain, outside].map(|case| (case.to_string(), leads(HEIR))).into());
    assert_eq!(board(&desk, ELSEWHERE).await, [(inside.to_string(), leads(ELSEWHERE))].into());
    assert_eq!(board(&desk, "BZ-R01-B01").await, BTreeMap::new());
    // Whoever leads the new grid may act, and whoever led the old one may not.
    let register = || json!({"matter": "FW-0301", "handling": "promised"});
    let by = async |grid: &str, case| refused(desk.tell(&leader_of(grid), case, "register-issue", register()).await);
    assert_eq!(by("BZ-R01-B01", plain).await, "unknown-case", "as if there were none");
    assert_eq!(by(HEIR, plain).await, "taken");
    assert_eq!(by(ELSEWHERE, inside).await, "taken");
    assert_eq!(desk.summary(plain).await["next"]["by"]["grid"], HEIR);
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_too_late_or_comes_back_follows_too() {
    let desk = Desk::open().await;
    let another = desk.another().await;
    // A case that is closed before its grid is.
    let closed = desk.discover().await;
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader(), closed, "register-issue", register).await.unwrap();
    desk.tell(&leader(), closed, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    desk.tell(&duty(), closed, "refuse-filing", json!({"reason": "不属受理范围"})).await.unwrap();
    let answer = json!({"answer": "已说明", "contacted": true, "solved": true, "satisfied": true});
    desk.tell(&leader(), closed, "record-feedback", answer).await.unwrap();
    let close = json!({"outcome": "explained", "summary": "已说明"});
    desk.tell(&duty(), closed, "close-case", close).await.unwrap();
    // The other processes know the district as it is before, also the one that sends what follows.
    let sender = desk.another().await;
    for app in [&another, &sender] {
        discover(app, &discovery()).await;
    }
    change(&desk, "close-grid", json!({"code": "BZ-R01-B01", "successor": HEIR})).await;
    let mut running = Running::start(&desk, 0).await;
    running.with(sender);
    running.until("the first one followed", async || is_followed(&desk).await).await;
    let late = discover(&another, &discovery()).await;
    assert_eq!(grid_of(&desk, closed).await, "BZ-R01-B01", "what is over stays where it ended");
    desk.tell(&duty(), closed, "reopen-case", json!({"cause": "recurred", "reason": "又出现了"})).await.unwrap();
    running.until("both followed", async || is_followed(&desk).await).await;
    for case in [late, closed] {
        assert_eq!(grid_of(&desk, case).await, HEIR);
        assert_eq!(events(&desk, case, "case_moved").await.len(), 1);
    }
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_grid_that_moves_to_another_street_takes_its_open_cases_along() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    change(&desk, "reparent-grid", json!({"code": "BZ-R01-B01", "parent": "JAS-R03"})).await;
    let running = Running::start(&desk, 1).await;
    running.until("it followed", async || is_followed(&desk).await).await;
    let shown = desk.summary(case).await;
    assert_eq!(shown["grids"], json!(["BZ-R01-B01", "JAS-R03", "JAS"]));
    let duty_of = |street| actor("duty", Role::DutyOfficer, Some(street));
    let void = || json!({"reason": "误报"});
    assert_eq!(refused(desk.tell(&duty_of("BZ"), case, "void-issue", void()).await), "unknown-case");
    assert_eq!(refused(desk.tell(&duty_of("JAS"), case, "void-issue", void()).await), "taken");
    let voided = &events(&desk, case, "issue_voided").await[0];
    assert_eq!(voided["audience"], "street.JAS", "from then on its events are for the new street");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sweep_that_broke_off_goes_on_and_moves_each_case_once() {
    const CASES: usize = 60;
    let desk = Desk::open().await;
    let mut cases = Vec::new();
    for _ in 0..CASES {
        cases.push(desk.discover().await);
    }
    change(&desk, "close-grid", json!({"code": "BZ-R01-B01"})).await;
    let moved = async || {
        let mut moved = Vec::new();
        for case in &cases {
            moved.push(events(&desk, *case, "case_moved").await.len());
        }
        moved
    };
    let mut breaks = 0;
    loop {
        let running = Running::start(&desk, 2).await;
        let before = moved().await.iter().sum::<usize>();
        running
            .until("some more followed", async || {
                moved().await.iter().sum::<usize>() > before || is_followed(&desk).await
            })
            .await;
        let is_done = is_followed(&desk).await;
        running.end().await;
        if is_done {
            break;
        }
        breaks += 1;
    }
    assert!(breaks > 0, "it was over before it could break off");
    assert_eq!(moved().await, vec![1; CASES]);
    // Without a successor they fall to the grid above, where the secretary leads.
    let secretary = ("residential_secretary".to_owned(), "BZ-R01".to_owned());
    let board = board(&desk, "BZ-R01").await;
    assert_eq!((board.len(), board.values().all(|by| *by == secretary)), (CASES, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_of_a_department_that_closes_go_back_once_that_takes_effect() {
    let desk = Desk::open().await;
    let (case, order) = desk.dispatched().await;
    let mut body = support::sample_body("load-district", "district.toml");
    body["departments"].as_array_mut().unwrap().retain(|department| department["code"] != "WSJK");
    if let Some(posts) = body.get_mut("posts").and_then(Value::as_array_mut) {
        posts.retain(|post| post["department"] != "WSJK");
    }
    body["effective_from"] = json!(now() + TimeDelta::days(1));
    body["allow_closing"] = json!(50);
    change(&desk, "load-district", body).await;
    let running = Running::start(&desk, 2).await;
    running.until("the views are built", async || is_followed(&desk).await).await;
    let code = "WSJK".parse().unwrap();
    assert_eq!(desk.app.open_at(&code).await.unwrap(), 1, "whoever closes it is told");
    assert_eq!(desk.summary(case).await["stage"], "dispatched", "it has not taken effect");
    desk.clock.advance(TimeDelta::hours(25));
    running.until("it went back", async || desk.summary(case).await["stage"] == "filed").await;
    let next = desk.summary(case).await["next"].clone();
    assert_eq!((&next["step"], &next["by"]["role"]), (&json!("dispatch"), &json!("dispatcher")));
    let taken = events(&desk, case, "return_approved").await;
    assert_eq!((taken.len(), &taken[0]["data"]["order"]["order"]), (1, &order), "once, by two who could");
    assert_eq!(taken[0]["actorid"], "system/department_watch");
    running.until("nothing waits for it", async || desk.app.open_at(&code).await.is_ok_and(|open| open == 0)).await;
    let dispatch = json!({"lead": "WSJK", "instructions": "设集体办理点"});
    let answer = desk.tell(&support::dispatcher(), case, "dispatch-case", dispatch).await;
    assert_eq!(refused(answer), "unknown-department");
    running.end().await;
}
