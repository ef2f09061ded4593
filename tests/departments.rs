//! A department sees and answers its own orders, and no others: NATS and the authorisation each say so.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{World, stream_equals_log};
use serde_json::json;
use testkit::bus::{self, Department};
use testkit::client::{command_id, eventually};
use testkit::nats::STREAM;
use testkit::system::Store;
use uuid::Uuid;

/// How long an answer may take that must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long one waits for an answer that must not come.
const SILENCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_department_can_neither_read_nor_speak_for_another() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let case = world.dispatch("JAS-R01-M01", "WM-0101", "LHSR").await?;
    let order = world.order(case, "LHSR").await?;
    let stranger = Department::connect(world.system.nats(), "CGZF").await?;
    no_consumer_of_another(&stranger).await?;
    no_subject_of_another(&stranger, case, &order).await?;

    // In its own name it may ask, and is not told that there is such a case: it has no order in it.
    let reply = stranger.command("accept-order", case, command_id()?, &json!({ "order": order })).await?;
    ensure!(reply.error().is_some_and(|(code, _)| code == "404"), "{reply:?}");
    ensure!(reply.body["code"] == "unknown-case", "{}", reply.body);

    let own = Department::connect(world.system.nats(), "LHSR").await?;
    let event = own.event("order_dispatched", case, PATIENCE).await?;
    ensure!(event["data"]["order"]["order"] == order, "another order: {event}");
    let reply = own.command("accept-order", case, command_id()?, &json!({ "order": order })).await?.accepted()?;
    ensure!(reply["id"] == case.to_string(), "{reply}");
    Ok(())
}

/// Neither its messages nor what it is.
async fn no_consumer_of_another(stranger: &Department) -> anyhow::Result<()> {
    let client = stranger.client();
    let subjects = [
        format!("$JS.API.CONSUMER.INFO.{STREAM}.dept-LHSR"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{STREAM}.dept-LHSR"),
        format!("$JS.API.CONSUMER.CREATE.{STREAM}"),
        format!("$JS.API.STREAM.MSG.GET.{STREAM}"),
        format!("$JS.API.STREAM.DELETE.{STREAM}"),
    ];
    let ask =
        async |subject: &String| tokio::time::timeout(SILENCE, client.request(subject.clone(), "{}".into())).await;
    let answers = futures::future::join_all(subjects.iter().map(ask)).await;
    for (subject, asked) in subjects.iter().zip(answers) {
        ensure!(!matches!(asked, Ok(Ok(_))), "{subject} was answered");
    }
    // A subscription that is not permitted stays empty.
    let mut listening = client.subscribe("dg.evt.>").await?;
    let heard = tokio::time::timeout(SILENCE, futures::StreamExt::next(&mut listening)).await;
    ensure!(!matches!(heard, Ok(Some(_))), "a department hears everything");
    Ok(())
}

async fn no_subject_of_another(stranger: &Department, case: Uuid, order: &str) -> anyhow::Result<()> {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert(bus::COMMAND_ID_HEADER, command_id()?.to_string());
    headers.insert(bus::CASE_ID_HEADER, case.to_string());
    let body = json!({ "order": order }).to_string();
    let forged = stranger.client().request_with_headers("dg.cmd.LHSR.accept-order", headers, body.into());
    let answered = tokio::time::timeout(SILENCE, forged).await;
    ensure!(!matches!(answered, Ok(Ok(_))), "a command in another's name was answered");
    Ok(())
}

#[tokio::test]
async fn of_two_departments_in_one_case_neither_answers_the_others_order() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let case = world.discover("JAS-R01-M01", "两个部门").await?;
    let orders = json!({ "lead": "LHSR", "assist": ["CGZF"], "instructions": "请处置" });
    let steps = [
        (&world.leader, "register-issue", dualgrid_tests::registration("WM-0101")),
        (&world.leader, "escalate-issue", json!({ "reason": "需部门处置" })),
        (&world.duty, "file-case", dualgrid_tests::criteria()),
        (&world.dispatcher, "dispatch-case", orders),
    ];
    for (token, name, body) in steps {
        world.command(token, case, name, body).await?.accepted()?;
    }
    let of_the_lead = world.order(case, "LHSR").await?;
    let assistant = Department::connect(world.system.nats(), "CGZF").await?;
    let reply = assistant.command("accept-order", case, command_id()?, &json!({ "order": of_the_lead })).await?;
    ensure!(reply.error().is_some(), "{reply:?}");
    ensure!(reply.body["code"] == "another-department", "{}", reply.body);
    Ok(())
}

#[tokio::test]
async fn the_sample_department_answers_its_orders() -> anyhow::Result<()> {
    let mut world = World::start(Store::Sqlite).await?;
    world.system.department("LHSR")?;
    let case = world.dispatch("JAS-R01-M01", "WM-0101", "LHSR").await?;
    let summary = eventually("the sample department has disposed", PATIENCE, async || {
        let summary = world.http().get(&world.auditor, &format!("/cases/{case}")).await?.body;
        Ok((summary["stage"] == "disposed").then_some(summary))
    })
    .await?;
    ensure!(summary["next"]["step"] == "verify", "the next step is {}", summary["next"]);
    let history = world.http().get(&world.auditor, &format!("/cases/{case}/history")).await?.accepted()?;
    let history = history["items"].as_array().context("no items")?;
    let has = |name: &str| history.iter().any(|item| item["event"]["type"] == format!("cn.dualgrid.case.{name}.v1"));
    for name in ["order_dispatched", "order_accepted", "order_progress_recorded", "part_disposed", "case_disposed"] {
        ensure!(has(name), "there is no {name}");
    }
    stream_equals_log(&world.system, &world.auditor).await.map(drop)
}
