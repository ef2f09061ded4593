//! Versions of streams that this process has read or written, so that an append need not look them up.
//!
//! That a stream has had a version stays true forever; whether it is the newest one is checked by the unique key of stream and
//! version. Together they are the version check.

use std::sync::Arc;

use app::port::Append;
use kernel::{StreamId, Version};
use quick_cache::sync::Cache;

use crate::backend::Verdict;

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

    /// What a batch that has committed tells about its streams.
    pub(crate) fn saw_all(&self, verdicts: &[Verdict]) {
        for verdict in verdicts {
            match verdict {
                Verdict::Made(receipt) if receipt.events > 0 => {
                    receipt.streams.iter().for_each(|moved| self.saw(&moved.stream, moved.version));
                }
                _ => {}
            }
        }
    }

    /// Whether nothing has to be looked up before the batch: each part has an event, whose key the database checks, and
    /// follows a version that is known to exist. A check-only part inserts nothing that could be refused, so its version is
    /// always looked up: another process may have moved the stream.
    pub(crate) fn covers(&self, batch: &[Append]) -> bool {
        batch.iter().flat_map(|append| &append.parts).all(|part| {
            let exists = part.expected == Version(0) || self.0.get(&part.stream) == Some(part.expected);
            exists && !part.events.is_empty()
        })
    }

    #[cfg(test)]
    pub(crate) fn is_known(&self, stream: &StreamId) -> bool {
        self.0.get(stream).is_some()
    }

    /// Forgets everything: the database may be another one than before.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}
