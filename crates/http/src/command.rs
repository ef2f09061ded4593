//! Commands: one POST each, ending in the one door of the app.

use std::sync::Arc;

use app::intake::{self, Answer};
use app::kind::Kind;
use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use kernel::aggregate::BODY_BYTES_MAX;
use kernel::{CommandId, CorrelationId, VerbSpec};
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{InPath, body, uuid_in};
use crate::headers::{etag, tagged};
use crate::problem::Fault;
use crate::telemetry::count_command;

/// The header with the id of a command.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header that joins what one outside action caused.
pub(crate) const CORRELATION_ID: &str = "dualgrid-correlation-id";
/// The header of W3C Trace Context.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The route of one command.
pub(crate) fn endpoint(kind: &'static dyn Kind, verb: &'static VerbSpec) -> MethodRouter<Arc<Api>> {
    post(async move |State(api): State<Arc<Api>>, caller: Caller, request: Request| {
        let answered = run(&api, caller, kind, verb, request).await;
        count_command(verb.name, outcome(&answered));
        match answered {
            Ok(answer) => reply(kind, verb, answer),
            Err(fault) => fault.into_response(),
        }
    })
}

async fn run(
    api: &Arc<Api>,
    caller: Caller,
    kind: &dyn Kind,
    verb: &VerbSpec,
    request: Request,
) -> Result<Answer, Fault> {
    let (mut parts, payload) = request.into_parts();
    let id = if verb.begins || kind.is_single() {
        None
    } else {
        Some(InPath::<Uuid>::from_request_parts(&mut parts, api).await?.0)
    };
    let said = Said::read(&parts.headers)?;
    let body = body(Request::from_parts(parts, payload), BODY_BYTES_MAX).await?;
    api.app.submit(said.into_request(caller, id, verb.name, body)).await.map_err(Fault::Command)
}

/// What the headers of a command say.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    command: CommandId,
    correlation: Option<CorrelationId>,
    traceparent: Option<String>,
}

impl Said {
    fn read(headers: &HeaderMap) -> Result<Self, Fault> {
        if !is_json(headers) {
            return Err(Fault::UnsupportedMediaType("a body of JSON, with Content-Type: application/json"));
        }
        let command = uuid_in(headers, IDEMPOTENCY_KEY).map_err(|_| Fault::IdempotencyKeyInvalid)?;
        let command = command.ok_or(Fault::IdempotencyKeyMissing)?;
        if command.is_nil() {
            return Err(Fault::IdempotencyKeyInvalid);
        }
        let correlation = uuid_in(headers, CORRELATION_ID).map_err(|_| Fault::CorrelationInvalid)?;
        Ok(Self { command: command.into(), correlation: correlation.map(Uuid::into), traceparent: trace(headers) })
    }

    fn into_request(self, caller: Caller, id: Option<Uuid>, name: &str, body: Bytes) -> intake::Request {
        let Self { command, correlation, traceparent } = self;
        let (actor, name) = (caller.actor, name.to_owned());
        intake::Request { actor, command, correlation, causation: None, traceparent, name, id, body }
    }
}

/// Whether the body is declared as JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}

/// The trace context, if it is one; a broken one is dropped (W3C Trace Context, section 3.2.2).
fn trace(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(TRACEPARENT)?.to_str().ok()?;
    let widths: Vec<usize> = text.split('-').map(str::len).collect();
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
    (widths == [2, 32, 16, 2] && text.starts_with("00-") && text.bytes().all(is_hex)).then(|| text.to_owned())
}

fn reply(kind: &dyn Kind, verb: &VerbSpec, answer: Answer) -> Response {
    let tag = tagged(etag(answer.version));
    if !verb.begins {
        return (tag, Json(answer)).into_response();
    }
    let location = format!("/{}/{}", kind.plural(), answer.id);
    let location = HeaderValue::from_str(&location).expect("a name of routes and a UUID are visible ASCII");
    (StatusCode::CREATED, tag, [(LOCATION, location)], Json(answer)).into_response()
}

/// How a command ended, as a label.
fn outcome(answered: &Result<Answer, Fault>) -> String {
    match answered {
        Ok(answer) if answer.replayed => "replayed".to_owned(),
        Ok(_) => "done".to_owned(),
        Err(fault) => fault.problem().code,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    const ID: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

    fn headers(given: &[(&'static str, &'static str)]) -> HeaderMap {
        let named = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        given.iter().map(named).collect()
    }

    fn code(given: &[(&'static str, &'static str)]) -> String {
        Said::read(&headers(given)).unwrap_err().problem().code
    }

    #[test]
    fn a_command_says_its_id() {
        let json = ("content-type", "application/json; charset=utf-8");
        assert_eq!(code(&[json]), "idempotency-key-missing");
        assert_eq!(code(&[json, (IDEMPOTENCY_KEY, "again")]), "idempotency-key-invalid");
        let zeros = "00000000-0000-0000-0000-000000000000";
        assert_eq!(code(&[json, (IDEMPOTENCY_KEY, zeros)]), "idempotency-key-invalid");
        let correlated = [json, (IDEMPOTENCY_KEY, ID), (CORRELATION_ID, "walk")];
        assert_eq!(code(&correlated), "correlation-id-invalid");
        let said = Said::read(&headers(&[json, (IDEMPOTENCY_KEY, ID), (CORRELATION_ID, ID)])).unwrap();
        assert_eq!((said.command.to_string().as_str(), said.correlation), (ID, Some(ID.parse().unwrap())));
    }

    #[test]
    fn a_command_is_json() {
        for bad in ["text/plain", "application/x-www-form-urlencoded", "application/json-seq", ""] {
            assert_eq!(code(&[("content-type", bad), (IDEMPOTENCY_KEY, ID)]), "unsupported-media-type", "{bad}");
        }
        assert_eq!(code(&[(IDEMPOTENCY_KEY, ID)]), "unsupported-media-type");
        assert!(is_json(&headers(&[("content-type", "Application/Vnd.Dualgrid+JSON")])));
    }

    #[test]
    fn a_trace_is_kept_whole_or_dropped() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(trace(&headers(&[(TRACEPARENT, good)])).as_deref(), Some(good));
        for bad in ["", "00-1-2-3", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] {
            assert_eq!(trace(&headers(&[(TRACEPARENT, bad)])), None, "{bad:?}");
        }
    }

    #[test]
    fn the_answer_to_a_beginning_says_where_it_is() {
        let stream = kernel::StreamId::new("case", ID.parse().unwrap());
        let version = kernel::Version(2);
        let answer = Answer {
            command: ID.parse().unwrap(),
            id: stream.id(),
            streams: vec![app::port::Moved { stream: stream.clone(), version }],
            stream,
            version,
            first: Some(kernel::Position(9)),
            events: 1,
            replayed: false,
        };
        let found = |name: &str| app::registry::verb(name).unwrap();
        let (kind, begins) = found("discover-issue");
        let created = reply(kind, begins, answer.clone());
        assert_eq!(created.status(), StatusCode::CREATED);
        assert_eq!(created.headers()[LOCATION], format!("/cases/{ID}"));
        let (kind, other) = found("accept-order");
        let done = reply(kind, other, answer);
        assert_eq!((done.status(), &done.headers()["etag"]), (StatusCode::OK, &HeaderValue::from_static("\"2\"")));
        assert!(done.headers().get(LOCATION).is_none());
    }
}
