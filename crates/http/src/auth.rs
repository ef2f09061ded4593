//! Who asks: the bearer token of a request, checked before anything else looks at it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};
use kernel::Actor;

use crate::api::Api;
use crate::problem::Fault;
use crate::telemetry::note_role;
use crate::token::TokenError;

/// Who asks, and until when their token is taken. Present wherever [`authenticate`] stands in front.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) until: DateTime<Utc>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parts.extensions.get().cloned().ok_or(Fault::Token(TokenError::Missing))
    }
}

/// Lets a request pass only with a valid token.
pub(crate) async fn authenticate(
    State(api): State<Arc<Api>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let token = bearer(request.headers()).ok_or(TokenError::Missing)?;
    let (actor, until) = api.verifier.verify_until(token, api.now())?;
    note_role(&request, actor.role);
    request.extensions_mut().insert(Caller { actor, until });
    Ok(next.run(request).await)
}

/// The token of `Authorization: Bearer TOKEN`; the scheme is not case-sensitive (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bearer_token_is_a_token() {
        let found = |value: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(found("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(found("bearer  abc").as_deref(), Some("abc"));
        assert_eq!(found("Basic abc"), None);
        assert_eq!(found("abc"), None);
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
