//! The process is killed twenty times under load. No acknowledged command is lost, none is doubled, and everything
//! that is made from the log equals it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{
    Entry, Event, Journal, Load, Randomness, World, read_log, send_unknown_again, stream_equals_log, wait_for_views,
};
use serde_json::Value;
use testkit::client::eventually;
use testkit::system::Store;
use uuid::Uuid;

/// How often the process is killed.
const KILLS: usize = 20;

/// How many cases are compared before and after a view is built anew.
const SAMPLE: usize = 30;

const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn twenty_kills_lose_nothing_and_double_nothing_on_sqlite() -> anyhow::Result<()> {
    killed_twenty_times(Store::Sqlite).await
}

#[tokio::test]
async fn twenty_kills_lose_nothing_and_double_nothing_on_postgresql() -> anyhow::Result<()> {
    killed_twenty_times(Store::Postgres).await
}

async fn killed_twenty_times(store: Store) -> anyhow::Result<()> {
    let mut randomness = Randomness::start()?;
    let mut world = World::start(store).await?;
    let journal = Journal::default();
    let (mut recorded, mut lost) = (0, 0);
    for round in 1..=KILLS {
        let load = Load::start(&world.http(), &world.leader, &journal, &mut randomness, round);
        let enough = journal.acknowledged() + 5 + usize::try_from(randomness.below(30))?;
        let waited = eventually("the clients have got answers", PATIENCE, async || {
            Ok((journal.acknowledged() >= enough).then_some(()))
        });
        waited.await.with_context(|| format!("in round {round}"))?;
        world.system.kill()?;
        load.end().await?;
        world.system.restart().await?;
        let again = send_unknown_again(&world.http(), &world.leader, &journal).await?;
        (recorded, lost) = (recorded + again.0, lost + again.1);
    }
    let entries = journal.entries();
    println!("{} commands; unanswered at a kill: {recorded} recorded, {lost} not", entries.len());
    let log = read_log(&world.http(), &world.auditor).await?;
    once_each(&entries, &log)?;
    answers_are_the_same_again(&world, &entries).await?;
    stream_equals_log(&world.system, &world.auditor).await?;
    a_view_built_anew_is_the_same(&world, &entries).await
}

/// Every command of the journal stands in the log where its answer says, once, and no other does.
fn once_each(entries: &[Entry], log: &[Event]) -> anyhow::Result<()> {
    let mut recorded: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for event in log {
        let command = event.json()?["commandid"].as_str().context("an event without command")?.to_owned();
        recorded.entry(command).or_default().insert(event.position);
    }
    for entry in entries {
        let answer = entry.answer.as_ref().context("a command without an outcome")?;
        let first = answer["first"].as_u64().with_context(|| format!("nothing was recorded: {answer}"))?;
        let count = answer["events"].as_u64().context("an answer without a count")?;
        let found = recorded.remove(&entry.id.to_string()).unwrap_or_default();
        ensure!(found == (first..first + count).collect(), "command {}: {answer}, but {found:?}", entry.id);
    }
    let ours = log.iter().filter(|event| event.text.contains("\"actorid\":\"jas-leader\""));
    let told: usize =
        entries.iter().filter_map(|entry| entry.answer.as_ref()?["events"].as_u64()).sum::<u64>().try_into()?;
    ensure!(ours.count() == told, "the clients' events in the log are not those in their answers");
    Ok(())
}

/// `GET /commands/{id}` still knows what each command did.
async fn answers_are_the_same_again(world: &World, entries: &[Entry]) -> anyhow::Result<()> {
    for entry in entries.iter().rev().take(SAMPLE) {
        let again = world.http().get(&world.leader, &format!("/commands/{}", entry.id)).await?.accepted()?;
        let answer = entry.answer.as_ref().context("a command without an outcome")?;
        for field in ["command", "stream", "case", "version", "first", "events"] {
            ensure!(again[field] == answer[field], "{field} was {}, and is {}", answer[field], again[field]);
        }
    }
    Ok(())
}

async fn a_view_built_anew_is_the_same(world: &World, entries: &[Entry]) -> anyhow::Result<()> {
    let mut versions: BTreeMap<Uuid, u64> = BTreeMap::new();
    for answer in entries.iter().filter_map(|entry| entry.answer.as_ref()) {
        let case: Uuid = answer["case"].as_str().context("an answer without a case")?.parse()?;
        let version = answer["version"].as_u64().context("an answer without a version")?;
        let known = versions.entry(case).or_default();
        *known = version.max(*known);
    }
    let versions: Vec<_> = versions.into_iter().collect();
    wait_for_views(&world.http(), &world.auditor, &versions).await?;
    let step = (versions.len() / SAMPLE).max(1);
    let sample: Vec<Uuid> = versions.iter().step_by(step).map(|(case, _)| *case).collect();
    let before = summaries(world, &sample).await?;
    world.system.run_cli(&["rebuild", "case_summary"]).await?;
    ensure!(before == summaries(world, &sample).await?, "the view built anew shows something else");
    Ok(())
}

async fn summaries(world: &World, cases: &[Uuid]) -> anyhow::Result<Vec<Value>> {
    let mut summaries = Vec::with_capacity(cases.len());
    for case in cases {
        summaries.push(world.http().get(&world.auditor, &format!("/cases/{case}")).await?.accepted()?);
    }
    Ok(summaries)
}
