//! Who asks: the bearer token of a request, checked before anything else looks at it.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use chrono::{DateTime, Utc};
use kernel::Actor;

use crate::api::Api;
use crate::headers::only;
use crate::problem::Fault;
use crate::token::TokenError;
use crate::watch::note_caller;

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
    let token = bearer(request.headers())?.ok_or(TokenError::Missing)?;
    let (actor, until) = api.verifier.verify_until(token, api.now())?;
    note_caller(&request, &actor);
    api.app.admit(&actor.id)?;
    request.extensions_mut().insert(Caller { actor, until });
    Ok(next.run(request).await)
}

/// The token of `Authorization: Bearer TOKEN`; the scheme is not case-sensitive (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let Some((scheme, token)) = only(headers, "authorization")?.and_then(|value| value.split_once(' ')) else {
        return Ok(None);
    };
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()))
}

#[cfg(test)]
mod tests {
    use axum::http::header::AUTHORIZATION;

    use super::*;

    #[test]
    fn only_a_bearer_token_is_a_token() {
        let found = |value: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
            bearer(&headers).unwrap().map(str::to_owned)
        };
        assert_eq!(found("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(found("bearer  abc").as_deref(), Some("abc"));
        assert_eq!(found("Basic abc"), None);
        assert_eq!(found("abc"), None);
        assert_eq!(bearer(&HeaderMap::new()).unwrap(), None);
        let twice = ["Bearer abc", "Bearer abc"].map(|value| (AUTHORIZATION, value.parse().unwrap()));
        assert_eq!(bearer(&HeaderMap::from_iter(twice)).unwrap_err().problem().code, "header-repeated");
    }
}
