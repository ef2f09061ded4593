//! From a commit to the department that it is about: the publisher and the consumers run, events come at an even pace.
//!
//! Once with the publisher in the process that appends, as in an installation of one process, and once with one beside
//! it, which the log of the other process wakes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_nats::jetstream;
use async_nats::jetstream::consumer::PullConsumer;
use async_trait::async_trait;
use bus::departments::{Departments, Directory};
use bus::publisher::{Publisher, PublisherOptions};
use futures::StreamExt as _;
use kernel::{DepartmentCode, SystemClock, SystemEntropy};
use testkit::nats::{NatsServer, STREAM, department_user};
use testkit::system::{Store, System, SystemSetup};
use tokio::time::Instant;

use super::{connection, nats_server};
use crate::appends::{Committed, Sample, paced};
use crate::context::Context;
use crate::measure::Latencies;
use crate::report::{Figure, Report};

/// How many events a second.
const EVENTS_PER_S: u32 = 500;
/// Whose events they are.
const DEPARTMENT: &str = "XFJY";
/// How long a consumer may take to be there, and an event to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Measures.
pub(super) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    context.say("commit to department, one process");
    let one = Box::pin(in_one_process(context)).await?;
    let figure = |times: &Latencies, key, what, share| Figure::new(key, what, times.percentile_ms(share), "ms");
    let what = "commit to department at 500 events/s: half within";
    report.add(figure(&one, "deliver_p50_ms", what, 0.5).at_most(5.0));
    let what = "commit to department at 500 events/s: 99 % within";
    report.add(figure(&one, "deliver_p99_ms", what, 0.99).at_most(25.0));
    context.say("commit to department, the publisher in another process");
    let two = in_two_processes(context).await?;
    let what = "the same with the publisher in another process: half within";
    report.add(figure(&two, "deliver_across_p50_ms", what, 0.5));
    let what = "the same with the publisher in another process: 99 % within";
    report.add(figure(&two, "deliver_across_p99_ms", what, 0.99).at_most(40.0));
    Ok(())
}

/// Departments that are what they are.
pub(super) struct Fixed(pub(super) Vec<DepartmentCode>);

#[async_trait]
impl Directory for Fixed {
    async fn departments(&self) -> Result<Vec<DepartmentCode>, app::Error> {
        Ok(self.0.clone())
    }
}

async fn in_one_process(context: &Context) -> anyhow::Result<Latencies> {
    let nats = nats_server(vec![DEPARTMENT.to_owned()]).await?;
    let log = log::open(&context.database().await?, &log::Options::default()).await?.log;
    let connection = connection(&nats).await?;
    let directory = Arc::new(Fixed(vec![DepartmentCode::try_new(DEPARTMENT)?]));
    let look_every = Duration::from_millis(100);
    let departments = Departments::new(connection.clone(), directory, Arc::clone(&log), "", look_every);
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let publisher = Publisher::new(connection, Arc::clone(&log), clock, entropy, PublisherOptions::default());
    tokio::select! {
        measured = measure(context, &nats, &log) => measured,
        () = publisher.run(std::future::pending()) => anyhow::bail!("the publisher ended"),
        () = departments.run(std::future::pending()) => anyhow::bail!("the keeper of consumers ended"),
    }
}

async fn in_two_processes(context: &Context) -> anyhow::Result<Latencies> {
    let roles = vec!["publisher".to_owned()];
    let system = System::start(SystemSetup { roles, ..SystemSetup::sample(Store::Postgres)? }).await?;
    let log = log::open(system.store_url(), &log::Options::default()).await?.log;
    measure(context, system.nats(), &log).await
}

/// Appends at an even pace while the department listens. Every event must come once and in order.
async fn measure(
    context: &Context,
    nats: &NatsServer,
    log: &Arc<dyn app::port::EventLog>,
) -> anyhow::Result<Latencies> {
    let (_connection, consumer) = consumer(nats, DEPARTMENT).await?;
    let sample = Sample::order_accepted(DEPARTMENT)?;
    let duration = context.size(Duration::from_secs(5), Duration::from_secs(10));
    let (said, count) = tokio::sync::watch::channel(None);
    let load = async {
        let committed = paced(log, &sample, EVENTS_PER_S, duration).await?;
        said.send_replace(Some(committed.len()));
        anyhow::Ok(committed)
    };
    let (committed, received) = tokio::try_join!(load, receive(&consumer, count))?;
    ensure!(committed.len() == received.len(), "{} commits, {} deliveries", committed.len(), received.len());
    let mut times = Vec::with_capacity(committed.len());
    for (commit, delivery) in committed.iter().zip(&received) {
        let (sent, came) = (commit.position, delivery.position);
        ensure!(sent == came, "the event at {came} came where that at {sent} should");
        times.push(delivery.at.saturating_duration_since(commit.at));
    }
    Ok(Latencies::of(times))
}

/// The connection of a department and its consumer, once dualgrid has made that.
pub(super) async fn consumer(nats: &NatsServer, code: &str) -> anyhow::Result<(async_nats::Client, PullConsumer)> {
    let name = department_user(code);
    let client = nats.connect(&name).await?;
    let consumer = testkit::client::eventually("the department has its consumer", PATIENCE, async || {
        let found = jetstream::with_domain(client.clone(), "core").get_consumer_from_stream(&name, STREAM).await;
        Ok(found.ok())
    });
    let consumer = consumer.await?;
    Ok((client, consumer))
}

/// Receives and acknowledges until as many have come as there were commits.
async fn receive(
    consumer: &PullConsumer,
    mut count: tokio::sync::watch::Receiver<Option<usize>>,
) -> anyhow::Result<Vec<Committed>> {
    let mut messages = consumer.messages().await.context("could not listen")?;
    let mut received: Vec<Committed> = Vec::new();
    let mut silence = Instant::now() + PATIENCE;
    loop {
        if count.borrow().is_some_and(|count| received.len() >= count) {
            return Ok(received);
        }
        tokio::select! {
            message = messages.next() => {
                let message = message.context("the messages ended")??;
                let at = Instant::now();
                let info = message.info().map_err(|error| anyhow::anyhow!("no place in the stream: {error}"))?;
                received.push(Committed { position: info.stream_sequence, at });
                message.ack().await.map_err(|error| anyhow::anyhow!("could not acknowledge: {error}"))?;
                silence = at + PATIENCE;
            }
            _ = count.changed() => {}
            () = tokio::time::sleep_until(silence) => anyhow::bail!("only {} events came", received.len()),
        }
    }
}
