//! What every handler shares.

use std::sync::Arc;

use app::App;
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::telemetry::Metrics;
use crate::token::Verifier;

/// The app, who may come in, and what this process tells about itself.
pub struct Api {
    pub(crate) app: Arc<App>,
    pub(crate) verifier: Verifier,
    pub(crate) instance: String,
    pub(crate) metrics: Option<Metrics>,
    stopping: watch::Sender<bool>,
}

impl Api {
    /// Puts HTTP on top of the app. `instance` names this process in `/healthz`.
    pub fn new(app: Arc<App>, verifier: Verifier, instance: impl Into<String>, metrics: Option<Metrics>) -> Arc<Self> {
        let stopping = watch::Sender::new(false);
        Arc::new(Self { app, verifier, instance: instance.into(), metrics, stopping })
    }

    /// Now, by the clock of the app.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.app.clock().now()
    }

    /// Lets every stream of events end.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// Turns true when the server stops.
    pub(crate) fn stopping(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }
}
