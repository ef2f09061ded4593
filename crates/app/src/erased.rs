//! The list of erasures, as far as this process has read it.

use std::sync::Arc;

use people::Erasures;
use tokio::sync::Mutex;

use crate::memory::Seen;

/// The list, and the incarnation of the log in which it was read.
#[derive(Debug, Default)]
pub(crate) struct Erased {
    pub(crate) list: Mutex<(u64, Arc<Seen<Erasures>>)>,
}
