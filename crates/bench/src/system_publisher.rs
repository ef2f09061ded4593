//! From the log to NATS, and from there to the departments.

mod deliver;
mod departments;
mod drain;
mod plain;
mod reader;

use std::collections::HashMap;

use anyhow::Context as _;
use async_nats::jetstream;
use async_nats::jetstream::stream::Config;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Position, Recorded};
use testkit::nats::{CORE, NatsServer, NatsSetup, STREAM};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use crate::context::Context;
use crate::generate;
use crate::parts::is_asked_for;
use crate::report::Report;

/// How many events a generated case has at most: whole histories.
const EVENTS_PER_CASE: u32 = 13;

/// Measures.
pub(crate) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    if is_asked_for("drain") {
        let url = context.database().await?;
        let cases = context.size(10_000, 100_000);
        context.say(format!("filling a log with {cases} cases"));
        let filled = generate::cases(&url, cases, EVENTS_PER_CASE).await?;
        context.settle(&[&url]).await?;
        drain::run(context, &url, filled.head, report).await?;
    }
    if is_asked_for("deliver") {
        Box::pin(deliver::run(context, report)).await?;
    }
    if is_asked_for("departments") {
        departments::run(context, report).await?;
    }
    Ok(())
}

/// A nats-server of our own, which syncs before it acknowledges, with users for these departments.
async fn nats_server(departments: Vec<String>) -> anyhow::Result<NatsServer> {
    let server = NatsServer::start(NatsSetup { departments, ..NatsSetup::default() }).await?;
    let config = std::fs::read_to_string(server.config_path())?;
    anyhow::ensure!(config.contains("sync_interval: always"), "this nats-server would acknowledge before it syncs");
    Ok(server)
}

/// The words with which a user answers the greeting of nats-server, whose nonce it signs.
async fn hello(socket: &mut TcpStream, nats: &NatsServer, user: &str) -> anyhow::Result<serde_json::Value> {
    let mut greeting = Vec::new();
    while greeting.last() != Some(&b'\n') {
        greeting.push(socket.read_u8().await.context("nats-server does not greet")?);
    }
    let info = greeting.strip_prefix(b"INFO ").context("a greeting of another form")?;
    let info: serde_json::Value = serde_json::from_slice(info).context("a greeting that is no JSON")?;
    let nonce = info["nonce"].as_str().context("a greeting without a nonce")?;
    let seed = nats.seed(user)?;
    Ok(serde_json::json!({
        "verbose": false, "pedantic": false, "headers": true, "no_responders": true, "lang": "plain", "version": "1",
        "protocol": 1, "nkey": seed.public().as_str(), "sig": URL_SAFE_NO_PAD.encode(seed.sign(nonce.as_bytes())),
    }))
}

/// Our connection to it, as the product makes it.
async fn connection(nats: &NatsServer) -> anyhow::Result<bus::Connection> {
    let credentials = bus::Credentials::NkeyFile(nats.seed_file(CORE));
    let options = bus::ConnectionOptions {
        url: nats.url(),
        name: "bench".to_owned(),
        credentials,
        inbox_prefix: "_INBOX".to_owned(),
        tls: app::peer::Tls::default(),
    };
    Ok(bus::Connection::connect(options).await?)
}

/// Deletes a stream, if it is there.
async fn delete_stream(nats: &NatsServer, name: &str) -> anyhow::Result<()> {
    let jetstream = jetstream::new(nats.connect(CORE).await?);
    if jetstream.get_stream(name).await.is_ok() {
        jetstream.delete_stream(name).await?;
    }
    Ok(())
}

/// How a stream is configured that has another name and other subjects, and is else as that of the log.
async fn config_like_ours(nats: &NatsServer, name: &str, root: &str) -> anyhow::Result<Config> {
    let ours = jetstream::new(nats.connect(CORE).await?).get_stream(STREAM).await?.cached_info().config.clone();
    let (name, subjects) = (name.to_owned(), vec![format!("{root}.>")]);
    Ok(Config { name, subjects, metadata: HashMap::new(), ..ours })
}

/// Makes an empty stream.
async fn make_stream(nats: &NatsServer, config: &Config) -> anyhow::Result<()> {
    jetstream::new(nats.connect(CORE).await?).create_stream(config.clone()).await?;
    Ok(())
}

/// So many events from the beginning of a log.
async fn events(log: &dyn app::port::EventLog, count: u64) -> anyhow::Result<Vec<Recorded>> {
    let mut events: Vec<Recorded> = Vec::new();
    while (events.len() as u64) < count {
        let after = events.last().map_or(Position::START, |event| event.position);
        let left = usize::try_from(count)? - events.len();
        let page = log.after(after, left.min(10_000)).await?;
        anyhow::ensure!(!page.is_empty(), "the log ends before {count} events");
        events.extend(page);
    }
    Ok(events)
}
