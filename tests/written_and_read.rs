//! What was written can be read at once: one case is read from the log, also when the views lag.

use anyhow::{Context as _, ensure};
use dualgrid_tests::{World, discovery, wait_for_view};
use serde_json::{Value, json};
use testkit::client::command_id;
use testkit::system::Store;

/// How many cases are read right after they were written.
const READINGS: usize = 40;

#[tokio::test]
async fn a_case_can_be_read_right_after_its_discovery_on_sqlite() -> anyhow::Result<()> {
    read_at_once(Store::Sqlite).await
}

#[tokio::test]
async fn a_case_can_be_read_right_after_its_discovery_on_postgresql() -> anyhow::Result<()> {
    read_at_once(Store::Postgres).await
}

async fn read_at_once(store: Store) -> anyhow::Result<()> {
    let world = World::start(store).await?;
    // Another process has no part in the writing: it reads from the log too.
    let peer = world.system.peer(&["api"], Vec::new()).await?;
    let doors = [world.http(), peer.http()];
    for number in 0..READINGS {
        let (title, id) = (format!("写后即读 {number}"), command_id()?);
        let body = discovery("JAS-R01-M01", &title);
        let found = doors[0].command(&world.leader, "/cases/discover-issue", id, body).await?;
        ensure!(found.status == 201, "{} {}", found.status, found.text);
        let location = found.header("location").context("a 201 without a location")?;
        ensure!(location == format!("/cases/{}", found.body["id"].as_str().unwrap_or_default()), "{location}");
        let version = found.body["version"].as_u64().context("an answer without version")?;
        for door in &doors {
            let read = door.get(&world.leader, location).await?;
            ensure!(read.status == 200, "reading {number}: {} {}", read.status, read.text);
            ensure!(read.body["version"].as_u64() >= Some(version), "reading {number} is behind: {}", read.text);
            ensure!(read.body["title"] == title.as_str(), "another case: {}", read.text);
        }
    }
    drop(peer);
    Ok(())
}

#[tokio::test]
async fn a_list_says_how_far_it_has_followed_the_log() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let case = world.discover("JAS-R01-M01", "列表位置").await?;
    let list = "/cases?grid=JAS-R01-M01";
    wait_for_view(&world.http(), &world.auditor, list).await?;
    let page = world.http().get(&world.auditor, list).await?;
    ensure!(page.header("dualgrid-view-position").is_some(), "a list without its position: {}", page.text);
    let items = page.body["items"].as_array().context("no items")?;
    ensure!(items.iter().any(|row| row["case"] == case.to_string()), "the case is not in the list: {}", page.text);
    Ok(())
}

/// The answer names both streams, and both histories have the event that concerns them.
#[tokio::test]
async fn a_merger_is_one_command_on_two_streams() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let (first, second) =
        (world.discover("JAS-R01-M01", "并案一").await?, world.discover("JAS-R01-M01", "并案二").await?);
    let body = json!({ "into": first, "reason": "同一件事" });
    let answer = world.command(&world.leader, second, "merge-issue", body.clone()).await?.accepted()?;
    let streams = json!([
        { "stream": format!("case-{second}"), "version": 2 },
        { "stream": format!("case-{first}"), "version": 2 },
    ]);
    ensure!(answer["streams"] == streams, "{answer}");
    ensure!(answer["id"] == second.to_string() && answer["version"] == 2 && answer["events"] == 2, "{answer}");

    let mut positions = Vec::new();
    for (case, kind, member, other) in
        [(second, "issue_merged", "into", first), (first, "issue_taken_in", "from", second)]
    {
        let history = world.http().get(&world.auditor, &format!("/cases/{case}/history")).await?.accepted()?;
        let last = history["items"].as_array().and_then(|items| items.last()).context("an empty history")?;
        ensure!(last["event"]["type"] == format!("cn.dualgrid.case.{kind}.v1"), "{last}");
        ensure!(last["event"]["data"][member] == other.to_string(), "{last}");
        ensure!(last["event"]["commandid"] == answer["command"], "another command: {last}");
        positions.push(last["position"].as_u64());
    }
    let first_position = answer["first"].as_u64();
    ensure!(positions == [first_position, first_position.map(|first| first + 1)], "{positions:?}");

    is_refused(&world, second, "merge-issue", &json!({ "into": second, "reason": "x" }), "already-merged").await?;
    is_refused(&world, first, "merge-issue", &json!({ "into": second, "reason": "x" }), "cannot-merge-into").await?;
    let shown = world.case(second).await?;
    ensure!(shown["stage"] == "merged" && shown["merged_into"] == first.to_string(), "{shown}");
    Ok(())
}

async fn is_refused(world: &World, case: uuid::Uuid, verb: &str, body: &Value, code: &str) -> anyhow::Result<()> {
    let answer = world.command(&world.leader, case, verb, body.clone()).await?;
    ensure!(answer.status == 409 && answer.problem_code() == Some(code), "{} {}", answer.status, answer.text);
    Ok(())
}

/// The views may be as late as they like.
#[tokio::test]
async fn a_case_is_read_from_the_log_where_no_view_follows() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let mut system = world.system;
    system.stop().await?;
    let peer = system.peer(&["api"], Vec::new()).await?;
    let body = discovery("JAS-R01-M01", "无视图");
    let id = command_id()?;
    let found = peer.http().command(&world.leader, "/cases/discover-issue", id, body).await?;
    let location = found.header("location").context("a 201 without a location")?.to_owned();
    let read = peer.http().get(&world.leader, &location).await?;
    ensure!(read.status == 200 && read.body["title"] == "无视图", "{} {}", read.status, read.text);
    Ok(())
}
