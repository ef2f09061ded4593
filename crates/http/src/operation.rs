//! For whoever runs it: alive, ready, measured. No token, and so no data.

use std::sync::Arc;

use app::health::Report;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::api::Api;
use crate::problem::Fault;

/// The text format of Prometheus.
pub(crate) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The process is alive, and this is which.
pub(crate) async fn healthz(State(api): State<Arc<Api>>) -> Json<Value> {
    let (instance, pid, version) = (&api.instance, std::process::id(), env!("CARGO_PKG_VERSION"));
    Json(json!({ "alive": true, "instance": instance, "pid": pid, "version": version }))
}

/// The process is alive: all that strangers hear of it.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "alive": true }))
}

/// The same of whether it can do its work: 200 or 503. What is missing is told on the operations listener.
pub(crate) async fn is_ready(State(api): State<Arc<Api>>) -> (StatusCode, Json<Value>) {
    let (status, Json(report)) = readyz(State(api)).await;
    (status, Json(json!({ "ready": report.is_ready() })))
}

/// Whether the process can do its work: 200, or 503 with what is missing.
pub(crate) async fn readyz(State(api): State<Arc<Api>>) -> (StatusCode, Json<Report>) {
    let report = api.app.ready().await;
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

/// What was measured. Open to who reaches the operations listener, because no label names a case, a person or a place.
pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Result<impl IntoResponse, Fault> {
    let metrics = api.metrics.as_ref().ok_or(Fault::MetricsOff)?;
    Ok(([(CONTENT_TYPE, PROMETHEUS)], metrics.render()))
}
