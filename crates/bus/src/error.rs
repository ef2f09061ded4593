//! What goes wrong between us and NATS.

use app::port::Failure;
use kernel::Position;

use crate::connection::TooOld;
use crate::stream::Unroutable;

/// Why something on NATS could not be done. All but [`Error::TooOld`] and
/// [`Error::ForeignStream`] may pass without help.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server is refused.
    #[error(transparent)]
    TooOld(#[from] TooOld),
    /// The stream holds the log of another installation.
    #[error(
        "the stream DUALGRID of this NATS belongs to the installation {owner}, and this one is {own}: nothing is \
         published. Give each installation a NATS, or an account of NATS, of its own; if {owner} is gone for good, \
         delete the stream, and it is made again from the log of {own}"
    )]
    ForeignStream {
        /// The installation that made the stream.
        owner: String,
        /// Ours.
        own: String,
    },
    /// NATS did not do what was asked.
    #[error("could not {operation}")]
    Nats {
        /// What was asked.
        operation: &'static str,
        /// What NATS or the client said.
        #[source]
        source: async_nats::Error,
    },
    /// What was published was not stored, or that was not said in time.
    #[error("NATS does not store what is published: its disk may be full, or it is overloaded")]
    Unstored,
    /// The connection was lost on the way.
    #[error("the connection to NATS was lost")]
    LinkLost,
    /// The log could not be read.
    #[error("could not read the log")]
    Log(#[from] Failure),
    /// The log gave another event than the next one.
    #[error("the log gave event {found} where {expected} was expected")]
    LogGap {
        /// The position that comes next.
        expected: Position,
        /// The position that came.
        found: Position,
    },
    /// An event has no subject.
    #[error(transparent)]
    Unroutable(#[from] Unroutable),
    /// The departments could not be read.
    #[error("could not read the departments")]
    Directory(#[from] app::Error),
}

impl Error {
    /// Wraps what NATS said to `operation`.
    pub(crate) fn nats<E: Into<async_nats::Error>>(operation: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Nats { operation, source: source.into() }
    }
}

/// An error with its whole chain in one line, for the place where it is logged.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
