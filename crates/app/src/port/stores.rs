//! Store handles for esrs, one made per command, which carry what an esrs store has no place for.

use std::sync::{Arc, OnceLock};

use case::Case;
use chrono::{DateTime, Utc};
use esrs::store::EventStore;
use grid::District;
use kernel::digest::Digest;
use kernel::envelope::Provenance;
use kernel::{CommandId, Position, StreamId, Version};
use rules::Rulebook;

use super::{Failure, Receipt};

/// What is recorded beside the events of one command.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Actor, command, correlation and trace.
    pub provenance: Provenance,
    /// Keyed hash of the request.
    pub request: Digest,
    /// When the command is handled; the time of its events.
    pub at: DateTime<Utc>,
    /// Time of the newest event of the stream, where the caller has the state already and loads nothing.
    pub newest: Option<DateTime<Utc>>,
    /// Filled by the store when it has persisted (also when there were no events to persist).
    pub receipt: Arc<OnceLock<Receipt>>,
}

impl Recording {
    /// The time of its events: when the command is handled, and never before the newest event of the stream.
    pub fn event_time(&self) -> DateTime<Utc> {
        self.event_time_after(self.newest)
    }

    /// The same where the store knows the newest event better than the caller did.
    pub fn event_time_after(&self, newest: Option<DateTime<Utc>>) -> DateTime<Utc> {
        newest.map_or(self.at, |newest| newest.max(self.at))
    }
}

/// Why a store could not load or persist.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else was faster. Load, decide and try again.
    #[error("stream {stream} has moved on from version {expected}")]
    Conflict {
        /// The stream.
        stream: StreamId,
        /// The version the decision was made on.
        expected: Version,
    },
    /// The command id was used for another request.
    #[error("command {0} was used for another request")]
    CommandReused(CommandId),
    /// The clock is behind the newest event of the stream by more than is tolerated (5 seconds).
    #[error("the clock says {now}, but the newest event of {stream} is of {newest}")]
    ClockWentBack {
        /// The stream.
        stream: StreamId,
        /// Time of its newest event.
        newest: DateTime<Utc>,
        /// What the clock says.
        now: DateTime<Utc>,
    },
    /// A stored event cannot be read by this version of the program.
    #[error("stored event {position} of {stream} cannot be read: {reason}")]
    Unreadable {
        /// The stream.
        stream: StreamId,
        /// The event.
        position: Position,
        /// Why.
        reason: String,
    },
    /// `delete` and `lock` of esrs: a log deletes nothing, and decisions are optimistic.
    #[error("the log does not {0}")]
    NotSupported(&'static str),
    /// The log is broken or out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// An esrs store of cases.
pub type CaseStore = dyn EventStore<Aggregate = Case, Error = StoreError> + Send + Sync;
/// An esrs store of the district.
pub type DistrictStore = dyn EventStore<Aggregate = District, Error = StoreError> + Send + Sync;
/// An esrs store of the rules.
pub type RulesStore = dyn EventStore<Aggregate = Rulebook, Error = StoreError> + Send + Sync;

/// Opens store handles. The log adapter implements it for every backend alike.
pub trait AggregateStores: Send + Sync + 'static {
    /// A handle for one command on a case.
    fn cases(&self, recording: Recording) -> Box<CaseStore>;
    /// A handle for one command on the district.
    fn district(&self, recording: Recording) -> Box<DistrictStore>;
    /// A handle for one command on the rules.
    fn rules(&self, recording: Recording) -> Box<RulesStore>;
}
