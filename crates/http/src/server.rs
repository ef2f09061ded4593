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
use crate::router;
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
    /// Whether commands and queries are served; without them the process only tells how it is.
    pub data: bool,
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
    let Options { listener, verifier, instance, data, metrics, shutdown } = options;
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
    let routes = if data { router::router } else { router::operations };
    let server = axum::serve(listener, routes(Arc::clone(&api))).with_graceful_shutdown(signal);
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use tokio::sync::oneshot;

    use super::*;
    use crate::testing::{Bench, auditor, token, verifier};

    /// Sends a request and reads until `mark` or the end.
    async fn ask(connection: &mut TcpStream, request: String, mark: &str) -> String {
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        let mut piece = [0; 4096];
        while !text.contains(mark) {
            match connection.read(&mut piece).await.unwrap() {
                0 => break,
                read => text.push_str(&String::from_utf8_lossy(&piece[..read])),
            }
        }
        text
    }

    #[tokio::test]
    async fn it_answers_and_stops_also_under_an_open_stream() {
        let bench = Bench::new();
        bench.log.record("{}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async move { stopped.await.unwrap_or_default() };
        let options =
            Options { listener, verifier: verifier(), instance: "one".into(), data: true, metrics: None, shutdown };
        let client = async {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let alive = ask(&mut connection, "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n".into(), "}").await;
            assert!(alive.starts_with("HTTP/1.1 200 OK"), "{alive}");
            let token = token(&auditor());
            let request = format!("GET /events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\r\n");
            let events = ask(&mut connection, request, "data: {}").await;
            assert!(events.contains("id: 1"), "{events}");
            stop.send(()).unwrap();
            let mut rest = Vec::new();
            connection.read_to_end(&mut rest).await.unwrap();
            assert!(rest.ends_with(b"0\r\n\r\n"), "the stream ends whole");
        };
        let both = async { tokio::join!(serve(Arc::clone(&bench.api.app), options), client) };
        let (ended, ()) = tokio::time::timeout(DRAIN_TIME / 2, both).await.expect("it stops at once");
        ended.unwrap();
    }
}
