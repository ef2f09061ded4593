//! What this crate tells about itself: one span and one measurement a request, one count a command.
//!
//! Labels are route templates, methods, statuses, command names and problem codes: finite, and never an id.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

const DURATION: &str = "dualgrid_http_request_duration_seconds";
const COMMANDS: &str = "dualgrid_http_commands_total";
const CONNECTIONS: &str = "dualgrid_http_connections";
const STREAMS: &str = "dualgrid_http_streams";
const ENDED_STREAMS: &str = "dualgrid_http_ended_streams_total";
const REFUSED_CONNECTIONS: &str = "dualgrid_http_refused_connections_total";

/// Every reason for which a stream of events is ended.
pub(crate) const REASONS: [&str; 7] =
    ["epoch-raised", "log-went-back", "stopping", "token-expired", "too-slow", "unavailable", "withdrawn"];

/// The outcomes that people look for: what was done, and what is our fault.
const OUTCOMES: [&str; 7] = ["done", "replayed", "busy", "overdue", "outcome-unknown", "unavailable", "internal"];

/// From one millisecond to ten seconds.
const BUCKETS_SECONDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often measurements are folded into their buckets, so that they do not pile up where nobody scrapes.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

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
    for reason in REASONS {
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

/// Measures a request.
pub(crate) fn measure(route: String, method: &'static str, status: u16, elapsed: Duration) {
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::histogram!(DURATION, &labels).record(elapsed);
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
pub(crate) fn method_label(method: &Method) -> &'static str {
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
