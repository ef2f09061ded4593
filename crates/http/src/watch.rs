//! Every request as it goes by: its span, its measurement, and the line that tells of a refusal or of what is sensitive.

use std::sync::{Arc, OnceLock};

use app::refusals::{NOBODY, Refused, named};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use kernel::Role;
use tokio::time::Instant;
use tracing::{Instrument as _, Span};

use crate::api::Api;
use crate::limits::From;
use crate::problem::ProblemCode;
use crate::telemetry::{measure, method_label};

/// The route label of what no route takes.
const UNMATCHED: &str = "unmatched";

/// What is learned about a request on the way, for the line that tells of it.
#[derive(Clone, Debug)]
struct Known {
    span: Span,
    caller: Arc<OnceLock<(String, Option<Role>)>>,
}

/// Notes who makes a request, once that is known, and in which role, where they may act.
pub(crate) fn note_caller(request: &Request, id: &str, role: Option<Role>) {
    if let Some(Known { span, caller }) = request.extensions().get() {
        if let Some(role) = role {
            span.record("actor.role", role.as_str());
        }
        // A request has one token.
        caller.get_or_init(|| (id.to_owned(), role));
    }
}

/// Tells that something sensitive was read, by whom.
pub(crate) async fn note_read(action: &'static str, request: Request, next: Next) -> Response {
    let (on, from) = (about(&request), peer(&request));
    let caller = request.extensions().get::<Known>().map(|known| Arc::clone(&known.caller));
    let response = next.run(request).await;
    if response.status().is_success() {
        let caller = caller.as_ref().and_then(|caller| caller.get());
        let (who, role) = caller.map_or((NOBODY, None), |(id, role)| (id.as_str(), role.map(Role::as_str)));
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
        let (who, role) = caller.get().map_or((NOBODY, None), |(id, role)| (id.as_str(), role.map(Role::as_str)));
        api.app.tell_refused(&Refused { who, role, what: &route, on: &on, from: &from, status, code });
    }
    measure(route, method, status, elapsed);
    response
}
