//! A log into an empty stream, beside what nats-server accepts from a client that costs nothing.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use app::port::EventLog;
use bus::publisher::{Publisher, PublisherOptions};
use kernel::{Recorded, SystemClock, SystemEntropy};
use testkit::nats::{NatsServer, STREAM};
use tokio::time::Instant;

use super::plain::{Batch, Plain, batches};
use super::{config_like_ours, connection, delete_stream, events, make_stream, nats_server};
use crate::context::Context;
use crate::measure::interleaved;
use crate::report::Report;

/// The stream of the plain client, and where its subjects begin: as long a text as ours.
const PLAIN_STREAM: &str = "PLAINEST";
const PLAIN_ROOT: &str = "pl.evt";
/// Messages of one batch of the plain client: the most that nats-server takes where its configuration says nothing.
const BATCH_MESSAGES: usize = 1000;
/// How long a drain may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measures.
pub(super) async fn run(context: &Context, url: &str, head: u64, report: &mut Report) -> anyhow::Result<()> {
    let nats = nats_server(Vec::new()).await?;
    let log = log::open(url, &log::Options::default()).await?.log;
    context.say(format!("publishing {head} events, and looking at every one"));
    ours(&nats, &log, head).await?;
    let events = events(&*log, head).await?;
    check(&nats, &events).await?;
    let batches = batches(&events, BATCH_MESSAGES, PLAIN_ROOT)?;
    drop(events);
    let config = config_like_ours(&nats, PLAIN_STREAM, PLAIN_ROOT).await?;
    let in_flight = PublisherOptions::default().batches_in_flight_max;
    context.say(format!("publishing {head} events, and beside it the plainest client"));
    let pairs = interleaved(
        context.pairs(),
        async || {
            delete_stream(&nats, STREAM).await?;
            ours(&nats, &log, head).await
        },
        async || {
            delete_stream(&nats, PLAIN_STREAM).await?;
            make_stream(&nats, &config).await?;
            plain(&nats, &batches, in_flight).await
        },
    )
    .await?;
    let what = format!("{head} events published into an empty stream");
    report.add(pairs.ours.figure("publish_events_per_s", what, "/s").at_least(60_000.0));
    report.add(pairs.theirs.figure(
        "publish_limit_events_per_s",
        "what nats-server takes from a client of bytes, batches of 1000",
        "/s",
    ));
    let what = "publisher over the plainest client, batches of 1000";
    report.add(pairs.ratios().figure("publish_vs_atomic_batch_limit", what, "×").at_least(0.7));
    Ok(())
}

/// The publisher on a log, from nothing to the head, in events per second.
async fn ours(nats: &NatsServer, log: &Arc<dyn EventLog>, head: u64) -> anyhow::Result<f64> {
    let connection = connection(nats).await?;
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let publisher = Publisher::new(connection, Arc::clone(log), clock, entropy, PublisherOptions::default());
    let mut status = publisher.status();
    let begin = Instant::now();
    let done = async {
        let through = tokio::time::timeout(PATIENCE, status.wait_for(|status| status.published.0 >= head)).await;
        through.context("the publisher takes too long")?.context("the publisher is gone")?;
        anyhow::Ok(begin.elapsed())
    };
    let took = tokio::select! {
        took = done => took?,
        () = publisher.run(std::future::pending()) => anyhow::bail!("the publisher ended"),
    };
    let client = nats.connect(testkit::nats::CORE).await?;
    let last = testkit::bus::last_sequence(&client).await?;
    ensure!(last == Some(head), "the stream ends at {last:?}, the log at {head}");
    Ok(per_second(head, took))
}

/// Batches that were made before, into an empty stream, in events per second.
async fn plain(nats: &NatsServer, batches: &[Batch], in_flight: usize) -> anyhow::Result<f64> {
    let mut client = Plain::connect(nats).await?;
    let begin = Instant::now();
    client.publish(batches, in_flight).await?;
    let took = begin.elapsed();
    Ok(per_second(batches.last().context("nothing to publish")?.last(), took))
}

/// The stream holds these events, byte for byte, at their positions.
async fn check(nats: &NatsServer, events: &[Recorded]) -> anyhow::Result<()> {
    let stored = testkit::bus::read_stream(nats, 1).await?;
    ensure!(stored.len() >= events.len(), "the stream has {} messages", stored.len());
    for (event, (sequence, subject, bytes)) in events.iter().zip(&stored) {
        let is_same = *sequence == event.position.0 && *bytes == event.bytes;
        ensure!(is_same && *subject == bus::subject::subject_of(event)?, "event {} differs", event.position);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a count of events")]
fn per_second(events: u64, took: Duration) -> f64 {
    events as f64 / took.as_secs_f64()
}
