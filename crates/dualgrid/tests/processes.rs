//! Processes on SQLite: what follows is sent once, whoever sends it, and a refusal is an answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

#[path = "support/desk.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

use std::sync::Arc;
use std::time::Duration;

use app::health::Health;
use app::lanes::Sources;
use app::projector::Reader;
use app::registry::{self, Running};
use app::view::fold_of;
use case::{AnswerMerged, CaseEvent};
use chrono::{DateTime, TimeDelta, Utc};
use kernel::{CaseId, Key, Read, Verb as _};
use process::{Alarms, FollowUp, Outbox, Process, Timed};
use serde_json::{Value, json};
use support::{Desk, actor, duty, leader};
use tokio::sync::watch;
use uuid::Uuid;

/// A case that was not filed, whose finder can be answered, and one that was merged into it.
async fn merged(desk: &Desk) -> (Uuid, Uuid) {
    let (goes_on, ends) = (desk.discover().await, desk.discover().await);
    let register = json!({"matter": "FW-0301", "handling": "promised"});
    desk.tell(&leader(), goes_on, "register-issue", register).await.unwrap();
    desk.tell(&leader(), ends, "merge-issue", json!({"into": goes_on, "reason": "同一件事"})).await.unwrap();
    desk.tell(&leader(), goes_on, "escalate-issue", json!({"reason": "网格内没有办理资质"})).await.unwrap();
    let (_, refuse) = registry::verb("refuse-filing").unwrap();
    desk.tell(&duty(), goes_on, "refuse-filing", (refuse.example)()).await.unwrap();
    (goes_on, ends)
}

async fn answer(desk: &Desk, case: Uuid, text: &str) {
    let body = json!({"answer": text, "contacted": true, "solved": true, "satisfied": true});
    desk.tell(&duty(), case, "record-feedback", body).await.unwrap();
}

/// The short names and the data of the events of a case.
async fn history(desk: &Desk, case: Uuid) -> Vec<(String, Value)> {
    let stream = kernel::StreamId::new("case", case);
    let recorded = desk.app.ports().log.stream(&stream, kernel::Version(0)).await.unwrap();
    let read = |event: &kernel::Recorded| {
        let envelope: Value = serde_json::from_slice(&event.bytes).unwrap();
        (event.kind.clone(), envelope)
    };
    recorded.iter().map(read).collect()
}

async fn answers(desk: &Desk, case: Uuid) -> Vec<Value> {
    let answered = "cn.dualgrid.case.merged_issue_answered.v1";
    history(desk, case).await.into_iter().filter(|(name, _)| name == answered).map(|(_, event)| event).collect()
}

