//! Reading along: the stream of events resumes where it broke off, a case can be seen as it stood, pages show all.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{Event, World, read_log, registration, wait_for_view};
use futures::StreamExt as _;
use testkit::client::Client;
use testkit::system::Store;
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long the next event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many cases are found while somebody reads along.
const CASES: usize = 30;

/// After how many events a reader hangs up.
const READER_HANGS_UP_AFTER: usize = 11;

#[tokio::test]
async fn a_reader_that_hangs_up_again_and_again_gets_every_event_once_on_sqlite() -> anyhow::Result<()> {
    hangs_up_again_and_again(Store::Sqlite).await
}

#[tokio::test]
async fn a_reader_that_hangs_up_again_and_again_gets_every_event_once_on_postgresql() -> anyhow::Result<()> {
    hangs_up_again_and_again(Store::Postgres).await
}

async fn hangs_up_again_and_again(store: Store) -> anyhow::Result<()> {
    let world = World::start(store).await?;
    let (http, auditor) = (world.http(), world.auditor.clone());
    let start = dualgrid_tests::head(&http, &auditor).await?;
    let mut writing = JoinSet::new();
    writing.spawn(async move {
        for number in 0..CASES {
            let case = world.discover("JAS-R01-M01", &format!("边读边写 {number}")).await?;
            world.command(&world.leader, case, "register-issue", registration("WM-0201")).await?.accepted()?;
        }
        anyhow::Ok(world)
    });
    let mut read: Vec<Event> = Vec::new();
    while read.len() < 2 * CASES {
        let last = read.last().map_or(start, |last| last.position);
        read.extend(read_along(&http, &auditor, last, READER_HANGS_UP_AFTER.min(2 * CASES - read.len())).await?);
    }
    let world = writing.join_next().await.context("nobody wrote")???;
    let log = read_log(&world.http(), &world.auditor).await?;
    let from = usize::try_from(start)?;
    ensure!(log[from..from + read.len()] == read[..], "the stream is not the log");
    Ok(())
}

/// Reads so many events of the stream after a position, and hangs up.
async fn read_along(http: &Client, token: &str, after: u64, count: usize) -> anyhow::Result<Vec<Event>> {
    let request = http.raw().get(http.url("/events"));
    let request = request.header("Accept", "text/event-stream").header("Last-Event-ID", after.to_string());
    let answer = request.bearer_auth(testkit::client::token_of(token)).send().await?.error_for_status()?;
    let mut chunks = answer.bytes_stream();
    let (mut buffer, mut events) = (Vec::new(), Vec::new());
    while events.len() < count {
        let chunk = tokio::time::timeout(PATIENCE, chunks.next()).await.context("the stream is silent")?;
        buffer.extend_from_slice(&chunk.context("the stream ended")??);
        while let Some(end) = buffer.windows(2).position(|window| window == b"\n\n") {
            let block: Vec<u8> = buffer.drain(..end + 2).collect();
            events.extend(event_in(std::str::from_utf8(&block)?)?);
        }
    }
    events.truncate(count);
    Ok(events)
}

/// The event of one block of server-sent events; none in a comment that keeps the connection alive.
fn event_in(block: &str) -> anyhow::Result<Option<Event>> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let (Some(id), Some(data)) = (field("id"), field("data")) else { return Ok(None) };
    let kind = field("event").context("an event without a type")?;
    ensure!(data.contains(kind), "the type of the event is not that of its CloudEvent");
    let (epoch, position) = id.split_once(':').context("an id is EPOCH:POSITION")?;
    ensure!(epoch == "0", "nothing was lost");
    Ok(Some(Event { position: position.parse().context("a position is a number")?, text: data.to_owned() }))
}

#[tokio::test]
async fn a_case_is_shown_as_it_stood_and_only_sent_when_it_changed() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let case = world.discover("JAS-R01-M01", "时光机").await?;
    world.command(&world.leader, case, "register-issue", registration("PA-0102")).await?.accepted()?;
    world.command(&world.leader, case, "escalate-issue", serde_json::json!({ "reason": "吹哨" })).await?.accepted()?;
    let http = world.http();
    let history = http.get(&world.auditor, &format!("/cases/{case}/history")).await?.accepted()?;
    for (item, stage) in
        history["items"].as_array().context("no items")?.iter().zip(["discovered", "registered", "escalated"])
    {
        let at = item["event"]["time"].as_str().context("an event without a time")?;
        let then = http.get(&world.auditor, &format!("/cases/{case}?at={at}")).await?.accepted()?;
        ensure!(then["stage"] == stage, "at {at} it was {}, and should be {stage}", then["stage"]);
    }
    let before = http.get(&world.auditor, &format!("/cases/{case}?at=2018-01-01T00:00:00Z")).await?;
    ensure!(before.status == 404, "it was there before it was found");

    let whole = http.get(&world.auditor, &format!("/cases/{case}")).await?;
    let tag = whole.header("etag").context("no ETag")?.to_owned();
    let again = async || {
        let request = http.raw().get(http.url(&format!("/cases/{case}"))).header("If-None-Match", &tag);
        http.send(&world.auditor, request).await
    };
    let unchanged = again().await?;
    ensure!(unchanged.status == 304 && unchanged.text.is_empty(), "{} {}", unchanged.status, unchanged.text);
    world.command(&world.duty, case, "refuse-filing", serde_json::json!({ "reason": "重复" })).await?.accepted()?;
    let changed = again().await?;
    ensure!(changed.status == 200 && changed.body["stage"] == "not_filed", "{} {}", changed.status, changed.text);
    Ok(())
}

#[tokio::test]
async fn the_pages_of_a_board_show_every_case_once() -> anyhow::Result<()> {
    let world = World::start(Store::Sqlite).await?;
    let mut cases = BTreeSet::new();
    for number in 0..23 {
        cases.insert(world.discover(["JAS-R03-M01", "JAS-R03-M02"][number % 2], &format!("看板 {number}")).await?);
    }
    wait_for_view(&world.http(), &world.auditor, "/cases?grid=JAS-R03&limit=1").await?;
    let mut shown = Vec::new();
    let mut beyond = String::new();
    loop {
        let path = format!("/cases?grid=JAS-R03&limit=5{beyond}");
        let page = world.http().get(&world.auditor, &path).await?.accepted()?;
        for item in page["items"].as_array().context("no items")? {
            shown.push(item["case"].as_str().context("no case")?.parse::<Uuid>()?);
        }
        let Some(next) = page["next"].as_str().map(str::to_owned) else { break };
        beyond = format!("&beyond={next}");
    }
    ensure!(shown.len() == cases.len(), "{} cases are shown, and there are {}", shown.len(), cases.len());
    ensure!(shown.into_iter().collect::<BTreeSet<_>>() == cases, "other cases are shown");
    Ok(())
}
