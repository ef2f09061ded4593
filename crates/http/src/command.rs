//! Commands: one POST each, ending in the one door of the app.

use std::sync::Arc;

use app::content::{NotTaken, is_json};
use app::intake::{self, Answer};
use app::kind::Kind;
use axum::Json;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use kernel::aggregate::BODY_BYTES_MAX;
use kernel::{CommandId, CorrelationId, VerbSpec};
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{IdInPath, body};
use crate::headers::{etag, expected, id_in, media_type, only, tagged};
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
        Some(IdInPath::from_request_parts(&mut parts, api).await?.0)
    };
    let said = Said::read(&parts.headers)?;
    let expected = expected(&parts.headers)?;
    let body = body(Request::from_parts(parts, payload), BODY_BYTES_MAX).await?;
    api.app.submit_if(said.into_request(caller, id, verb.name, body), expected).await.map_err(Fault::Command)
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
        if !media_type(headers)?.is_some_and(|media_type| is_json(&media_type)) {
            return Err(NotTaken::NotJson.into());
        }
        let command = id_in(headers, IDEMPOTENCY_KEY)?.ok_or(Fault::IdempotencyKeyMissing)?;
        let correlation = id_in(headers, CORRELATION_ID)?;
        // A trace context that is given twice is broken, and what is broken is dropped.
        let traceparent = only(headers, TRACEPARENT).ok().flatten().and_then(kernel::trace::traceparent);
        Ok(Self { command: command.into(), correlation: correlation.map(Uuid::into), traceparent })
    }

    fn into_request(self, caller: Caller, id: Option<Uuid>, name: &str, body: Bytes) -> intake::Request {
        let Self { command, correlation, traceparent } = self;
        let (actor, name) = (caller.actor, name.to_owned());
        intake::Request { actor, command, correlation, causation: None, traceparent, name, id, body }
    }
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
        assert_eq!(code(&correlated), "dualgrid-correlation-id-invalid");
        let uncorrelated = [json, (IDEMPOTENCY_KEY, ID), (CORRELATION_ID, zeros)];
        assert_eq!(code(&uncorrelated), "dualgrid-correlation-id-invalid");
        let twice = [json, (IDEMPOTENCY_KEY, ID), (IDEMPOTENCY_KEY, ID)];
        assert_eq!(code(&twice), "header-repeated", "also where both are the same");
        let zipped = [json, (IDEMPOTENCY_KEY, ID), ("content-encoding", "gzip")];
        assert_eq!(code(&zipped), "content-encoding-not-taken");
        let said = Said::read(&headers(&[json, (IDEMPOTENCY_KEY, ID), (CORRELATION_ID, ID)])).unwrap();
        assert_eq!((said.command.to_string().as_str(), said.correlation), (ID, Some(ID.parse().unwrap())));
    }

    #[test]
    fn a_command_is_json() {
        for bad in ["text/plain", "application/x-www-form-urlencoded", "application/json-seq", ""] {
            assert_eq!(code(&[("content-type", bad), (IDEMPOTENCY_KEY, ID)]), "unsupported-media-type", "{bad}");
        }
        assert_eq!(code(&[(IDEMPOTENCY_KEY, ID)]), "unsupported-media-type");
        let said = Said::read(&headers(&[("content-type", "Application/Vnd.Dualgrid+JSON"), (IDEMPOTENCY_KEY, ID)]));
        assert_eq!(said.unwrap().command.to_string(), ID);
    }

    #[test]
    fn a_trace_is_recorded_whole_or_not_at_all() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let of_zeros = "00-00000000000000000000000000000000-b7ad6b7169203331-01";
        let traced = |traces: &[&'static str]| {
            let given = [("content-type", "application/json"), (IDEMPOTENCY_KEY, ID)];
            let traces = traces.iter().map(|trace| (TRACEPARENT, *trace));
            Said::read(&headers(&given.into_iter().chain(traces).collect::<Vec<_>>())).unwrap().traceparent
        };
        assert_eq!(traced(&[good]).as_deref(), Some(good));
        assert_eq!((traced(&[of_zeros]), traced(&[good, good]), traced(&[])), (None, None, None));
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
            warnings: vec![],
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
