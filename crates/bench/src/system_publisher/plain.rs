//! The plainest client of NATS there is: bytes that were made before, written to a socket, and answers counted.
//!
//! It tells what nats-server accepts when the client costs nothing.

use std::fmt::Write as _;

use anyhow::{Context as _, bail, ensure};
use kernel::Recorded;
use testkit::nats::{CORE, NatsServer};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Where answers come.
const INBOX: &str = "_INBOX.plain.answers";

/// A batch that is ready to be written.
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// The sequence of its last message.
    last: u64,
}

impl Batch {
    /// The sequence of its last message.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }
}

/// The events as atomic batches of `size`, with the headers and bytes of the publisher's, below the subject `root`.
pub(super) fn batches(events: &[Recorded], size: usize, root: &str) -> anyhow::Result<Vec<Batch>> {
    events.chunks(size).enumerate().map(|(number, chunk)| batch(chunk, number, root)).collect()
}

fn batch(events: &[Recorded], number: usize, root: &str) -> anyhow::Result<Batch> {
    let first = events.first().context("an empty batch")?.position.0;
    let id = format!("{number:016x}");
    let mut bytes = Vec::with_capacity(events.iter().map(|event| event.bytes.len() + 320).sum());
    for (place, event) in (1..).zip(events) {
        let subject = bus::subject::subject_of(event)?;
        let subject = subject.strip_prefix("dg.evt").context("a subject of another form")?;
        let is_last = place == events.len();
        let mut headers = format!(
            "NATS/1.0\r\nContent-Type: application/cloudevents+json\r\nDualgrid-Position: {}\r\nNats-Batch-Id: {id}\r\n\
             Nats-Batch-Sequence: {place}\r\n",
            event.position
        );
        if place == 1 {
            // Writing to a String cannot fail.
            let _ = write!(headers, "Nats-Expected-Last-Sequence: {}\r\n", first - 1);
        }
        if is_last {
            headers.push_str("Nats-Batch-Commit: 1\r\n");
        }
        headers.push_str("\r\n");
        let answer = if is_last { format!("{INBOX} ") } else { String::new() };
        let all = headers.len() + event.bytes.len();
        bytes.extend_from_slice(format!("HPUB {root}{subject} {answer}{} {all}\r\n", headers.len()).as_bytes());
        bytes.extend_from_slice(headers.as_bytes());
        bytes.extend_from_slice(&event.bytes);
        bytes.extend_from_slice(b"\r\n");
    }
    Ok(Batch { bytes, last: first + events.len() as u64 - 1 })
}

/// One connection.
pub(super) struct Plain {
    socket: BufReader<TcpStream>,
    line: String,
    answer: Vec<u8>,
}

impl Plain {
    /// Connects as the core.
    pub(super) async fn connect(nats: &NatsServer) -> anyhow::Result<Self> {
        let url = nats.url();
        let address = url.strip_prefix("nats://").context("an address of another form")?;
        let mut socket = TcpStream::connect(address).await.context("could not connect to nats-server")?;
        socket.set_nodelay(true).context("could not set TCP_NODELAY")?;
        let hello = super::hello(&mut socket, nats, CORE).await?;
        let mut plain = Self { socket: BufReader::new(socket), line: String::new(), answer: Vec::new() };
        plain.write(format!("CONNECT {hello}\r\nSUB {INBOX} 1\r\nPING\r\n").as_bytes()).await?;
        loop {
            match plain.line().await? {
                line if line.starts_with("PONG") => return Ok(plain),
                line if line.starts_with("-ERR") => bail!("nats-server said {line}"),
                _ => {}
            }
        }
    }

    /// Publishes batches in order, at most `in_flight` at once, and checks every answer.
    pub(super) async fn publish(&mut self, batches: &[Batch], in_flight: usize) -> anyhow::Result<()> {
        let mut confirmed = 0;
        for (sent, batch) in batches.iter().enumerate() {
            if sent - confirmed == in_flight {
                self.confirm(&batches[confirmed]).await?;
                confirmed += 1;
            }
            self.write(&batch.bytes).await?;
        }
        for batch in &batches[confirmed..] {
            self.confirm(batch).await?;
        }
        Ok(())
    }

    async fn confirm(&mut self, batch: &Batch) -> anyhow::Result<()> {
        let answer = self.message().await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer).context("an answer that is no JSON")?;
        ensure!(answer["seq"].as_u64() == Some(batch.last), "expected sequence {}, answered was {answer}", batch.last);
        Ok(())
    }

    /// The payload of the next message.
    async fn message(&mut self) -> anyhow::Result<Vec<u8>> {
        loop {
            let line = self.line().await?;
            if line.starts_with("PING") {
                self.write(b"PONG\r\n").await?;
            } else if line.starts_with("MSG ") {
                let size = line.split_whitespace().last().and_then(|size| size.parse::<usize>().ok());
                let size = size.context("a message without a size")?;
                self.answer.resize(size + 2, 0);
                self.socket.read_exact(&mut self.answer).await.context("nats-server closed the connection")?;
                return Ok(self.answer[..size].to_vec());
            } else if !line.starts_with("PONG") && !line.starts_with("INFO") {
                bail!("nats-server said {line}");
            }
        }
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        self.line.clear();
        let read = self.socket.read_line(&mut self.line).await.context("could not read")?;
        ensure!(read > 0, "nats-server closed the connection");
        Ok(self.line.trim_end().to_owned())
    }

    async fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.socket.get_mut().write_all(bytes).await.context("could not write")
    }
}
