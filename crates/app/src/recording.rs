//! Whether anything can be recorded. The log is a role that can stall like any other: a lock that somebody else holds on its
//! head lets everybody read and nobody write.

use std::convert::Infallible;
use std::time::Duration;

use kernel::digest::Digest;
use kernel::{CommandId, StreamId, Version};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::App;
use crate::health::{SILENT_LAG_MAX, show_stalled};
use crate::port::{Append, Fingerprint, Part};

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After how long without an append one is tried.
const TRY_AFTER: Duration = Duration::from_secs(10);
/// How long a trial may take.
const TRIAL_PATIENCE: Duration = Duration::from_secs(5);
/// The stream of trials. It never has an event.
const TRIAL_STREAM: &str = "trial";
/// The version that a trial expects, which no stream has: the log looks, finds another one, and records nothing.
const NO_VERSION: Version = Version(2_000_000_000);
/// The name of the role, in the metrics and in `/readyz`.
pub(crate) const LOG: &str = "log";

impl App {
    /// Watches whether the log takes appends, and tells readiness. Where nobody appends, it is tried with one that has no effect.
    pub async fn watch_log(&self) -> Infallible {
        show_stalled(LOG, false);
        loop {
            sleep(LOOK_EVERY).await;
            if self.answered.silent() >= TRY_AFTER {
                self.try_log().await;
            }
            self.show_log();
        }
    }

    /// Says in the metrics and to readiness whether the log stalls.
    fn show_log(&self) {
        let silent = self.answered.silent();
        let stalled = silent > SILENT_LAG_MAX;
        show_stalled(LOG, stalled);
        let detail = if stalled {
            tracing::error!(role = LOG, silent_s = silent.as_secs(), "nothing can be recorded");
            format!(
                "nothing could be recorded for {} s: look for a lock on the database or a full disk",
                silent.as_secs()
            )
        } else {
            "takes appends".to_owned()
        };
        self.health().report(LOG, !stalled, detail);
    }

    /// The same way as every append: the writer, its connection, the lock of the head, a transaction.
    async fn try_log(&self) {
        let id = Uuid::new_v5(&kernel::id::NAMESPACE, TRIAL_STREAM.as_bytes());
        let part = Part { stream: StreamId::new(TRIAL_STREAM, id), expected: NO_VERSION, events: Vec::new() };
        let append = Append {
            principal: TRIAL_STREAM.to_owned(),
            command: CommandId::new(id),
            request: Fingerprint::of(Digest::of(TRIAL_STREAM.as_bytes())),
            parts: vec![part],
            at: self.ports.clock.now(),
            incarnation: None,
        };
        if let Ok(answer) = timeout(TRIAL_PATIENCE, self.ports.log.append(append)).await {
            self.answered.note(&answer);
        } else {
            tracing::warn!(patience_s = TRIAL_PATIENCE.as_secs(), "the log does not answer a trial");
        }
    }
}
