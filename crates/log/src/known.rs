//! Versions of streams that this process has read or written, so that an append need not look for what is known.
//!
//! That a stream has had a version stays true for ever; that it is the newest one is for the unique key of stream and version
//! to say. Together they are the version check.

use std::sync::Arc;

use app::port::Append;
use kernel::{StreamId, Version};
use quick_cache::sync::Cache;

use crate::writer::Verdict;

/// How many streams are remembered: about 20 MiB.
const STREAMS_MAX: usize = 100_000;

/// The newest version of each stream, as far as this process knows. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Known(Arc<Cache<StreamId, Version>>);

impl Default for Known {
    fn default() -> Self {
        Self(Arc::new(Cache::new(STREAMS_MAX)))
    }
}

impl Known {
    /// A version was read, or its transaction has committed.
    pub(crate) fn saw(&self, stream: &StreamId, version: Version) {
        self.0.insert(stream.clone(), version);
    }

    /// What a batch that has committed says of its streams.
    pub(crate) fn saw_all(&self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            match verdict {
                Verdict::Made(receipt) if receipt.events > 0 => self.saw(&receipt.stream, receipt.version),
                _ => {}
            }
        }
    }

    /// Whether nothing has to be looked up before the batch: each append has an event, whose key the database checks, and
    /// follows a version that is known to be there.
    pub(crate) fn covers(&self, batch: &[Append]) -> bool {
        batch.iter().all(|append| {
            let is_there = append.expected == Version(0) || self.0.get(&append.stream) == Some(append.expected);
            is_there && !append.events.is_empty()
        })
    }

    /// Forgets everything: the database may be another one than before.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}
