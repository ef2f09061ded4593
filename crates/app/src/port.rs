//! What the use cases need from outside: the traits that the adapters on floor 3 implement.

pub mod event_log;
pub mod evidence_store;
pub mod stores;
pub mod vault;
pub mod view_store;

pub use event_log::{Append, AppendError, EventLog, NewEvent, Receipt};
pub use evidence_store::{EvidenceError, EvidenceStore};
pub use stores::{AggregateStores, CaseStore, DistrictStore, Recording, RulesStore, StoreError};
pub use vault::{Vault, VaultError};
pub use view_store::{Build, FilledRows, Order, Query, Row, RowChange, SaveError, ViewSpec, ViewStore};

/// An adapter is broken or out of reach. Not the caller's fault; the chain was logged where it was made.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {reason}")]
pub struct Failure {
    /// What was being done, for example `append to the log`.
    pub operation: &'static str,
    /// What the adapter said; never personal data.
    pub reason: String,
    /// Whether the same call may succeed later without help (a lost connection, a full disk that is being emptied).
    pub passing: bool,
}
