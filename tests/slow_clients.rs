//! Thousands of connections that say nothing, take nothing or take all there is: memory stays in bounds, and everybody else is served.
//!
//! Takes about 15 seconds.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use dualgrid_tests::{World, exposition, head};
use futures::future::try_join_all;
use testkit::client::{eventually, token_of};
use testkit::system::{Store, System, SystemSetup};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

/// Connections that never say anything.
const SILENT: usize = 2_000;
/// Connections that begin a head, or a body, and do not go on.
const HALF: usize = 100;
/// Streams of events that nobody takes.
const UNTAKEN: usize = 100;
/// Streams of events that are read as they come.
const STREAMS: usize = 500;
/// How many of them come from one address.
const FROM_ONE_ADDRESS: usize = 400;
/// How much all of them may cost, in KiB.
const MEMORY_KIB_MAX: u64 = 150 * 1024;
/// Commands and queries of everybody else meanwhile.
const REQUESTS: usize = 60;
/// How long what must come may take.
const PATIENCE: Duration = Duration::from_mins(1);

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_cost_little_and_everybody_else_is_served() -> anyhow::Result<()> {
    allow_sockets()?;
    let mut setup = SystemSetup::sample(Store::Sqlite)?;
    let limits = [
        ("IDLE_SECONDS", "300"),
        ("STALLED_SECONDS", "300"),
        ("STREAMS_PER_PRINCIPAL", "600"),
        ("REQUESTS_PER_SECOND", "20"),
        ("REQUESTS_BURST", "1000"),
        ("UPLOAD_KIB_PER_SECOND", "64"),
        ("UPLOAD_KIB_BURST", "256"),
    ];
    setup.environment = limits.map(|(name, value)| (format!("DUALGRID__LIMITS__{name}"), value.to_owned())).to_vec();
    let world = World::of(System::start(setup).await?).await?;
    let address: SocketAddr = world.http().address().parse()?;
    // What is needed once, for the first requests, is not what others cost.
    serve_everybody_else(&world, "热身").await?;
    let pid = world.system.pid().context("no process")?;
    let before = memory_kib(pid)?;

    let peers = Peers { address };
    let silent = peers.open(1, SILENT, b"").await?;
    let half_a_head = peers.open(2, HALF / 2, b"GET /cases HTTP/1.1\r\nhost: a\r\nx-rest: ").await?;
    let body = format!(
        "POST /cases/discover-issue HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         idempotency-key: 0190163d-8694-739b-aea5-966c26f8ad91\r\ncontent-length: 100000\r\n\r\n{{",
        token_of(&world.leader)
    );
    let half_a_body = peers.open(3, HALF / 2, body.as_bytes()).await?;
    let stream = format!(
        "GET /events?after=0 HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\naccept: text/event-stream\r\n\r\n",
        token_of(&world.auditor)
    );
    let untaken = peers.open(4, UNTAKEN, stream.as_bytes()).await?;
    let streams = peers.open(5, STREAMS, stream.as_bytes()).await?;

    let (open, reading) = (SILENT + HALF + UNTAKEN + STREAMS, UNTAKEN + STREAMS);
    eventually("all of them are connected", PATIENCE, async || {
        let read = exposition::read(&world.http().get("", "/metrics").await?.text)?;
        let value =
            |name: &str| read.get(name).and_then(|metric| metric.samples.first()).map_or(0.0, |sample| sample.2);
        let are_open = value("dualgrid_http_connections") >= f64::from(u32::try_from(open)?);
        Ok((are_open && value("dualgrid_http_streams") >= f64::from(u32::try_from(reading)?)).then_some(()))
    })
    .await?;
    serve_everybody_else(&world, "与慢客户端同时").await?;
    let last = head(&world.http(), &world.auditor).await?;
    let mut readers: JoinSet<anyhow::Result<TcpStream>> = JoinSet::new();
    for stream in streams {
        readers.spawn(async move { tokio::time::timeout(PATIENCE, read_until(stream, last)).await? });
    }
    let mut read = Vec::new();
    while let Some(reader) = readers.join_next().await {
        read.push(reader?.context("a stream that is read has every event")?);
    }
    let cost = memory_kib(pid)?.saturating_sub(before);
    ensure!(cost <= MEMORY_KIB_MAX, "{open} slow clients cost {cost} KiB");
    eprintln!("{open} slow clients cost {cost} KiB");
    drop((silent, half_a_head, half_a_body, untaken, read));
    serve_everybody_else(&world, "慢客户端之后").await?;
    whoever_floods_waits_alone(&world).await
}

