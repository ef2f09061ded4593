//! What is remembered of the files that somebody may name.

use chrono::{DateTime, Utc};
use kernel::Evidence;

/// A file that an owner may name, and until when that is known without looking again; for good where it is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Nameable {
    pub(crate) evidence: Evidence,
    pub(crate) until: Option<DateTime<Utc>>,
}
