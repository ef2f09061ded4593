//! What every handler shares.

use std::sync::Arc;

use app::App;
use chrono::{DateTime, Utc};
use tokio::sync::watch;

use crate::events::Feed;
use crate::limits::{Crowd, Limits};
use crate::telemetry::Metrics;
use crate::token::Verifier;

/// The app, who may come in, and what this process tells about itself.
pub struct Api {
    pub(crate) app: Arc<App>,
    pub(crate) verifier: Verifier,
    pub(crate) instance: String,
    pub(crate) metrics: Option<Metrics>,
    /// Streams of events that are open, by principal.
    pub(crate) streams: Arc<Crowd<String>>,
    /// What the log has got lately, for all of them.
    pub(crate) feed: Feed,
    /// Files that are being uploaded, by principal.
    pub(crate) uploads: Arc<Crowd<String>>,
    stopping: watch::Sender<bool>,
}

impl Api {
    /// Puts HTTP on top of the app. `instance` names this process in `/healthz`.
    pub fn new(
        app: Arc<App>,
        verifier: Verifier,
        instance: impl Into<String>,
        metrics: Option<Metrics>,
        limits: Limits,
    ) -> Arc<Self> {
        let stopping = watch::Sender::new(false);
        let streams = Crowd::new("streams of events", limits.streams, limits.streams_per_principal);
        let uploads = Crowd::new("uploads", limits.uploads, limits.uploads_per_principal);
        Arc::new(Self {
            app,
            verifier,
            instance: instance.into(),
            metrics,
            streams,
            feed: Feed::default(),
            uploads,
            stopping,
        })
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
