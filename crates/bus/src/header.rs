//! The names of our own message headers.

use async_nats::{HeaderMap, HeaderName};

/// Position of an event in the log; the same as its sequence in the stream.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("Dualgrid-Position");
/// Id of a command.
pub(crate) const COMMAND_ID: HeaderName = HeaderName::from_static("Dualgrid-Command-Id");
/// The case a command is for.
pub(crate) const CASE_ID: HeaderName = HeaderName::from_static("Dualgrid-Case-Id");
/// Joins everything that one outside action caused.
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("Dualgrid-Correlation-Id");
/// Staff id of the clerk who acts for a department.
pub(crate) const ACTOR: HeaderName = HeaderName::from_static("Dualgrid-Actor");
/// W3C trace context.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Media type of the payload.
pub(crate) const CONTENT_TYPE: HeaderName = HeaderName::from_static("Content-Type");

/// The value of a header, if it is there.
pub(crate) fn value(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).map(async_nats::HeaderValue::as_str)
}
