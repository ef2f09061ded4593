//! HTTP/1.1 by hand: one kept-alive connection, a request from a template, an answer read by its length.
//!
//! Client and server share two cores; whatever the client costs is taken from the server.

use anyhow::{Context as _, bail, ensure};
use testkit::client::token_of;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use uuid::Uuid;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// One connection that is kept alive.
pub(crate) struct Wire {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer<'a> {
    /// The status.
    pub(crate) status: u16,
    /// The body as it came.
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// An error that shows the body, unless the status is of the 2xx family.
    pub(crate) fn check(&self, what: &str) -> anyhow::Result<()> {
        let body = String::from_utf8_lossy(self.body);
        ensure!((200..300).contains(&self.status), "{what} was answered {}: {body}", self.status);
        Ok(())
    }

    /// The text of a field of the body, found by its name; commands answer flat objects.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        let rest = self.value(field)?.strip_prefix('"')?;
        rest.split('"').next()
    }

    /// The number of a field of the body.
    pub(crate) fn number(&self, field: &str) -> Option<u64> {
        let rest = self.value(field)?;
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    }

    fn value(&self, field: &str) -> Option<&str> {
        let body = std::str::from_utf8(self.body).ok()?;
        let at = body
            .match_indices(field)
            .find(|(at, _)| body[..*at].ends_with('"') && body[at + field.len()..].starts_with("\":"))?;
        Some(&body[at.0 + field.len() + 2..])
    }
}

impl Wire {
    /// Connects.
    pub(crate) async fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("could not connect to {address}"))?;
        stream.set_nodelay(true).context("could not set TCP_NODELAY")?;
        Ok(Self { stream, request: Vec::with_capacity(2048), answer: Vec::with_capacity(READ_BYTES) })
    }

    /// Gives a command: POST with its id.
    pub(crate) async fn post(&mut self, path: &str, token: &str, id: Uuid, body: &str) -> anyhow::Result<Answer<'_>> {
        self.head("POST", path, token);
        let mut buffer = Uuid::encode_buffer();
        self.push("Content-Type: application/json\r\nIdempotency-Key: ");
        self.push(id.hyphenated().encode_lower(&mut buffer));
        self.push("\r\nContent-Length: ");
        self.push(&body.len().to_string());
        self.push("\r\n\r\n");
        self.push(body);
        self.exchange().await.with_context(|| format!("POST {path}"))
    }

    /// Asks.
    pub(crate) async fn get(&mut self, path: &str, token: &str) -> anyhow::Result<Answer<'_>> {
        self.head("GET", path, token);
        self.push("\r\n");
        self.exchange().await.with_context(|| format!("GET {path}"))
    }

    fn head(&mut self, method: &str, path: &str, token: &str) {
        self.request.clear();
        for part in
            [method, " ", path, " HTTP/1.1\r\nHost: dualgrid\r\nAuthorization: Bearer ", token_of(token), "\r\n"]
        {
            self.push(part);
        }
    }

    fn push(&mut self, text: &str) {
        self.request.extend_from_slice(text.as_bytes());
    }

    async fn exchange(&mut self) -> anyhow::Result<Answer<'_>> {
        self.stream.write_all(&self.request).await.context("could not send")?;
        self.answer.clear();
        let head = loop {
            if let Some(head) = head_of(&self.answer)? {
                break head;
            }
            self.read().await?;
        };
        while self.answer.len() < head.end + head.body {
            self.read().await?;
        }
        ensure!(self.answer.len() == head.end + head.body, "more came than one answer");
        Ok(Answer { status: head.status, body: &self.answer[head.end..] })
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        self.answer.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.answer).await.context("could not read")?;
        ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

/// What the head of an answer says.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    /// How long the body is.
    body: usize,
}

/// The head, once it is complete.
fn head_of(bytes: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..end]).context("the head of an answer is no text")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let status = status.context("an answer without a status")?;
    let length =
        lines.filter_map(|line| line.split_once(':')).find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let Some((_, length)) = length else { bail!("an answer without a length: {text}") };
    Ok(Some(Head { status, end: end + 4, body: length.trim().parse().context("a length that is no number")? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_complete() {
        assert_eq!(head_of(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n").unwrap(), None);
        let head = head_of(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}").unwrap();
        assert_eq!(head, Some(Head { status: 201, end: 43, body: 2 }));
        let endless = head_of(b"HTTP/1.1 200 OK\r\n\r\n").unwrap_err();
        assert!(endless.to_string().contains("without a length"), "{endless}");
    }

    #[test]
    fn fields_are_found_by_name() {
        let answer = Answer { status: 200, body: br#"{"command":"c1","id":"a1","events":12,"replayed":false}"# };
        assert_eq!((answer.text("id"), answer.number("events")), (Some("a1"), Some(12)));
        assert_eq!(answer.text("stage"), None);
    }
}
