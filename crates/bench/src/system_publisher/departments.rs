//! Forty departments that read and acknowledge a filled stream at once, each from the consumer that dualgrid made.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use async_nats::jetstream::consumer::PullConsumer;
use bus::departments::Departments;
use bytes::Bytes;
use kernel::{DepartmentCode, EventId, Position, Recorded, StreamId, Version};
use testkit::nats::{NatsServer, STREAM};
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::deliver::{Fixed, consumer};
use super::plain::{Plain, batches};
use super::reader::Reader;
use super::{connection, nats_server};
use crate::appends::Sample;
use crate::context::Context;
use crate::measure::Series;
use crate::report::Report;

/// How many departments there are.
const DEPARTMENTS: usize = 40;
/// How long a department may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures.
pub(super) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    let share = context.size(2_500, 10_000);
    let codes: Vec<String> = (1..=DEPARTMENTS).map(|number| format!("D{number:02}")).collect();
    context.say(format!("{DEPARTMENTS} departments, {share} events each"));
    let mut per_s = Series::default();
    for _ in 0..context.size(2, 3) {
        let nats = nats_server(codes.clone()).await?;
        fill(&nats, &codes, share).await?;
        per_s.0.push(once(&nats, &codes, share).await?);
    }
    let what = "40 departments reading and acknowledging at once, together";
    report.add(per_s.figure("departments_40_events_per_s", what, "/s").at_least(60_000.0));
    Ok(())
}

/// A stream as the publisher makes it, with events of every department in turn.
async fn fill(nats: &NatsServer, codes: &[String], share: usize) -> anyhow::Result<()> {
    let empty = Arc::new(log::MemoryLog::default());
    let connection = connection(nats).await?;
    let (clock, entropy) = (Arc::new(kernel::SystemClock), Arc::new(kernel::SystemEntropy));
    let publisher =
        bus::publisher::Publisher::new(connection, empty, clock, entropy, bus::publisher::PublisherOptions::default());
    let mut status = publisher.status();
    tokio::select! {
        made = status.wait_for(|status| status.state == bus::publisher::PublisherState::Publishing) => drop(made?),
        () = publisher.run(std::future::pending()) => anyhow::bail!("the publisher ended"),
    }
    let samples = codes.iter().map(|code| Sample::order_accepted(code)).collect::<anyhow::Result<Vec<_>>>()?;
    let bytes: Vec<(Bytes, &'static str)> = samples.iter().map(one_event).collect::<anyhow::Result<_>>()?;
    let stream = StreamId::new("case", uuid::Uuid::nil());
    let events: Vec<Recorded> = (0..share * codes.len())
        .map(|number| {
            let (bytes, kind) = bytes[number % codes.len()].clone();
            Recorded {
                position: Position(number as u64 + 1),
                stream: stream.clone(),
                version: Version(1),
                id: EventId::named("sample"),
                kind: kind.into(),
                time: kernel::Clock::now(&kernel::SystemClock),
                bytes,
            }
        })
        .collect();
    Plain::connect(nats).await?.publish(&batches(&events, 1000, "dg.evt")?, 4).await
}

fn one_event(sample: &Sample) -> anyhow::Result<(Bytes, &'static str)> {
    let part = sample.append()?.parts.pop().context("a sample without a part")?;
    let event = part.events.into_iter().next().context("a sample without an event")?;
    Ok((event.bytes, event.kind))
}

/// All departments begin together; measured until the last of them has everything.
#[expect(clippy::cast_precision_loss, reason = "a count of events")]
async fn once(nats: &NatsServer, codes: &[String], share: usize) -> anyhow::Result<f64> {
    let named = codes.iter().map(DepartmentCode::try_new).collect::<Result<Vec<_>, _>>()?;
    // Only keeps how far they have come.
    let log = Arc::new(log::MemoryLog::default());
    Departments::new(connection(nats).await?, Arc::new(Fixed(named)), log, "", PATIENCE).keep().await?;
    let barrier = Arc::new(Barrier::new(codes.len() + 1));
    let mut running = JoinSet::new();
    for (number, code) in codes.iter().enumerate() {
        consumer(nats, code).await?;
        let (mut reader, barrier) = (Reader::connect(nats, code).await?, Arc::clone(&barrier));
        let (code, departments) = (code.clone(), codes.len());
        running.spawn(async move {
            barrier.wait().await;
            // Every event of this department must come once, in order: it has every so-manieth place of the stream.
            let reading = reader.read(share, |place| (place * departments + number + 1) as u64);
            let read = tokio::time::timeout(PATIENCE, reading).await.context("no more messages")?;
            read.with_context(|| format!("department {code}"))
        });
    }
    barrier.wait().await;
    let begin = Instant::now();
    while let Some(ended) = running.join_next().await {
        ended.context("a department panicked")??;
    }
    let took = begin.elapsed();
    for code in codes {
        let name = testkit::nats::department_user(code);
        testkit::client::eventually("every acknowledgement has arrived", PATIENCE, async || {
            let jetstream = async_nats::jetstream::new(nats.connect(testkit::nats::CORE).await?);
            let mut consumer: PullConsumer = jetstream.get_consumer_from_stream(&name, STREAM).await?;
            let info = consumer.info().await?;
            Ok((info.num_ack_pending == 0 && info.num_pending == 0).then_some(()))
        })
        .await?;
    }
    Ok((share * codes.len()) as f64 / took.as_secs_f64())
}
