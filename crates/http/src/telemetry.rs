//! What this crate tells about itself: one span and one measurement a request, one count a command.
//!
//! Labels are route templates, methods, statuses, command names and problem codes: finite, and never an id.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use app::refusals::{NOBODY, Refused, named};
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use kernel::{Actor, Role};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::api::Api;
use crate::problem::ProblemCode;
use crate::server::From;

const DURATION: &str = "dualgrid_http_request_duration_seconds";
const COMMANDS: &str = "dualgrid_http_commands_total";
const CONNECTIONS: &str = "dualgrid_http_connections";
const STREAMS: &str = "dualgrid_http_streams";
const ENDED_STREAMS: &str = "dualgrid_http_ended_streams_total";
const REFUSED_CONNECTIONS: &str = "dualgrid_http_refused_connections_total";

/// The outcomes that people look for: what was done, and what is our fault.
const OUTCOMES: [&str; 7] = ["done", "replayed", "busy", "overdue", "outcome-unknown", "unavailable", "internal"];

/// From one millisecond to ten seconds.
const BUCKETS_SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often measurements are folded into their buckets, so that they do not pile up where nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// The route label of what no route takes.
const UNMATCHED: &str = "unmatched";

/// Why metrics cannot be recorded.
#[derive(Debug, thiserror::Error)]
#[error("could not install the recorder of metrics")]
pub struct InstallError(#[from] BuildError);

/// The recorder of this process; `/metrics` shows what it recorded, of every crate.
#[derive(Clone)]
pub struct Metrics(Arc<PrometheusHandle>);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics(..)")
    }
}

/// Installs the one recorder of this process. The binary calls it once, before anything is measured.
pub fn install() -> Result<Metrics, InstallError> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("duration_seconds".to_owned()), &BUCKETS_SECONDS)?;
    let handle = builder.install_recorder()?;
    describe();
    Ok(Metrics(Arc::new(handle)))
}

/// Says what is measured. Counters begin at zero: an increase from nothing is none that an alert could see.
fn describe() {
    metrics::describe_histogram!(DURATION, metrics::Unit::Seconds, "Time until the head of the response was ready");
    metrics::describe_counter!(COMMANDS, "Commands by name and outcome: done, replayed, or the code of the problem");
    metrics::describe_gauge!(CONNECTIONS, "Connections that are open");
    metrics::gauge!(CONNECTIONS).set(0.0);
    metrics::describe_counter!(REFUSED_CONNECTIONS, "Connections that were not let in, by the code of the problem");
    metrics::describe_gauge!(STREAMS, "Streams of events that are open");
    metrics::gauge!(STREAMS).set(0.0);
    metrics::describe_counter!(
        ENDED_STREAMS,
        "Streams of events that were ended, by the reason that their readers were told"
    );
    for reason in crate::events::REASONS {
        metrics::counter!(ENDED_STREAMS, "reason" => reason).increment(0);
    }
    for code in ["crowded", "too-many-at-once"] {
        metrics::counter!(REFUSED_CONNECTIONS, "code" => code).increment(0);
    }
    for verb in app::registry::kinds().iter().flat_map(|kind| kind.verbs()).filter(|verb| !verb.is_part) {
        for outcome in OUTCOMES {
            metrics::counter!(COMMANDS, "command" => verb.name, "outcome" => outcome).increment(0);
        }
    }
}

impl Metrics {
    /// Everything recorded so far, in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.0.render()
    }

    /// Folds measurements into their buckets, for ever.
    pub(crate) async fn keep_up(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(UPKEEP_INTERVAL).await;
            self.0.run_upkeep();
        }
    }
}

/// What is learned about a request on the way, for the line that tells of it.
#[derive(Clone, Debug)]
struct Known {
    span: Span,
    caller: Arc<OnceLock<(String, Role)>>,
}

/// Notes who makes a request, once that is known.
pub(crate) fn note_caller(request: &Request, actor: &Actor) {
    if let Some(Known { span, caller }) = request.extensions().get() {
        span.record("actor.role", actor.role.as_str());
        // A request has one token.
        caller.get_or_init(|| (actor.id.clone(), actor.role));
    }
}

