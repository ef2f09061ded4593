//! A finder whose case was merged has the other case reopened, through the public interface and without reach of that case.

use anyhow::ensure;
use dualgrid_tests::{World, discovery, registration, stream_equals_log};
use serde_json::{Value, json};
use testkit::client::{command_id, eventually};
use testkit::system::Store;
use uuid::Uuid;

use std::time::Duration;

/// How long a follow-up may take.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn the_finder_of_a_merged_case_is_answered_and_has_the_case_reopened_that_continued() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let mut reported = discovery("JAS-R01-M01", "垃圾满溢");
    reported["reporter"] = json!({ "name": "王秀英", "phone": "13800001111" });
    let found =
        world.http().command(&world.leader, "/cases/discover-issue", command_id()?, reported).await?.accepted()?;
    let merged: Uuid = serde_json::from_value(found["id"].clone())?;
    let into = world.discover("JAS-R01-M02", "垃圾桶满溢").await?;
    let give = async |token: &str, case: Uuid, name: &str, body| -> anyhow::Result<()> {
        world.command(token, case, name, body).await?.accepted().map(drop)
    };
    // Two of neighbouring grids in like words: shown to whoever reaches both.
    let similar = async |token: &str| -> anyhow::Result<Value> {
        let shown = world.http().get(token, &format!("/cases/{merged}/similar")).await?.accepted()?;
        Ok(shown["items"].clone())
    };
    eventually("the other case may be the same", PATIENCE, async || {
        let shown = similar(&world.duty).await?;
        Ok((shown[0]["row"]["case"] == into.to_string() && shown[0]["percent"] == 76).then_some(()))
    })
    .await?;
    let own = world.system.token("jas-r01-m01-leader", "grid_leader", &["--grid", "JAS-R01-M01"]).await?;
    ensure!(similar(&own).await? == json!([]), "somebody is told of a case of another grid");
    give(&world.leader, into, "register-issue", registration("WM-0101")).await?;
    give(&world.leader, merged, "merge-issue", json!({ "into": into, "reason": "同一处垃圾桶" })).await?;
    give(&world.leader, into, "escalate-issue", json!({ "reason": "需部门处置" })).await?;
    give(&world.duty, into, "refuse-filing", json!({ "reason": "清运合同内，由物业处理" })).await?;
    let told = json!({ "answer": "由物业每日清运", "contacted": true, "solved": true, "satisfied": true });
    give(&world.leader, into, "record-feedback", told).await?;
    let close = json!({ "outcome": "explained", "resolution": [], "summary": "由物业处理" });
    give(&world.duty, into, "close-case", close).await?;

    // Whoever speaks with this finder reaches the merged case, and not the one that continued.
    let beyond = world.http().get(&own, &format!("/cases/{into}")).await?;
    ensure!(beyond.problem_code() == Some("unknown-case"), "{}", beyond.text);
    eventually("the finder must be heard", PATIENCE, async || {
        let shown = world.http().get(&own, &format!("/cases/{merged}")).await?.accepted()?;
        Ok((shown["next"]["step"] == "collect_feedback").then_some(()))
    })
    .await?;
    let reopen = json!({ "cause": "finder_dissatisfied", "reason": "垃圾桶仍然满溢" });
    let early = world.command(&own, merged, "reopen-case", reopen.clone()).await?;
    ensure!(early.problem_code() == Some("wrong-stage"), "nobody said that they are not satisfied: {}", early.text);
    let unhappy = json!({ "answer": "由物业每日清运", "contacted": true, "solved": false, "satisfied": false });
    give(&own, merged, "record-feedback", unhappy).await?;
    let (path, id) = (format!("/cases/{merged}/reopen-case"), command_id()?);
    let reopened = world.http().command(&own, &path, id, reopen.clone()).await?.accepted()?;
    ensure!(reopened["replayed"] == false, "{reopened}");

    let shown = world.case(into).await?;
    ensure!(shown["stage"] == "reopened" && shown["cycle"] == 2, "the case that continued: {shown}");
    let history = world.http().get(&world.auditor, &format!("/cases/{into}/history?limit=200")).await?.accepted()?;
    let last = history["items"].as_array().and_then(|items| items.last()).cloned().unwrap_or_default();
    ensure!(last["event"]["type"] == "cn.dualgrid.case.case_reopened.v1", "{last}");
    ensure!(last["event"]["data"]["from"] == merged.to_string(), "it says for whom: {last}");
    ensure!(world.case(merged).await?["stage"] == "merged", "the merged case stays merged");
    let again = world.http().command(&own, &path, id, reopen).await?.accepted()?;
    ensure!(again["replayed"] == true, "a repeat: {again}");
    stream_equals_log(&world.system, &world.auditor).await.map(drop)
}
