//! Every error as `application/problem+json` (RFC 9457), also those of the framework.

use app::content::NotTaken;
use app::intake::NotExpected;
use app::{Error, Problem};
use axum::Json;
use axum::http::header::{ACCEPT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::token::TokenError;

/// The media type of a problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request is answered with a problem.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("there is nothing here; /openapi.json lists every route")]
    NoSuchRoute,
    #[error("this method is not taken here; see the header Allow")]
    MethodNotAllowed,
    #[error("send {0}")]
    UnsupportedMediaType(&'static str),
    #[error("this can be had as text/event-stream or application/json")]
    NotAcceptable,
    #[error("at most {0} bytes are taken here")]
    BodyTooLarge(usize),
    #[error("the file has {size} bytes, and no byte of it is in the range that is asked for")]
    RangeNotSatisfiable { size: u64 },
    #[error("the body broke off")]
    BodyUnreadable,
    #[error("the body did not arrive in time")]
    BodyTooSlow,
    #[error("a command needs the header Idempotency-Key: a UUID that you make, and send again when you try again")]
    IdempotencyKeyMissing,
    #[error("the header {0} is given more than once; send it once")]
    HeaderRepeated(&'static str),
    #[error("the header {0} has characters other than visible ASCII")]
    HeaderUnreadable(&'static str),
    #[error("the header {0} does not fit: {1}")]
    HeaderInvalid(&'static str, kernel::id::InvalidId),
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    #[error(transparent)]
    Expected(#[from] NotExpected),
    #[error("a request of HTTP/1.1 has one header Host (RFC 9112, section 3.2)")]
    HostNotOne,
    #[error("it has none of the tags that If-Match names; read it without If-Match to see what it is now")]
    PreconditionFailed,
    #[error("Last-Event-ID is the id of an event as it was sent, EPOCH:POSITION, or a position: a number from 0")]
    LastEventIdInvalid,
    #[error("the path does not fit: {0}")]
    PathInvalid(String),
    #[error("the query does not fit: {0}")]
    QueryInvalid(String),
    #[error("this transfer coding is not taken; send the body as it is, or in chunks (RFC 9112, section 6.1)")]
    TransferCoding,
    #[error("at most {most} {what} of one caller are taken at once; close those that you do not need and come back")]
    TooMany { what: &'static str, most: usize },
    #[error("all {most} {what} that are taken at once are taken; come back")]
    Crowded { what: &'static str, most: usize },
    #[error("metrics are not recorded in this process")]
    MetricsOff,
    #[error("something is broken on our side; it was logged")]
    Panicked,
    #[error(transparent)]
    Token(#[from] TokenError),
    /// From a command. The app has logged it where it is ours.
    #[error(transparent)]
    Command(Error),
    /// From anything else the app was asked.
    #[error(transparent)]
    App(#[from] Error),
}

impl Fault {
    /// What the caller is told.
    pub(crate) fn problem(&self) -> Problem {
        let (status, code) = match self {
            Self::NoSuchRoute => (404, "no-such-route"),
            Self::MethodNotAllowed => (405, "method-not-allowed"),
            Self::UnsupportedMediaType(_) => (415, "unsupported-media-type"),
            Self::NotAcceptable => (406, "not-acceptable"),
            Self::BodyTooLarge(_) => (413, "body-too-large"),
            Self::RangeNotSatisfiable { .. } => (416, "range-not-satisfiable"),
            Self::BodyUnreadable => (400, "body-unreadable"),
            Self::BodyTooSlow => (408, "body-too-slow"),
            Self::IdempotencyKeyMissing => (400, "idempotency-key-missing"),
            Self::HeaderRepeated(_) => (400, "header-repeated"),
            Self::HeaderUnreadable(_) => (400, "header-unreadable"),
            Self::HeaderInvalid(name, _) => return Problem::new(400, &format!("{name}-invalid"), self.to_string()),
            Self::NotTaken(error) => (415, error.code()),
            Self::Expected(error) => (400, error.code()),
            Self::HostNotOne => (400, "host-not-one"),
            Self::PreconditionFailed => (412, "precondition-failed"),
            Self::LastEventIdInvalid => (400, "last-event-id-invalid"),
            Self::PathInvalid(_) => (400, "path-invalid"),
            Self::QueryInvalid(_) => (400, "query-invalid"),
            Self::TransferCoding => (501, "transfer-coding-not-taken"),
            Self::TooMany { .. } => (429, "too-many-at-once"),
            Self::Crowded { .. } => (503, "crowded"),
            Self::MetricsOff => (404, "metrics-off"),
            Self::Panicked => (500, "internal"),
            Self::Token(error) => (401, error.code()),
            Self::Command(error) | Self::App(error) => return error.problem(),
        };
        Problem::new(status, code, self.to_string())
    }

    /// Once, at the edge; commands were logged by the app.
    fn log(&self, problem: &Problem) {
        match self {
            Self::App(error) if error.is_ours() => {
                tracing::error!(code = problem.code, %error, "request failed");
            }
            Self::Command(_) => (),
            Self::App(Error::Conflict) => tracing::warn!(code = problem.code, "request lost a race"),
            // Told by whoever watches responses go by and knows the caller.
            _ => {}
        }
    }
}

/// The code of the problem that a response carries, for whoever watches responses go by.
#[derive(Clone, Debug)]
pub(crate) struct ProblemCode(pub(crate) String);

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let problem = self.problem();
        self.log(&problem);
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (code, retry_after) = (ProblemCode(problem.code.clone()), problem.retry_after);
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(seconds) = retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::RangeNotSatisfiable { size } = self {
            // RFC 9110, section 15.5.17: how much there is.
            headers
                .insert(CONTENT_RANGE, HeaderValue::from_str(&format!("bytes */{size}")).expect("a number is ASCII"));
        }
        if matches!(self, Self::NotTaken(NotTaken::Coded)) {
            // RFC 9110, section 15.5.16: what would be taken.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if status == StatusCode::UNAUTHORIZED {
            let missing = matches!(self, Self::Token(TokenError::Missing));
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge(missing)));
        }
        response.extensions_mut().insert(code);
        response
    }
}

/// The challenge of RFC 6750: it names an error only where there was a token.
const fn challenge(is_missing: bool) -> &'static str {
    if is_missing { r#"Bearer realm="dualgrid""# } else { r#"Bearer realm="dualgrid", error="invalid_token""# }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_status_and_media_type() {
        let response = Fault::IdempotencyKeyMissing.into_response();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
        assert_eq!(Fault::NoSuchRoute.problem().r#type, "urn:dualgrid:problem:no-such-route");
    }

    #[test]
    fn a_missing_token_is_answered_with_a_challenge() {
        let challenge = |error| Fault::Token(error).into_response().headers()[WWW_AUTHENTICATE].clone();
        assert_eq!(challenge(TokenError::Missing), r#"Bearer realm="dualgrid""#);
        assert!(challenge(TokenError::Signature).to_str().unwrap().ends_with(r#"error="invalid_token""#));
        assert_eq!(Fault::Token(TokenError::Expired).problem().code, "token-expired");
    }

    #[test]
    fn what_is_in_the_way_for_a_moment_says_when_to_come_back() {
        let response = Fault::App(Error::Conflict).into_response();
        assert_eq!((response.status().as_u16(), &response.headers()[RETRY_AFTER]), (503, &"1".parse().unwrap()));
        let halted = app::port::Lost { after: kernel::Position(3), to: kernel::Position(9) };
        let response = Fault::Command(Error::Halted(halted)).into_response();
        assert_eq!((response.status().as_u16(), &response.headers()[RETRY_AFTER]), (503, &"30".parse().unwrap()));
        assert!(Fault::NotAcceptable.into_response().headers().get(RETRY_AFTER).is_none());
    }

    #[test]
    fn our_own_faults_keep_their_details_to_themselves() {
        let secret = || Error::Unreadable("password of the database".into());
        for fault in [Fault::App(secret()), Fault::Command(secret()), Fault::Panicked] {
            let problem = fault.problem();
            assert_eq!((problem.status, problem.code.as_str()), (500, "internal"));
            assert!(!problem.detail.contains("password"));
        }
    }
}
