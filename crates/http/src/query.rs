//! Queries: what is asked, turned into a call of the app.

use std::collections::BTreeMap;
use std::sync::Arc;

use app::intake::Answer;
use app::kind::Kind;
use app::query::{ClearPersons, Found, Page};
use app::shown::Shown;
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use kernel::digest::Digest;
use kernel::{CommandId, Position};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{IdInPath, InPath, InQuery, moment, number, page, paged};
use crate::headers::{etag, is_known, tagged, weak_etag};
use crate::problem::Fault;

/// The header that says how far a view has followed the log.
pub(crate) const VIEW_POSITION: &str = "dualgrid-view-position";

/// `?at=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct At {
    at: Option<String>,
}

impl At {
    fn moment(&self) -> Result<Option<chrono::DateTime<chrono::Utc>>, Fault> {
        self.at.as_deref().map(moment).transpose()
    }
}

/// `?beyond=&limit=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paged {
    beyond: Option<String>,
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
}

/// `?purpose=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct For {
    purpose: Option<String>,
}

/// One row, as it is or as it was at a moment; 304 where the caller has that version.
pub(crate) fn row(view: &'static dyn Shown) -> MethodRouter<Arc<Api>> {
    get(
        async move |State(api): State<Arc<Api>>,
                    caller: Caller,
                    InPath(key): InPath<String>,
                    InQuery(query): InQuery<At>,
                    headers: HeaderMap|
                    -> Result<Response, Fault> {
            if view.is_of_one() {
                kernel::id::read_uuid(&key).map_err(|error| Fault::PathInvalid(error.to_string()))?;
            }
            let found = api.app.row(&caller.actor, view, &key, query.moment()?).await?;
            Ok(document(found, &headers))
        },
    )
}

fn document(found: Found, headers: &HeaderMap) -> Response {
    let tag = etag(found.version);
    let position = followed(found.position);
    if is_known(headers, &tag) {
        return (StatusCode::NOT_MODIFIED, tagged(tag), position).into_response();
    }
    let doc: Box<str> = found.doc.into();
    (tagged(tag), position, [(CONTENT_TYPE, "application/json")], String::from(doc)).into_response()
}

/// How far the view has followed the log, where the answer is from a view.
fn followed(position: Option<Position>) -> HeaderMap {
    let value = position.map(|position| HeaderValue::from(position.0));
    value.map(|value| (HeaderName::from_static(VIEW_POSITION), value)).into_iter().collect()
}

/// A page of rows. Whatever is not `beyond` or `limit` is a filter.
pub(crate) fn rows(view: &'static dyn Shown) -> MethodRouter<Arc<Api>> {
    get(
        async move |State(api): State<Arc<Api>>,
                    caller: Caller,
                    InQuery(mut filters): InQuery<BTreeMap<String, String>>|
                    -> Result<Response, Fault> {
            let known = |filter: &String| view.filters().iter().any(|set| set.contains(&filter.as_str()));
            let page = paged(&mut filters)?;
            if filters.keys().any(|filter| !known(filter)) {
                return Err(Fault::QueryInvalid("a parameter is no filter of this list".to_owned()));
            }
            let page = api.app.rows(&caller.actor, view, &filters, page).await?;
            Ok((followed(page.position), Json(page)).into_response())
        },
    )
}

/// The history of an aggregate, event by event.
pub(crate) fn history(kind: &'static dyn Kind) -> MethodRouter<Arc<Api>> {
    async fn read(
        api: &Api,
        caller: &Caller,
        kind: &'static dyn Kind,
        id: Uuid,
        query: Paged,
    ) -> Result<Json<Page>, Fault> {
        let page = page(query.beyond, query.limit)?;
        Ok(Json(api.app.history(&caller.actor, kind, id, page).await?))
    }
    if kind.is_single() {
        let id = app::registry::single_id(kind.category());
        return get(async move |State(api): State<Arc<Api>>, caller: Caller, InQuery(query): InQuery<Paged>| {
            read(&api, &caller, kind, id, query).await
        });
    }
    get(
        async move |State(api): State<Arc<Api>>,
                    caller: Caller,
                    IdInPath(id): IdInPath,
                    InQuery(query): InQuery<Paged>| { read(&api, &caller, kind, id, query).await },
    )
}

/// Personal data in clear, for those who must speak to that person.
pub(crate) fn person(kind: &'static dyn Kind) -> MethodRouter<Arc<Api>> {
    get(
        async move |State(api): State<Arc<Api>>,
                    caller: Caller,
                    IdInPath(id): IdInPath,
                    InQuery(query): InQuery<For>|
                    -> Result<Json<ClearPersons>, Fault> {
            Ok(Json(api.app.persons(&caller.actor, kind, id, query.purpose.as_deref()).await?))
        },
    )
}

/// What may be the same thing, as far as the caller may read it.
pub(crate) fn similar(kind: &'static dyn Kind) -> MethodRouter<Arc<Api>> {
    get(async move |State(api): State<Arc<Api>>, caller: Caller, IdInPath(id): IdInPath| -> Result<Response, Fault> {
        let similar = api.app.similar(&caller.actor, kind, id).await?;
        Ok((followed(similar.position), Json(similar)).into_response())
    })
}

/// A document as it is, or as it was at a moment; 304 where the caller has one that says the same.
pub(crate) fn shown(path: &'static str) -> MethodRouter<Arc<Api>> {
    get(
        async move |State(api): State<Arc<Api>>,
                    caller: Caller,
                    InQuery(query): InQuery<At>,
                    headers: HeaderMap|
                    -> Result<Response, Fault> {
            let document = api.app.document(&caller.actor, path, query.moment()?).await?;
            let content = content_of(&document);
            let tag = tagged(weak_etag(content));
            if is_known(&headers, &etag(content)) {
                return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
            }
            Ok((tag, Json(document)).into_response())
        },
    )
}

/// What a document says, whatever moment it shows.
fn content_of(document: &Value) -> Digest {
    let mut content = document.clone();
    if let Some(fields) = content.as_object_mut() {
        fields.remove("at");
    }
    Digest::of(content.to_string().as_bytes())
}

/// What a command did.
pub(crate) async fn outcome(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(command): InPath<CommandId>,
) -> Result<Json<Answer>, Fault> {
    Ok(Json(api.app.outcome(&caller.actor, command).await?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tag_of_a_document_is_of_what_it_says_and_not_of_its_moment() {
        let document = |at: &str, name: &str| content_of(&json!({"at": at, "grids": [{"name": name}]}));
        assert_eq!(document("2026-03-02T00:00:00Z", "甲"), document("2026-03-03T00:00:00Z", "甲"));
        assert_ne!(document("2026-03-02T00:00:00Z", "甲"), document("2026-03-02T00:00:00Z", "乙"));
    }
}
