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
    Json(json!({ "instance": api.instance, "pid": std::process::id(), "version": env!("CARGO_PKG_VERSION") }))
}

/// Whether the process can do its work: 200, or 503 with what is missing.
pub(crate) async fn readyz(State(api): State<Arc<Api>>) -> (StatusCode, Json<Report>) {
    let report = api.app.ready().await;
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

/// What was measured. Open to who reaches it, because no label names a case, a person or a place; the proxy in front
/// keeps it inside the network all the same.
pub(crate) async fn metrics(State(api): State<Arc<Api>>) -> Result<impl IntoResponse, Fault> {
    let metrics = api.metrics.as_ref().ok_or(Fault::MetricsOff)?;
    Ok(([(CONTENT_TYPE, PROMETHEUS)], metrics.render()))
}
