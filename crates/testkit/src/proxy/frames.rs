//! Cutting a stream of bytes into the messages of PostgreSQL's protocol.

/// How much of a message is kept: enough for names and for the text of a statement.
const KEPT_MAX: usize = 16 * 1024;

/// The code of the request for TLS, and of that for GSSAPI, in the place of a protocol version.
const NEGOTIATIONS: [u32; 2] = [80_877_103, 80_877_104];

/// A message: its kind and the beginning of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

/// What comes next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The first messages of a client have no kind.
    Opening,
    /// The server answers a request for TLS with one letter.
    Letter,
    Typed,
}

/// One direction of a connection.
#[derive(Debug)]
pub(super) struct Frames {
    next: Next,
    /// The head of a message, and what is kept of its body.
    held: Vec<u8>,
    /// How much of the body is still to come, once the head is whole.
    left: Option<usize>,
}

impl Frames {
    /// What a client sends.
    pub(super) fn of_client() -> Self {
        Self { next: Next::Opening, held: Vec::new(), left: None }
    }

    /// What a server sends.
    pub(super) fn of_server() -> Self {
        Self { next: Next::Typed, held: Vec::new(), left: None }
    }

    /// The server's next byte is its answer to a request for TLS.
    pub(super) fn expect_letter(&mut self) {
        self.next = Next::Letter;
    }

    /// The messages that these bytes complete. An opening message has the kind 0.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some((first, rest)) = bytes.split_first() {
            if self.next == Next::Letter {
                self.next = Next::Typed;
                bytes = rest;
                continue;
            }
            match self.left {
                None => {
                    self.held.push(*first);
                    bytes = rest;
                }
                Some(left) => {
                    let (taken, rest) = bytes.split_at(left.min(bytes.len()));
                    let room = KEPT_MAX.saturating_sub(self.held.len());
                    self.held.extend_from_slice(&taken[..taken.len().min(room)]);
                    self.left = Some(left - taken.len());
                    bytes = rest;
                }
            }
            if self.left.is_none() && self.held.len() == self.head() {
                self.left = Some(self.length().saturating_sub(4));
            }
            if self.left == Some(0) {
                frames.push(self.finish());
            }
        }
        frames
    }

    const fn head(&self) -> usize {
        if matches!(self.next, Next::Opening) { 4 } else { 5 }
    }

    fn length(&self) -> usize {
        let digits = &self.held[self.head() - 4..];
        digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit))
    }

    fn finish(&mut self) -> Frame {
        let held = std::mem::take(&mut self.held);
        let body = held[self.head()..].to_vec();
        self.left = None;
        if self.next == Next::Opening {
            if !is_negotiation(&body) {
                self.next = Next::Typed;
            }
            return Frame { kind: 0, body };
        }
        Frame { kind: held[0], body }
    }
}

/// Whether an opening message asks for TLS or GSSAPI.
pub(super) fn is_negotiation(body: &[u8]) -> bool {
    NEGOTIATIONS.iter().any(|code| body == code.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], length.as_slice(), body].concat()
    }

    fn opening(body: &[u8]) -> Vec<u8> {
        message(0, body)[1..].to_vec()
    }

    #[test]
    fn messages_are_found_however_the_bytes_are_cut() {
        let bytes = [
            opening(&NEGOTIATIONS[0].to_be_bytes()),
            opening(b"\0\x03\0\0user\0postgres\0\0"),
            message(b'P', b"s1\0select 1\0\0\0"),
            message(b'S', b""),
        ]
        .concat();
        for size in [1, 2, 7, bytes.len()] {
            let mut frames = Frames::of_client();
            let found: Vec<Frame> = bytes.chunks(size).flat_map(|chunk| frames.push(chunk)).collect();
            let kinds: Vec<u8> = found.iter().map(|frame| frame.kind).collect();
            assert_eq!(kinds, [0, 0, b'P', b'S'], "in pieces of {size}");
            assert_eq!(found[2].body, b"s1\0select 1\0\0\0");
        }
    }

    #[test]
    fn a_server_answers_with_one_letter_and_then_with_messages() {
        let mut frames = Frames::of_server();
        frames.expect_letter();
        assert_eq!(frames.push(b"N"), []);
        assert_eq!(frames.push(&message(b'Z', b"I")), [Frame { kind: b'Z', body: b"I".to_vec() }]);
    }

    #[test]
    fn of_a_long_message_only_the_beginning_is_kept() {
        let mut frames = Frames::of_server();
        let found = frames.push(&[message(b'D', &vec![7; 100_000]), message(b'C', b"x\0")].concat());
        assert_eq!(found.len(), 2);
        assert!(found[0].body.len() <= KEPT_MAX);
        assert_eq!(found[1].body, b"x\0");
    }
}
