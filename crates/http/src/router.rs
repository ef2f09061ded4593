//! The router: the table of routes, each with its handler, its limit and its lock.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get, post};
use kernel::aggregate::BODY_BYTES_MAX;
use tower_http::catch_panic::CatchPanicLayer;

use crate::api::Api;
use crate::problem::Fault;
use crate::routes::{self, Endpoint};
use crate::{auth, command, docs, events, evidence, headers, operation, query, unread, watch};

/// Where requests come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entrance {
    /// Reached by anybody: nothing about the process but whether it is alive and ready.
    Public,
    /// Reached by who runs it: everything, so that the page of `/docs` can try it.
    Operators,
    /// The same of a process without the role `api`: how it is.
    Processes,
}

/// Everything that dualgrid answers over HTTP.
pub fn router(api: Arc<Api>) -> Router {
    observed(everything(Arc::clone(&api)), api)
}

/// The same without anybody who watches.
pub(crate) fn everything(api: Arc<Api>) -> Router {
    routed(api, Entrance::Operators)
}

/// What callers are answered.
pub(crate) fn public(api: Arc<Api>) -> Router {
    routed(api, Entrance::Public)
}

/// Only what a process without the role `api` answers: how it is.
pub(crate) fn operations(api: Arc<Api>) -> Router {
    routed(api, Entrance::Processes)
}

impl Entrance {
    const fn serves(self, endpoint: Endpoint) -> bool {
        match self {
            Self::Public => !endpoint.is_for_operators(),
            Self::Operators => true,
            Self::Processes => matches!(endpoint, Endpoint::Healthz | Endpoint::Readyz | Endpoint::Metrics),
        }
    }

    fn handler(self, endpoint: Endpoint) -> MethodRouter<Arc<Api>> {
        match (self, endpoint) {
            (Self::Public, Endpoint::Healthz) => get(operation::alive),
            (Self::Public, Endpoint::Readyz) => get(operation::is_ready),
            _ => handler(endpoint),
        }
    }
}

fn routed(api: Arc<Api>, entrance: Entrance) -> Router {
    let mut router = Router::new();
    for route in routes::table().into_iter().filter(|route| entrance.serves(route.endpoint)) {
        let limit = DefaultBodyLimit::max(body_bytes_max(route.endpoint));
        let mut handler = entrance.handler(route.endpoint).layer(limit);
        if !route.endpoint.takes_query() {
            handler = handler.route_layer(from_fn(headers::refuse_query));
        }
        if let Some(action) = route.endpoint.action().filter(|_| route.endpoint.is_sensitive()) {
            handler =
                handler.route_layer(from_fn(async move |request, next| watch::note_read(action, request, next).await));
        }
        if route.endpoint.action().is_some() {
            handler = handler.route_layer(from_fn_with_state(Arc::clone(&api), auth::authenticate));
        }
        router = router.route(&route.path, handler);
    }
    router
        .fallback(async || Fault::NoSuchRoute)
        .method_not_allowed_fallback(async || Fault::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(headers::check_match))
        .layer(from_fn(headers::protect))
        .layer(from_fn(unread::settle))
        .with_state(api)
}

/// Measures every request, and tells of what is refused, whatever stands before the handlers.
pub(crate) fn observed(router: Router, api: Arc<Api>) -> Router {
    router.layer(from_fn_with_state(api, watch::observe))
}

fn handler(endpoint: Endpoint) -> MethodRouter<Arc<Api>> {
    match endpoint {
        Endpoint::Command(kind, verb) => command::endpoint(kind, verb),
        Endpoint::History(kind) => query::history(kind),
        Endpoint::Person(kind, _) => query::person(kind),
        Endpoint::Similar(kind, _) => query::similar(kind),
        Endpoint::Document(_, document) => query::shown(document.path),
        Endpoint::Rows(view) => query::rows(view),
        Endpoint::Row(view) => query::row(view),
        Endpoint::Outcome => get(query::outcome),
        Endpoint::Events => get(events::events),
        Endpoint::Event => get(events::event),
        Endpoint::PutEvidence => post(evidence::put),
        Endpoint::GetEvidence => get(evidence::get),
        Endpoint::Captures => get(evidence::captures),
        Endpoint::NamedFiles(kind) => evidence::named_by(kind),
        Endpoint::Healthz => get(operation::healthz),
        Endpoint::Readyz => get(operation::readyz),
        Endpoint::Metrics => get(operation::metrics),
        Endpoint::OpenApi => get(docs::document),
        Endpoint::Docs => get(docs::index),
        Endpoint::DocsFile => get(docs::file),
    }
}

/// How large a body may be. What takes none takes none. HTTP takes no more of a description of everything than of any other command:
/// the command line loads those.
const fn body_bytes_max(endpoint: Endpoint) -> usize {
    match endpoint {
        Endpoint::Command(..) => BODY_BYTES_MAX,
        Endpoint::PutEvidence => evidence::BYTES_MAX,
        _ => 0,
    }
}

/// The hook of the binary reports a panic with its place; what it was about may be personal and stays out of here.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    Fault::Panicked.into_response()
}

#[cfg(test)]
mod tests;
