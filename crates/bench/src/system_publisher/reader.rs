//! The plainest department there is: a socket, a scan for the ends of messages, and one write for all acknowledgements
//! of what one read brought.
//!
//! Forty departments have machines of their own. Here they share the cores of nats-server, so what they cost would be
//! measured with it.

use anyhow::{Context as _, bail, ensure};
use bytes::{Buf as _, BytesMut};
use testkit::nats::{NatsServer, STREAM, department_user};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How many messages a department asks for at once; its consumer lets it hold so many.
const ASKED_FOR: usize = 500;
/// How much is read at once.
const READ_BYTES: usize = 64 * 1024;

/// A department that is connected.
pub(super) struct Reader {
    socket: TcpStream,
    /// What was read and not looked at.
    read: BytesMut,
    /// What is to be written.
    write: Vec<u8>,
    /// Asks for messages.
    ask: Vec<u8>,
}

/// What nats-server sent.
enum Frame {
    /// An event, at this sequence of the stream, and where it is acknowledged.
    Event { sequence: u64, acknowledge: String },
    /// The answer to a PING of ours.
    Pong,
    /// Something that needs nothing.
    Other,
}

impl Reader {
    /// Connects as the department.
    pub(super) async fn connect(nats: &NatsServer, code: &str) -> anyhow::Result<Self> {
        let url = nats.url();
        let address = url.strip_prefix("nats://").context("an address of another form")?;
        let mut socket = TcpStream::connect(address).await.context("could not connect to nats-server")?;
        socket.set_nodelay(true).context("could not set TCP_NODELAY")?;
        let name = department_user(code);
        let inbox = "_INBOX.plain";
        let request = format!(r#"{{"batch":{ASKED_FOR},"expires":30000000000}}"#);
        let ask =
            format!("PUB $JS.core.API.CONSUMER.MSG.NEXT.{STREAM}.{name} {inbox} {}\r\n{request}\r\n", request.len());
        let hello = super::hello(&mut socket, nats, &name).await?;
        let write = format!("CONNECT {hello}\r\nSUB {inbox} 1\r\n").into_bytes();
        let mut reader = Self { socket, read: BytesMut::new(), write, ask: ask.into_bytes() };
        reader.flush().await?;
        Ok(reader)
    }

    /// Reads so many events and acknowledges each. They must come once and in order: the sequence of each is
    /// `expected` of its place, from 0.
    pub(super) async fn read(&mut self, count: usize, expected: impl Fn(usize) -> u64) -> anyhow::Result<()> {
        let (mut came, mut asked) = (0, 0);
        while came < count {
            // The next ones are on their way while the last ones are looked at.
            while asked < count && asked < came + ASKED_FOR {
                self.write.extend_from_slice(&self.ask);
                asked += ASKED_FOR;
            }
            self.send().await?;
            self.receive().await?;
            while let Some(frame) = self.frame()? {
                if let Frame::Event { sequence, acknowledge } = frame {
                    ensure!(sequence == expected(came), "{sequence} came, and {} should", expected(came));
                    came += 1;
                    self.write.extend_from_slice(format!("PUB {acknowledge} 4\r\n+ACK\r\n").as_bytes());
                }
            }
        }
        self.flush().await
    }

    /// Sends what is to be written, and waits until nats-server has read it.
    async fn flush(&mut self) -> anyhow::Result<()> {
        self.write.extend_from_slice(b"PING\r\n");
        self.send().await?;
        loop {
            match self.frame()? {
                Some(Frame::Pong) => return Ok(()),
                Some(Frame::Other) => {}
                Some(Frame::Event { .. }) => bail!("an event came that was not asked for"),
                None => self.receive().await?,
            }
        }
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        self.socket.write_all(&self.write).await.context("could not write")?;
        self.write.clear();
        Ok(())
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        self.read.reserve(READ_BYTES);
        let read = self.socket.read_buf(&mut self.read).await.context("could not read")?;
        ensure!(read > 0, "nats-server closed the connection");
        Ok(())
    }

    /// The next frame that is complete.
    fn frame(&mut self) -> anyhow::Result<Option<Frame>> {
        let Some(end) = self.read.windows(2).position(|two| two == b"\r\n") else { return Ok(None) };
        let line = std::str::from_utf8(&self.read[..end]).context("a line that is no text")?;
        let mut words = line.split(' ');
        let (size, frame) = match words.next() {
            Some("HMSG") => {
                // Subject, subscription, where to answer, size of the headers, size of all.
                let rest: Vec<&str> = words.collect();
                let [_, _, acknowledge, _, size] = rest[..] else { bail!("nats-server said {line}") };
                let size: usize = size.parse().context("a message without a size")?;
                if self.read.len() < end + 2 + size + 2 {
                    return Ok(None);
                }
                (size + 2, Frame::Event { sequence: sequence(acknowledge)?, acknowledge: acknowledge.to_owned() })
            }
            Some("PONG") => (0, Frame::Pong),
            Some("PING") => {
                self.write.extend_from_slice(b"PONG\r\n");
                (0, Frame::Other)
            }
            Some("INFO" | "+OK") => (0, Frame::Other),
            _ => bail!("nats-server said {line}"),
        };
        self.read.advance(end + 2 + size);
        Ok(Some(frame))
    }
}

/// The sequence in `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.…`.
fn sequence(acknowledge: &str) -> anyhow::Result<u64> {
    let sequence = acknowledge.split('.').nth(5).context("an acknowledgement of another form")?;
    sequence.parse().context("an acknowledgement without a sequence")
}
