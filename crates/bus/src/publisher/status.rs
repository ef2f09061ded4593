//! What the publisher reports: to readiness, and as metrics.

use std::fmt;
use std::sync::Arc;

use app::port::Lost;
use chrono::{DateTime, Utc};
use kernel::{Clock, Position};
use tokio::sync::watch;

const PUBLISHED: &str = "dualgrid_publisher_events_total";
const LAG: &str = "dualgrid_publisher_lag_events";
const REBUILDS: &str = "dualgrid_publisher_rebuilds_total";

/// What the publisher does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublisherState {
    /// It has not connected or not compared yet.
    Starting,
    /// It publishes; stream and log agreed when they were last compared.
    Publishing,
    /// NATS does not answer. Commands are still accepted, and published later.
    Away,
    /// The stream differed from the log and is being recreated.
    Rebuilding,
    /// The stream holds events that the log does not have: an operator must decide.
    Stopped(Lost),
    /// It cannot go on before somebody has mended something: an event is larger than NATS takes, or the stream belongs to another
    /// installation. The text names no host.
    Blocked(String),
    /// Something failed and is tried again. The text names no host.
    Failing(String),
}

impl fmt::Display for PublisherState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => f.write_str("starting"),
            Self::Publishing => f.write_str("publishing"),
            Self::Away => f.write_str("NATS is away"),
            Self::Rebuilding => f.write_str("recreating the stream"),
            Self::Stopped(lost) => lost.fmt(f),
            Self::Blocked(reason) | Self::Failing(reason) => f.write_str(reason),
        }
    }
}

/// How the publisher is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublisherStatus {
    pub state: PublisherState,
    /// The last event that is in the stream.
    pub published: Position,
    /// The newest event of the log that was seen.
    pub head: Position,
    /// When it last published an event or had nothing left to publish.
    pub progressed: DateTime<Utc>,
    /// How many times the stream was recreated since the start.
    pub rebuilds: u64,
}

impl PublisherStatus {
    /// How many events are not in the stream yet.
    pub const fn lag(&self) -> u64 {
        self.head.0.saturating_sub(self.published.0)
    }
}

/// Keeps the status and the metrics.
pub(super) struct Reporter {
    clock: Arc<dyn Clock>,
    status: watch::Sender<PublisherStatus>,
}

impl Reporter {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let status = PublisherStatus {
            state: PublisherState::Starting,
            published: Position::START,
            head: Position::START,
            progressed: clock.now(),
            rebuilds: 0,
        };
        Self { clock, status: watch::Sender::new(status) }
    }

    /// Shows the metrics from the start: an increase from nothing is none that an alert could see.
    pub(super) fn begin() {
        metrics::describe_counter!(PUBLISHED, "Events published to NATS by this process");
        metrics::describe_gauge!(LAG, "Events of the log that are not in the NATS stream yet");
        metrics::describe_counter!(REBUILDS, "How many times the NATS stream differed from the log and was recreated");
        metrics::counter!(PUBLISHED).increment(0);
        metrics::counter!(REBUILDS).increment(0);
    }

    pub(super) fn status(&self) -> watch::Receiver<PublisherStatus> {
        self.status.subscribe()
    }

    pub(super) fn published(&self) -> Position {
        self.status.borrow().published
    }

    pub(super) fn state(&self, state: PublisherState) {
        self.change(|status| status.state = state);
    }

    pub(super) fn failing(&self, reason: String) {
        self.state(PublisherState::Failing(reason));
    }

    pub(super) fn head(&self, head: Position) {
        self.change(|status| status.head = head.max(status.published));
    }

    /// Stream and log agree up to `last`, where the stream ends.
    pub(super) fn agreed(&self, last: Position) {
        self.change(|status| {
            status.state = PublisherState::Publishing;
            status.published = last;
        });
    }

    /// `events` more events were stored, up to `last`.
    pub(super) fn published_to(&self, last: Position, events: u64) {
        metrics::counter!(PUBLISHED).increment(events);
        let now = self.clock.now();
        self.change(|status| {
            status.published = last;
            status.progressed = now;
        });
    }

    pub(super) fn rebuilding(&self) {
        metrics::counter!(REBUILDS).increment(1);
        self.change(|status| {
            status.state = PublisherState::Rebuilding;
            status.published = Position::START;
            status.rebuilds += 1;
        });
    }

    fn change(&self, change: impl FnOnce(&mut PublisherStatus)) {
        let now = self.clock.now();
        self.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            status.head = status.head.max(status.published);
            if status.lag() == 0 && status.state == PublisherState::Publishing {
                status.progressed = now;
            }
            metrics::gauge!(LAG).set(gauge(status.lag()));
            *status != before
        });
    }
}

/// A gauge is a float; a lag beyond 2^32 events is shown as 2^32.
fn gauge(lag: u64) -> f64 {
    u32::try_from(lag).unwrap_or(u32::MAX).into()
}
