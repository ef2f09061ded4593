//! Who asks: the bearer token of a request, checked before anything else looks at it, and what the register says of its subject.

use std::sync::Arc;

use app::who::Subject;
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
use crate::token::{Proved, TokenError};
use crate::watch::note_caller;

/// The header by which somebody who holds several posts says in which they act (一肩挑).
pub(crate) const POST: &str = "dualgrid-post";

/// Who asks, and until when their token is taken. Present wherever [`authenticate`] stands in front.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) until: DateTime<Utc>,
    /// Whom the token proves.
    subject: Subject,
    /// The post that they named.
    post: Option<String>,
}

impl Caller {
    /// Whether the register still lets them act as they did: asked again and again while an answer goes on.
    ///
    /// # Errors
    /// Where the register cannot be read.
    pub(crate) async fn still_acts(&self, api: &Api) -> Result<bool, app::Error> {
        match api.app.who(&self.subject, self.post.as_deref()).await {
            Ok(actor) => Ok(actor == self.actor),
            Err(app::Error::NotWho(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fault> {
        parts.extensions.get().cloned().ok_or(Fault::Token(TokenError::Missing))
    }
}

/// Lets a request pass only with a valid token, of somebody whom the register lets act.
pub(crate) async fn authenticate(
    State(api): State<Arc<Api>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Fault> {
    let token = bearer(request.headers())?.ok_or(TokenError::Missing)?;
    let Proved { subject, until } = api.verifier.verify(token, api.now())?;
    let id = subject.id.text();
    let post = only(request.headers(), POST).map(|post| post.map(str::to_owned));
    let who = who(&api, &subject, &id, post).await;
    note_caller(&request, &id, who.as_ref().ok().map(|(actor, _)| actor.role));
    let (actor, post) = who?;
    request.extensions_mut().insert(Caller { actor, until, subject, post });
    Ok(next.run(request).await)
}

/// The actor that the subject is now, with the post that was named. Before anything is looked up: who floods costs next to nothing.
async fn who(
    api: &Api,
    subject: &Subject,
    id: &str,
    post: Result<Option<String>, Fault>,
) -> Result<(Actor, Option<String>), Fault> {
    api.app.admit(id)?;
    let post = post?;
    let actor = api.app.who(subject, post.as_deref()).await?;
    Ok((actor, post))
}

/// The token of `Authorization: Bearer TOKEN`; the scheme is not case-sensitive (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Fault> {
    let Some((scheme, token)) = only(headers, "authorization")?.and_then(|value| value.split_once(' ')) else {
        return Ok(None);
    };
    Ok(scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()))
}

#[cfg(test)]
mod tests;
