//! Open cases follow a grid that is merged into another, though the system is killed while they do. About twenty seconds.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use dualgrid_tests::tables::Tables;
use dualgrid_tests::{World, stream_equals_log};
use serde_json::json;
use testkit::client::{command_id, eventually};
use testkit::system::Store;

const CASES: usize = 300;
const GONE: &str = "JAS-R03-M01";
const HEIR: &str = "JAS-R03-M02";
const PATIENCE: Duration = Duration::from_secs(30);

/// How often each stream moved, as the tables of the log say.
async fn moved(tables: &Tables) -> anyhow::Result<BTreeMap<String, usize>> {
    let mut moved = BTreeMap::new();
    for event in tables.events().await? {
        if event.text.contains("cn.dualgrid.case.case_moved.v1") {
            *moved.entry(event.stream).or_default() += 1;
        }
    }
    Ok(moved)
}

#[tokio::test]
async fn three_hundred_open_cases_follow_though_the_system_is_killed() -> anyhow::Result<()> {
    let mut world = World::start(Store::Postgres).await?;
    let administrator = world.system.token("operator", "system_administrator", &[]).await?;
    let mut streams = BTreeMap::new();
    for number in 0..CASES {
        let case = world.discover(GONE, &format!("第{number}件")).await?;
        streams.insert(format!("case-{case}"), 1);
    }
    let close = json!({ "code": GONE, "successor": HEIR, "reason": "并入第二微网格" });
    world.http().command(&administrator, "/district/close-grid", command_id()?, close).await?.accepted()?;
    let tables = Tables::of(&world.system);
    eventually("the first ones follow", PATIENCE, async || Ok((!moved(&tables).await?.is_empty()).then_some(())))
        .await?;
    world.system.kill()?;
    let halfway = moved(&tables).await?.len();
    println!("killed when {halfway} of {CASES} had followed");
    // Whoever waits for it helps; then nothing is left for the system that starts again.
    let said = world.system.run_cli(&["district", "follow"]).await?;
    ensure!(said.contains("Every open case is where it belongs"), "{said}");
    ensure!(moved(&tables).await? == streams, "each case moved once");
    world.system.restart().await?;
    let boards = async |grid: &str| {
        let found =
            world.http().get(&world.auditor, &format!("/obligations?grid={grid}&limit=200")).await?.accepted()?;
        let by = |row: &serde_json::Value| row["next"]["by"]["grid"] == HEIR;
        let rows = found["items"].as_array().cloned().unwrap_or_default();
        anyhow::Ok((rows.len(), rows.iter().all(by)))
    };
    ensure!(boards(GONE).await? == (0, true), "the board of the grid that is gone is empty");
    ensure!(boards(HEIR).await? == (200, true), "the first page of the board of the other one is full");
    ensure!(world.system.run_cli(&["district", "follow"]).await?.contains("0 were looked at here"), "nothing is left");
    stream_equals_log(&world.system, &world.auditor).await?;
    ensure!(moved(&tables).await? == streams, "each case moved once, whoever was asked again");
    Ok(())
}
