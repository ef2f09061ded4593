//! Notices when somebody else deletes the stream or a consumer. Both are made again, and everybody continues where they were;
//! somebody has a key that they should not have, or has cleaned up by hand.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use async_nats::jetstream::stream::Info;
use tokio::sync::watch;

use crate::stream::{STREAM, was_missing};

const DELETIONS: &str = "dualgrid_nats_foreign_deletions_total";

/// What was there at the last look.
#[derive(Debug, Default)]
struct Seen {
    /// When the stream was created, in nanoseconds since 1970: another moment is another stream.
    created: Option<i128>,
    consumers: BTreeSet<String>,
}

/// Compares what is there with what was there.
#[derive(Debug)]
pub(crate) struct Deletions {
    seen: Mutex<Seen>,
    told: watch::Sender<Option<String>>,
}

impl Deletions {
    pub(crate) fn new() -> Self {
        metrics::describe_counter!(DELETIONS, "How often the NATS stream or a consumer was deleted by somebody else");
        for what in ["stream", "consumer"] {
            metrics::counter!(DELETIONS, "what" => what).increment(0);
        }
        Self { seen: Mutex::default(), told: watch::Sender::new(None) }
    }

    /// Follows the last deletion by somebody else, in words for readiness.
    pub(crate) fn told(&self) -> watch::Receiver<Option<String>> {
        self.told.subscribe()
    }

    /// The consumers that were there before, in this stream, and are not in `names`. Says so where the stream itself was deleted.
    pub(crate) fn missing(&self, stream: &Info, names: &BTreeSet<String>) -> Vec<String> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let created = stream.created.unix_timestamp_nanos();
        if seen.created == Some(created) {
            return seen.consumers.difference(names).cloned().collect();
        }
        if seen.created.is_some() && was_missing(&stream.config) {
            drop(seen);
            self.tell("stream", STREAM);
        }
        Vec::new()
    }

    /// Says that somebody else deleted it.
    pub(crate) fn tell(&self, what: &'static str, name: &str) {
        metrics::counter!(DELETIONS, "what" => what).increment(1);
        tracing::warn!(
            what,
            name,
            "somebody else deleted it in NATS; it is made again, and everybody continues where they were"
        );
        self.told.send_replace(Some(format!(
            "somebody else deleted the {what} {name}; it is made again, and everybody continues where they were: find out who has a \
             key of the core"
        )));
    }

    /// Remembers what is there now.
    pub(crate) fn remember(&self, stream: &Info, names: BTreeSet<String>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Seen { created: Some(stream.created.unix_timestamp_nanos()), consumers: names };
    }
}