/// Who asks without end, or sends more bytes than is theirs, is told when to come back and is served then; everybody else meanwhile.
async fn whoever_floods_waits_alone(world: &World) -> anyhow::Result<()> {
    let (http, nothing) = (world.http(), "/commands/0190163d-8694-739b-aea5-966c26f8ad91");
    let mut refused = None;
    for _ in 0..20 {
        let answers = try_join_all((0..100).map(|_| http.get(&world.auditor, nothing))).await?;
        refused = answers.into_iter().find(|answer| answer.status == 429);
        if refused.is_some() {
            break;
        }
    }
    let refused = refused.context("2,000 requests at once were taken")?;
    ensure!(refused.problem_code() == Some("too-many-requests"), "{}", refused.text);
    let wait: u64 = refused.header("retry-after").context("no Retry-After")?.parse()?;
    ensure!((1..=10).contains(&wait) && refused.body["retry_after"] == wait, "{}", refused.text);
    world.discover("JAS-R01-M01", "洪水期间").await?;
    tokio::time::sleep(Duration::from_secs(wait)).await;
    ensure!(http.get(&world.auditor, nothing).await?.status == 404, "who waited as told is served");

    // What the bytes are does not matter: they are counted before they are looked at.
    let upload = || http.upload(&world.leader, "/evidence", "image/png", vec![0; 100 * 1024]);
    for _ in 0..2 {
        ensure!(upload().await?.status != 429, "what is within the limit");
    }
    let refused = upload().await?;
    ensure!(refused.problem_code() == Some("too-many-bytes"), "{}", refused.text);
    let wait: u64 = refused.header("retry-after").context("no Retry-After")?.parse()?;
    tokio::time::sleep(Duration::from_secs(wait)).await;
    ensure!(upload().await?.status != 429, "who waited as told is heard");
    Ok(())
}

/// Commands and queries of people who are in nobody's way; each is answered with success.
async fn serve_everybody_else(world: &World, title: &str) -> anyhow::Result<()> {
    try_join_all((0..REQUESTS / 2).map(async |number| {
        let case = world.discover("JAS-R01-M01", &format!("{title} {number}")).await?;
        world.case(case).await
    }))
    .await?;
    world.http().get(&world.auditor, "/obligations?limit=50").await?.accepted()?;
    Ok(())
}

/// Where connections come from: some hundreds from each address.
struct Peers {
    address: SocketAddr,
}

impl Peers {
    /// Opens so many, from as many addresses as that takes, and sends this on each. Each kind of client has addresses of its own, so that
    /// none of them fills an address for another.
    async fn open(&self, kind: u8, count: usize, sent: &[u8]) -> anyhow::Result<Vec<TcpStream>> {
        let mut open = Vec::with_capacity(count);
        for number in 0..count {
            let socket = TcpSocket::new_v4()?;
            let last = u8::try_from(2 + number / FROM_ONE_ADDRESS)?;
            socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, kind, last), 0)))?;
            let mut connection = socket.connect(self.address).await?;
            connection.write_all(sent).await?;
            open.push(connection);
        }
        Ok(open)
    }
}

/// Reads a stream of events until one has come.
async fn read_until(mut stream: TcpStream, position: u64) -> anyhow::Result<TcpStream> {
    let mark = format!("id: 0:{position}\n").into_bytes();
    let (mut seen, mut piece) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let count = stream.read(&mut piece).await?;
        ensure!(count > 0, "the stream ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&piece[..count]);
        if seen.windows(mark.len()).any(|part| part == mark) {
            return Ok(stream);
        }
        let kept = seen.len().saturating_sub(mark.len());
        seen.drain(..kept);
    }
}

/// What a process has in memory.
fn memory_kib(pid: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.trim().trim_end_matches(" kB").trim().parse().context("VmRSS is no number")
}

/// Lets this program have a socket for each of them.
fn allow_sockets() -> anyhow::Result<()> {
    let pid = std::process::id().to_string();
    let done = std::process::Command::new("prlimit").args(["--pid", &pid, "--nofile=8192:"]).status();
    ensure!(done.context("no prlimit (package util-linux)")?.success(), "`ulimit -n` cannot be raised to 8192");
    Ok(())
}
