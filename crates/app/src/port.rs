//! What the use cases need from outside: the traits that the adapters on floor 4 implement.

use std::sync::Arc;

use kernel::{Clock, Entropy};

pub mod absent;
pub mod event_log;
pub mod evidence_store;
pub mod scanner;
pub mod uploads;
pub mod vault;
pub mod view_store;

pub use absent::Absent;
pub use event_log::{Append, AppendError, EventLog, Fingerprint, Lost, Moved, NewEvent, Part, Receipt};
pub use evidence_store::{EvidenceError, EvidenceStore};
pub use scanner::Scanner;
pub use uploads::Uploads;
pub use vault::{Vault, VaultError};
pub use view_store::{
    Build, Either, Entries, FilledRows, FindError, Loaded, Move, Query, Registered, Row, RowChange, RowPage, Saved,
    ViewSpec, ViewStore, Wanted,
};

/// The adapters of floor 4 and what the kernel reads from the system.
#[derive(Clone)]
pub struct Ports {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// The tables of views.
    pub views: Arc<dyn ViewStore>,
    /// Keys of persons.
    pub vault: Arc<dyn Vault>,
    /// Files.
    pub evidence: Arc<dyn EvidenceStore>,
    /// Who uploaded which file.
    pub uploads: Arc<dyn Uploads>,
    /// What looks into files before they are kept, where something does.
    pub scanner: Option<Arc<dyn Scanner>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

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