/// Tells that something sensitive was read, by whom.
pub(crate) async fn note_read(action: &'static str, request: Request, next: Next) -> Response {
    let (on, from) = (about(&request), peer(&request));
    let caller = request.extensions().get::<Known>().map(|known| Arc::clone(&known.caller));
    let response = next.run(request).await;
    if response.status().is_success() {
        let caller = caller.as_ref().and_then(|caller| caller.get());
        let (who, role) = caller.map_or((NOBODY, None), |(id, role)| (id.as_str(), Some(role.as_str())));
        let (on, status) = (named(&on), response.status().as_u16());
        tracing::info!(actor.id = who, actor.role = role, what = action, on, from, status, "read");
    }
    response
}

/// Where a request comes from.
fn peer(request: &Request) -> String {
    request.extensions().get::<From>().map_or_else(|| "unknown".to_owned(), |From(peer)| peer.to_string())
}

/// What a request is about: what its path has where the template of its route has a parameter.
fn about(request: &Request) -> String {
    let Some(template) = request.extensions().get::<MatchedPath>() else { return String::new() };
    let segments = template.as_str().split('/').zip(request.uri().path().split('/'));
    segments.filter(|(part, _)| part.starts_with('{')).map(|(_, segment)| segment).collect::<Vec<_>>().join("/")
}

/// Gives every request its span, measures it, and says how it ended.
pub(crate) async fn observe(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str).to_owned();
    let method = method_label(request.method());
    let span = tracing::info_span!(
        "http.request",
        http.method = method,
        http.route = route,
        http.status = tracing::field::Empty,
        duration_ms = tracing::field::Empty,
        actor.role = tracing::field::Empty,
    );
    let caller = Arc::<OnceLock<_>>::default();
    request.extensions_mut().insert(Known { span: span.clone(), caller: Arc::clone(&caller) });
    let (on, from) = (about(&request), peer(&request));
    let started = Instant::now();
    let response = next.run(request).instrument(span.clone()).await;
    let elapsed = started.elapsed();
    let status = response.status().as_u16();
    span.record("http.status", status);
    span.record("duration_ms", elapsed.as_secs_f64() * 1000.0);
    let code = response.extensions().get::<ProblemCode>().map(|ProblemCode(code)| code.as_str());
    span.in_scope(|| tracing::debug!(code, "answered"));
    if let Some(code) = code.filter(|_| response.status().is_client_error() || status == 501) {
        let (who, role) = caller.get().map_or((NOBODY, None), |(id, role)| (id.as_str(), Some(role.as_str())));
        api.app.tell_refused(&Refused { who, role, what: &route, on: &on, from: &from, status, code });
    }
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::histogram!(DURATION, &labels).record(elapsed);
    response
}

/// Counts a connection that was not let in.
pub(crate) fn count_refused_connection(code: &str) {
    metrics::counter!(REFUSED_CONNECTIONS, "code" => code.to_owned()).increment(1);
}

/// Counts a connection that is open, and when it is not any more.
pub(crate) fn count_connection(is_open: bool) {
    let connections = metrics::gauge!(CONNECTIONS);
    if is_open { connections.increment(1.0) } else { connections.decrement(1.0) }
}

/// Counts a stream of events that is open, and when it is not any more.
pub(crate) fn count_stream(is_open: bool) {
    let streams = metrics::gauge!(STREAMS);
    if is_open { streams.increment(1.0) } else { streams.decrement(1.0) }
}

/// Counts a stream of events that was ended.
pub(crate) fn count_ended_stream(reason: &'static str) {
    metrics::counter!(ENDED_STREAMS, "reason" => reason).increment(1);
}

/// Counts a command.
pub(crate) fn count_command(command: &'static str, outcome: impl Into<String>) {
    metrics::counter!(COMMANDS, "command" => command, "outcome" => outcome.into()).increment(1);
}

/// Callers may invent methods; a label has only those that are taken here.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invented_method_makes_no_new_label() {
        assert_eq!(method_label(&Method::POST), "POST");
        assert_eq!(method_label(&"BREW".parse().unwrap()), "other");
    }

    #[test]
    fn what_was_recorded_is_shown_with_its_labels() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = Metrics(Arc::new(recorder.handle()));
        metrics::with_local_recorder(&recorder, || {
            count_command("accept-order", "done");
            count_command("accept-order", "wrong-stage");
        });
        let text = shown.render();
        assert!(text.contains(r#"dualgrid_http_commands_total{command="accept-order",outcome="done"} 1"#), "{text}");
        assert!(text.contains(r#"outcome="wrong-stage"} 1"#), "{text}");
    }
}
