//! Floor 4: dualgrid over HTTP: commands, queries, events as they happen, evidence, and a page to try it all.
//!
//! One table (`routes`), made from the registry, lists every route; the router, the OpenAPI document and the coverage tests walk it.
//! Nothing here knows a kind by name.
//! Errors of every kind are `application/problem+json` (RFC 9457) with a stable `code`.
//!
//! INVARIANT: no token, no data. Without a valid bearer token only `/healthz`, `/readyz`, `/metrics`, `/openapi.json`
//! and `/docs` answer; none of them shows a case, a person or an id of either.
//! INVARIANT: nothing here decides who may do what; [`app::App`] does, for every command and query.
//! INVARIANT: an event leaves as the exact bytes that were recorded; it is never re-serialised.
//! INVARIANT: bodies, query values and tokens are never logged and never become labels of a metric.
//! INVARIANT: `/docs` needs nothing from the internet; a Content-Security-Policy holds it to that.
//!
//! INVARIANT: nobody takes more of the process than [`limits`] says: connections, streams, uploads, and the time that they are open.
//!
//! Absent on purpose: TLS, compression and CORS, which belong to the proxy in front; the system's clock,
//! which the app brings ([`app::App::clock`]).

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod api;
mod auth;
mod command;
mod docs;
mod events;
mod evidence;
mod extract;
mod headers;
pub mod limits;
pub mod openapi;
mod operation;
mod problem;
mod query;
mod router;
mod routes;
pub mod server;
pub mod telemetry;
pub mod token;
mod unread;
mod watch;

#[cfg(test)]
mod testing;

pub use api::Api;
pub use router::router;
