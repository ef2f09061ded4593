//! What goes wrong between us and NATS.

use app::port::{Failure, Lost};
use kernel::Position;

use crate::connection::TooOld;
use crate::subject::Unroutable;

/// Why something on NATS could not be done. What does not pass without help is said by `needs_somebody`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server is refused.
    #[error(transparent)]
    TooOld(#[from] TooOld),
    /// The stream holds the log of another installation.
    #[error(
        "the stream DUALGRID of this NATS belongs to the installation {owner}, and this one is {own}: nothing is \
         published. Give each installation a NATS, or an account of NATS, of its own; if {owner} is gone for good, \
         delete the stream, and it is recreated from the log of {own}"
    )]
    ForeignStream {
        /// The installation that created the stream.
        owner: String,
        own: String,
    },
    /// NATS did not do what was asked.
    #[error("could not {operation}")]
    Nats {
        operation: &'static str,
        #[source]
        source: async_nats::Error,
    },
    /// A message of the stream does not say its own position.
    #[error(
        "message {sequence} of the stream is no event: its header Dualgrid-Position is not its sequence; do not store it"
    )]
    NoEvent {
        /// Its sequence in the stream.
        sequence: u64,
    },
    /// What was published was not stored, or NATS did not confirm it in time.
    #[error("NATS does not store what is published: its disk may be full, or it is overloaded")]
    Unstored,
    /// The connection was lost on the way.
    #[error("the connection to NATS was lost")]
    LinkLost,
    /// The log could not be read.
    #[error("could not read the log")]
    Log(#[from] Failure),
    /// The log skipped an event.
    #[error("the log gave event {found} where {expected} was expected")]
    LogGap { expected: Position, found: Position },
    /// An event is larger than a message of this nats-server may be.
    #[error(
        "event {position} has {bytes} bytes, and this nats-server takes {payload_max} in one message with its headers: raise \
         `max_payload` of nats-server; nothing from there on is published before"
    )]
    EventTooLarge {
        position: Position,
        bytes: usize,
        /// `max_payload` of nats-server, in bytes.
        payload_max: usize,
    },
    /// The stream holds events that the log does not have, or belongs to a later epoch of it.
    #[error("{0}")]
    WentBack(Lost),
    /// NATS did not report every consumer of the stream.
    #[error("NATS reports {listed} of {all} consumers of the stream")]
    ConsumersMissing { listed: usize, all: usize },
    /// An event has no subject.
    #[error(transparent)]
    Unroutable(#[from] Unroutable),
    /// The departments, or the losses of the log, could not be read.
    #[error("could not read what the log says of departments and losses")]
    Directory(#[from] app::Error),
}

impl Error {
    /// Whether publishing cannot go on before somebody has mended something.
    pub(crate) const fn needs_somebody(&self) -> bool {
        matches!(self, Self::TooOld(_) | Self::ForeignStream { .. } | Self::EventTooLarge { .. } | Self::Unroutable(_))
    }

    /// Wraps the error of an operation.
    pub(crate) fn nats<E: Into<async_nats::Error>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Nats { operation, source: source.into() }
    }
}

/// An error with its whole chain in one line, for the place where it is logged.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
