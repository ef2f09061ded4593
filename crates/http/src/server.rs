//! The server: accepts connections until it is told to stop, then lets requests in flight end.

use std::convert::Infallible;
use std::future::{Future, IntoFuture as _};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::api::Api;
use crate::telemetry::Metrics;
use crate::token::Verifier;

/// How long requests in flight may take once the server stops.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// What the binary gives the server.
#[derive(Debug)]
pub struct Options<S> {
    /// Where it listens.
    pub listener: TcpListener,
    /// Who may come in.
    pub verifier: Verifier,
    /// The name of this process.
    pub instance: String,
    /// What `/metrics` shows; without it the route says that there are none.
    pub metrics: Option<Metrics>,
    /// Ready when the server is to stop.
    pub shutdown: S,
}

/// Serves until `shutdown` is ready and the requests in flight have ended.
///
/// Streams of events end at once then; their readers come back elsewhere with `Last-Event-ID`.
///
/// # Errors
/// Where the listener itself fails.
pub async fn serve<S>(app: Arc<App>, options: Options<S>) -> io::Result<()>
where
    S: Future<Output = ()> + Send + 'static,
{
    let Options { listener, verifier, instance, metrics, shutdown } = options;
    let api = Api::new(app, verifier, instance, metrics);
    let mut stopping = api.stopping();
    let signal = {
        let api = Arc::clone(&api);
        async move {
            shutdown.await;
            api.stop();
        }
    };
    // Answers are small and wanted at once: no waiting for a fuller packet.
    let listener = listener.tap_io(|connection| {
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "could not set TCP_NODELAY");
        }
    });
    let server = axum::serve(listener, crate::router(Arc::clone(&api))).with_graceful_shutdown(signal);
    let overdue = async {
        let stopped = stopping.wait_for(|stopping| *stopping).await.is_ok();
        debug_assert!(stopped, "the api outlives its own server");
        tokio::time::sleep(DRAIN_TIME).await;
    };
    tokio::select! {
        ended = server.into_future() => ended,
        () = overdue => {
            tracing::warn!(drain_s = DRAIN_TIME.as_secs(), "stopped with requests in flight");
            Ok(())
        }
        never = keep_up(api.metrics.as_ref()) => match never {},
    }
}

async fn keep_up(metrics: Option<&Metrics>) -> Infallible {
    match metrics {
        Some(metrics) => metrics.keep_up().await,
        None => std::future::pending().await,
    }
}
