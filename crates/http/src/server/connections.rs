//! Connections: each talks HTTP/1.1 until it ends, waits too long, or the server stops.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use app::Problem;
use axum::Router;
use axum::http::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Layer as _;

use super::patient::Patient;
use crate::limits::{Crowd, From, Limits, Place, peer_of};
use crate::problem::PROBLEM_JSON;
use crate::telemetry::{count_connection, count_refused_connection};

/// How much of a head is read, and of an answer gathered, in bytes. A head of thirty-two tokens fits.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// How long a listener that cannot accept waits: mostly the process has no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(500);
/// How many who were not let in are told so at once; others are closed without a word.
const TOLD_MAX: usize = 64;
/// How long one of them may take to hear it.
const TOLD_PATIENCE: Duration = Duration::from_secs(1);

/// The connections of one listener.
pub(super) struct Connections {
    routes: Router,
    crowd: Arc<Crowd<IpAddr>>,
    limits: Limits,
    stopping: watch::Receiver<bool>,
    open: JoinSet<()>,
    told: JoinSet<()>,
}

impl Connections {
    pub(super) fn new(routes: Router, limits: Limits, stopping: watch::Receiver<bool>) -> Self {
        let crowd = Crowd::new("connections", limits.connections, limits.connections_per_peer);
        Self { routes, crowd, limits, stopping, open: JoinSet::new(), told: JoinSet::new() }
    }

    /// Accepts until the server stops, then lets those that are open end.
    pub(super) async fn serve(&mut self, listener: TcpListener) {
        let mut stopping = self.stopping.clone();
        loop {
            tokio::select! {
                () = told_to_stop(&mut stopping) => break,
                accepted = listener.accept() => match accepted {
                    Ok((connection, from)) => self.take(connection, from),
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
                Some(ended) = self.open.join_next() => closed(ended),
                Some(ended) = self.told.join_next() => note(ended),
            }
        }
        drop(listener);
        while let Some(ended) = self.open.join_next().await {
            closed(ended);
        }
    }

    fn take(&mut self, connection: TcpStream, from: SocketAddr) {
        match self.crowd.admit(peer_of(from.ip())) {
            Ok(place) => {
                count_connection(true);
                let routes = self.routes.clone();
                self.open.spawn(converse(connection, from.ip(), place, routes, self.limits, self.stopping.clone()));
            }
            Err(fault) => {
                let problem = fault.problem();
                count_refused_connection(&problem.code);
                if self.told.len() < TOLD_MAX {
                    self.told.spawn(refuse(connection, problem));
                }
            }
        }
    }
}

async fn told_to_stop(stopping: &mut watch::Receiver<bool>) {
    // Where nobody is left to say so, the process ends.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

fn closed(ended: Result<(), tokio::task::JoinError>) {
    count_connection(false);
    note(ended);
}

fn note(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a connection ended in a panic");
    }
}

/// Answers the requests of one connection.
async fn converse(
    connection: TcpStream,
    from: IpAddr,
    _place: Place<IpAddr>,
    routes: Router,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    // Answers are small and wanted at once: no waiting for a fuller packet.
    if let Err(error) = connection.set_nodelay(true) {
        tracing::debug!(%error, "could not set TCP_NODELAY");
    }
    let service = axum::Extension(From(from)).layer(routes);
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(limits.idle).max_buf_size(BUFFER_BYTES_MAX);
    let connection = TokioIo::new(Patient::new(connection, limits.stalled));
    let mut talk = pin!(server.serve_connection(connection, TowerToHyperService::new(service)));
    let ended = tokio::select! {
        ended = talk.as_mut() => ended,
        () = told_to_stop(&mut stopping) => {
            talk.as_mut().graceful_shutdown();
            talk.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %from, "a connection broke off");
    }
}

/// Tells who is not let in that it may come back. What it sends meanwhile is read: a connection that is closed over it is reset, and its
/// caller hears nothing.
async fn refuse(mut connection: TcpStream, problem: Problem) {
    let Ok(body) = serde_json::to_string(&problem) else { return };
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let (seconds, length) = (problem.retry_after.unwrap_or(1), body.len());
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {PROBLEM_JSON}\r\nretry-after: {seconds}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    let telling = async {
        connection.write_all(answer.as_bytes()).await?;
        connection.shutdown().await?;
        let mut unread = [0; 1024];
        while connection.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Who does not listen is closed all the same.
    drop(tokio::time::timeout(TOLD_PATIENCE, telling).await);
}
