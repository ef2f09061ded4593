//! Which requests to PostgreSQL commit an append to the log.

use std::collections::HashSet;

use super::Watch;
use super::frames::{Frame, Frames, is_negotiation};

/// What stands in the text of every statement that appends, and in no other: the names of the two functions, and that of the
/// part of the one statement for one event.
const APPENDS: [&[u8]; 3] = [b"append_batch", b"append_known", b"head_moved"];

/// Looks for requests that commit an append: the end of a statement of its own, or the COMMIT of its transaction.
#[derive(Debug)]
pub struct AppendWatch {
    client: Frames,
    server: Frames,
    /// Names of prepared statements that append.
    appending: HashSet<Vec<u8>>,
    is_in_transaction: bool,
    /// An append was executed and is not committed yet.
    has_appended: bool,
}

impl Default for AppendWatch {
    fn default() -> Self {
        Self {
            client: Frames::of_client(),
            server: Frames::of_server(),
            appending: HashSet::new(),
            is_in_transaction: false,
            has_appended: false,
        }
    }
}

impl Watch for AppendWatch {
    fn request(&mut self, bytes: &[u8]) -> bool {
        let frames = self.client.push(bytes);
        // Every message is looked at, also those after the one that was looked for.
        frames.iter().map(|frame| self.is_commit_of_an_append(frame)).fold(false, |found, one| found | one)
    }

    /// Ready for the next query: what was asked before has been done, or has failed, as a whole.
    fn answer(&mut self, bytes: &[u8]) -> bool {
        self.server.push(bytes).iter().any(|frame| frame.kind == b'Z')
    }
}

impl AppendWatch {
    fn is_commit_of_an_append(&mut self, frame: &Frame) -> bool {
        match frame.kind {
            0 if is_negotiation(&frame.body) => self.server.expect_letter(),
            b'P' => self.parse(&frame.body),
            b'B' => self.has_appended |= self.appending.contains(text_at(&frame.body, 1)),
            b'Q' => return self.query(&frame.body),
            b'S' if !self.is_in_transaction => return std::mem::take(&mut self.has_appended),
            _ => {}
        }
        false
    }

    /// A statement gets a name; a later one may take the same.
    fn parse(&mut self, body: &[u8]) {
        let (name, text) = (text_at(body, 0).to_vec(), text_at(body, 1));
        if appends(text) {
            self.appending.insert(name);
        } else {
            self.appending.remove(&name);
        }
    }

    /// A statement in one message, whose end is also the end of its transaction unless it began one.
    fn query(&mut self, body: &[u8]) -> bool {
        let text = text_at(body, 0).trim_ascii_start().to_ascii_lowercase();
        self.has_appended |= appends(&text);
        if text.starts_with(b"begin") || text.starts_with(b"start transaction") {
            self.is_in_transaction = true;
        } else if text.starts_with(b"rollback") && !text.starts_with(b"rollback to") {
            (self.is_in_transaction, self.has_appended) = (false, false);
        } else if text.starts_with(b"commit") || text.starts_with(b"end") {
            self.is_in_transaction = false;
        }
        !self.is_in_transaction && std::mem::take(&mut self.has_appended)
    }
}

/// The nth text of a body; each ends with a zero.
fn text_at(body: &[u8], nth: usize) -> &[u8] {
    body.split(|byte| *byte == 0).nth(nth).unwrap_or_default()
}

fn appends(text: &[u8]) -> bool {
    APPENDS.iter().any(|name| contains(text, name))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], length.as_slice(), body].concat()
    }

    fn opened() -> AppendWatch {
        let mut watch = AppendWatch::default();
        assert!(!watch.request(&message(0, b"\0\x03\0\0user\0u\0\0")[1..]));
        watch
    }

    #[test]
    fn a_statement_of_its_own_commits_with_its_sync_also_when_it_was_prepared_before() {
        let mut watch = opened();
        assert!(!watch.request(&message(b'P', b"s1\0select * from append_batch($1)\0\0\0")));
        assert!(!watch.request(&message(b'S', b"")), "preparing it appends nothing");
        for _ in 0..2 {
            assert!(!watch.request(&message(b'B', b"\0s1\0\0\0")));
            assert!(watch.request(&message(b'S', b"")));
        }
        assert!(!watch.request(&[message(b'B', b"\0s2\0\0\0"), message(b'S', b"")].concat()));
    }

    #[test]
    fn in_a_transaction_the_commit_counts() {
        let mut watch = opened();
        watch.request(&message(b'P', b"s1\0select * from append_batch($1)\0\0\0"));
        assert!(!watch.request(&message(b'Q', b"BEGIN\0")));
        assert!(!watch.request(&[message(b'B', b"\0s1\0\0\0"), message(b'S', b"")].concat()));
        assert!(watch.request(&message(b'Q', b"COMMIT\0")));
        assert!(!watch.request(&message(b'Q', b"BEGIN\0")));
        assert!(!watch.request(&message(b'Q', b"COMMIT\0")), "nothing was appended");
    }

    #[test]
    fn what_is_rolled_back_does_not_count() {
        let mut watch = opened();
        watch.request(&message(b'P', b"s1\0select * from append_batch($1)\0\0\0"));
        watch.request(&message(b'Q', b"BEGIN\0"));
        watch.request(&[message(b'B', b"\0s1\0\0\0"), message(b'S', b"")].concat());
        assert!(!watch.request(&message(b'Q', b"ROLLBACK\0")));
        assert!(!watch.request(&message(b'S', b"")));
    }

    #[test]
    fn an_answer_is_whole_when_the_server_is_ready() {
        let mut watch = opened();
        assert!(!watch.answer(&message(b'C', b"SELECT 1\0")));
        assert!(watch.answer(&message(b'Z', b"I")));
    }
}
