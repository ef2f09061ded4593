//! What `/metrics` shows: every family with its help text, every counter from the start.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{World, exposition};
use testkit::client::eventually;
use testkit::system::Store;

const PATIENCE: Duration = Duration::from_secs(30);

/// What must be there before anything has happened.
const FROM_THE_START: [&str; 4] = [
    "dualgrid_http_commands_total",
    "dualgrid_publisher_events_total",
    "dualgrid_publisher_rebuilds_total",
    "dualgrid_role_stalled",
];

#[tokio::test]
async fn every_metric_is_explained_and_every_counter_begins_at_zero() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    eventually("every role shows whether it stalls", PATIENCE, async || {
        let text = world.http().get("", "/metrics").await?.text;
        let read = exposition::read(&text)?;
        let stalled = read.get("dualgrid_role_stalled").map_or(0, |metric| metric.samples.len());
        Ok((stalled >= 3).then_some(()))
    })
    .await?;
    let read = exposition::read(&world.http().get("", "/metrics").await?.text)?;
    for name in FROM_THE_START {
        ensure!(read.contains_key(name), "{name} is not there from the start");
    }
    let commands = &read["dualgrid_http_commands_total"].samples;
    for outcome in ["done", "unavailable", "outcome-unknown"] {
        let labels = format!("command=\"dispatch-case\",outcome=\"{outcome}\"}}");
        let sample = commands.iter().find(|(_, found, _)| *found == labels);
        let (_, _, value) = sample.with_context(|| format!("no counter for {labels}"))?;
        ensure!(*value == 0.0, "{labels} {value}");
    }
    world.dispatch("JAS-R01-M01", "WM-0101", "LHSR").await?;
    world.discover("JAS-R01-M01", "度量").await?;
    let read = exposition::read(&world.http().get("", "/metrics").await?.text)?;
    let done = "command=\"dispatch-case\",outcome=\"done\"}";
    let found = read["dualgrid_http_commands_total"].samples.iter().find(|(_, labels, _)| labels == done);
    ensure!(found.is_some_and(|(_, _, value)| *value >= 1.0), "a command was not counted");
    ensure!(read["dualgrid_http_request_duration_seconds"].kind == "histogram", "requests have no buckets");
    Ok(())
}