/// Runs views and processes of these apps until something holds.
async fn until(desk: &Desk, runners: usize, holds: impl AsyncFn() -> bool) {
    let stop = watch::Sender::new(false);
    let mut running = tokio::task::JoinSet::new();
    running.spawn(Arc::clone(&desk.app).project(stop.subscribe()));
    for _ in 0..runners {
        running.spawn(desk.another().await.process(stop.subscribe()));
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "nothing came of it");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send_replace(true);
    running.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merged_case_is_answered_once_however_many_send_it() {
    let desk = Desk::open().await;
    until(&desk, 1, async || desk.app.committed().borrow().0 > 0 && is_activated(&desk).await).await;
    let (goes_on, ends) = merged(&desk).await;
    answer(&desk, goes_on, "不属受理范围，已说明").await;
    until(&desk, 3, async || !answers(&desk, ends).await.is_empty() && nothing_waits(&desk).await).await;
    let answers = answers(&desk, ends).await;
    assert_eq!(answers.len(), 1);
    let cause = history(&desk, goes_on).await.pop().unwrap().1;
    assert_eq!(answers[0]["causationid"], cause["id"], "the event that caused it");
    assert_eq!(answers[0]["correlationid"], cause["correlationid"]);
    assert_eq!((&answers[0]["actorid"], &answers[0]["actorrole"]), (&json!("system/merged_answer"), &json!("system")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_before_the_activation_is_not_acted_on() {
    let desk = Desk::open().await;
    let (goes_on, ends) = merged(&desk).await;
    answer(&desk, goes_on, "第一次答复").await;
    until(&desk, 1, async || is_activated(&desk).await).await;
    answer(&desk, goes_on, "第二次答复").await;
    until(&desk, 1, async || !answers(&desk, ends).await.is_empty()).await;
    let told: Vec<Value> =
        answers(&desk, ends).await.into_iter().map(|event| event["data"]["answer"].clone()).collect();
    assert_eq!(told, ["第二次答复"]);
}

async fn is_activated(desk: &Desk) -> bool {
    let recorded = desk.app.ports().log.after(kernel::Position(0), 1000).await.unwrap();
    recorded.iter().any(|event| event.kind == "cn.dualgrid.process.process_activated.v1")
}

async fn nothing_waits(desk: &Desk) -> bool {
    let auditor = actor("auditor", kernel::Role::Auditor, None);
    desk.rows(&auditor, "merged-answers", &[("waiting", "yes")]).await.is_ok_and(|page| page.items.is_empty())
}

/// Asks, an hour after a discovery, that the case be answered as if it were merged: which the case refuses.
struct Impatient;

impl Process for Impatient {
    const NAME: &'static str = "impatient";
    const PATH: &'static str = "impatient";
    const ACTION: &'static str = "read-impatient";
    const ABOUT: &'static str = "For this test";
    const FROM: &'static [&'static str] = &["case", "process"];
    const NONE: &'static [&'static str] = &[];
    type State = Option<DateTime<Utc>>;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        if let Some(CaseEvent::IssueDiscovered(_)) = event.of() {
            touch(event.id().into());
        }
    }
    fn react(_: &Key, state: &mut Option<Self::State>, event: &Read<'_>) -> Vec<FollowUp> {
        *state = Some(Some(event.time() + TimeDelta::hours(1)));
        Vec::new()
    }
    fn next(state: &Self::State) -> Option<DateTime<Utc>> {
        *state
    }
    fn wake(key: &Key, state: &mut Self::State, _: DateTime<Utc>) -> Vec<FollowUp> {
        *state = None;
        let command =
            AnswerMerged { by_case: CaseId::named("another"), answer: "提醒".into(), ..AnswerMerged::example() };
        key.id().map(|id| FollowUp::new(id, &command)).into_iter().collect()
    }
}

impl Timed for Impatient {
    const ALARMS: &'static str = "impatient_alarm";
    const ALARMS_PATH: &'static str = "impatient-alarms";
    const ALARMS_ACTION: &'static str = "read-impatient-alarms";
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_is_woken_in_time_and_a_refusal_is_an_answer() {
    let desk = Desk::open().await;
    let case = desk.discover().await;
    let ports = desk.app.ports();
    let sources = Sources { log: Arc::clone(&ports.log), views: Arc::clone(&ports.views), decode: registry::decode };
    let (stop, stopped) = watch::channel(false);
    let mut running = tokio::task::JoinSet::new();
    let folds = vec![fold_of::<Outbox<Impatient>>(), fold_of::<Alarms<Impatient>>()];
    let mut reader = Reader::new(sources, folds);
    let of_views = stopped.clone();
    running.spawn(async move { reader.follow(&Health::default(), of_views).await });
    running.spawn(Arc::clone(&desk.app).run_processes(vec![Running::timed::<Impatient>()], stopped));
    let of_process = async |name: &str| {
        let recorded = desk.app.ports().log.after(kernel::Position(0), 1000).await.unwrap();
        let name = format!("cn.dualgrid.process.{name}.v1");
        let found = recorded.into_iter().filter(|event| event.kind == name);
        found.map(|event| serde_json::from_slice::<Value>(&event.bytes).unwrap()["data"].clone()).collect::<Vec<_>>()
    };
    while of_process("process_activated").await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(of_process("process_woken").await.is_empty(), "the moment has not come");
    desk.clock.advance(TimeDelta::minutes(61));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while of_process("follow_up_answered").await.is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "it was not woken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.send_replace(true);
    running.join_all().await;
    assert_eq!(of_process("process_woken").await.len(), 1);
    let answered = of_process("follow_up_answered").await;
    assert_eq!((&answered[0]["key"], &answered[0]["refused"]["code"]), (&json!(case), &json!("wrong-stage")));
    assert_eq!(answered.len(), 1);
}
