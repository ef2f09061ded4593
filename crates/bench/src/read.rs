//! Reading the whole log in order: what sqlx streams of the same rows, and beside it bytes turned into typed events.

mod boxed;

use std::path::Path;
use std::sync::Arc;

use anyhow::ensure;
use app::port::EventLog;
use app::read_ahead::ReadAhead;
use app::registry;
use futures::TryStreamExt as _;
use kernel::Position;
use log::Options;
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use testkit::scratch::Scratch;
use tokio::time::Instant;

use crate::context::Context;
use crate::generate;
use crate::measure::interleaved;
use crate::report::Report;

/// The columns that the log reads.
const RAW: &str = "select
    position,
    version,
    id,
    type,
    time,
    bytes,
    stream
from events
order by position";

/// Measures both backends.
pub(crate) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    let postgres = context.database().await?;
    measure(context, report, &postgres, "pg").await?;
    let folder = Scratch::create("bench")?;
    measure(context, report, &sqlite_url(folder.path()), "sqlite").await
}

fn sqlite_url(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("log.db").display())
}

async fn measure(context: &Context, report: &mut Report, url: &str, backend: &str) -> anyhow::Result<()> {
    context.say(format!("filling a log ({backend})"));
    let filled = generate::cases(url, context.size(20_000, 60_000), 13).await?;
    if backend == "pg" {
        context.settle(&[url]).await?;
    }
    let log = log::open(url, &Options::default()).await?.log;
    context.say(format!("reading {} events ({backend})", filled.events));
    // Once each, so that every pair finds the same pages in memory.
    raw(url, filled.events).await?;
    typed(&log, filled.events).await?;
    let typed = async || typed(&log, filled.events).await;
    let pairs = interleaved(context.pairs(), typed, async || raw(url, filled.events).await).await?;
    let ratio = pairs.ratios().figure(
        format!("read_typed_vs_raw_{backend}"),
        "whole log in order: typed events over what sqlx streams raw",
        "×",
    );
    report.add(if backend == "pg" { ratio.at_least(0.70) } else { ratio });
    let typed = pairs.ours.figure(format!("read_typed_{backend}_events_per_s"), "typed events, in order", "/s");
    report.add(typed);
    report.add(pairs.theirs.figure(format!("read_raw_{backend}_events_per_s"), "rows that sqlx streams", "/s"));
    if backend == "sqlite" {
        context.say("events in boxes, and beside them events of an enum");
        boxed::run(context, &*log, report).await?;
    }
    Ok(())
}

/// Rows a second that sqlx streams on one connection; nothing in them is looked at.
async fn raw(url: &str, events: u64) -> anyhow::Result<f64> {
    let begun;
    let mut rows = 0;
    if url.starts_with("sqlite:") {
        let mut connection = SqliteConnection::connect(url).await?;
        begun = Instant::now();
        let mut stream = sqlx::query(RAW).fetch(&mut connection);
        while stream.try_next().await?.is_some() {
            rows += 1;
        }
    } else {
        let mut connection = PgConnection::connect(url).await?;
        begun = Instant::now();
        let mut stream = sqlx::query(RAW).fetch(&mut connection);
        while stream.try_next().await?.is_some() {
            rows += 1;
        }
    }
    per_s(rows, events, begun)
}

/// Events a second that a reader of the product gets, each read into its type: as a rebuild of the views reads.
async fn typed(log: &Arc<dyn EventLog>, events: u64) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut read = 0;
    let categories: Vec<&'static str> = registry::kinds().iter().map(|kind| kind.category()).collect();
    let mut pages = ReadAhead::after(Arc::clone(log), registry::decode, &categories, Position::START);
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            break;
        }
        let part = page.of(&categories, Position::START);
        ensure!(part.unreadable.is_none(), "an event cannot be read");
        read += std::hint::black_box(part.events).len() as u64;
    }
    per_s(read, events, begun)
}

#[expect(clippy::cast_precision_loss, reason = "far fewer than 2^52")]
fn per_s(read: u64, events: u64, begun: Instant) -> anyhow::Result<f64> {
    let taken = begun.elapsed().as_secs_f64();
    ensure!(read == events, "{read} events were read, and there are {events}");
    Ok(events as f64 / taken)
}
