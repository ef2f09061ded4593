//! Queries: what is asked, turned into a call of the app.

use std::sync::Arc;

use app::ClearReporter;
use app::intake::Answer;
use app::query::{ObligationFilter, Page};
use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kernel::{CaseId, CommandId, DepartmentCode, GridCode};
use serde::Deserialize;
use serde_json::Value;

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{InPath, InQuery, moment, page};
use crate::headers::{etag, is_known, tagged};
use crate::problem::Fault;

type Answered<T> = Result<Json<T>, Fault>;

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
    beyond: Option<i64>,
    limit: Option<u32>,
}

/// `?stage=&beyond=&limit=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfBoard {
    stage: Option<String>,
    beyond: Option<i64>,
    limit: Option<u32>,
}

/// `?status=&beyond=&limit=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfOrders {
    status: Option<String>,
    beyond: Option<i64>,
    limit: Option<u32>,
}

/// `?grid=&department=&beyond=&limit=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfObligations {
    grid: Option<GridCode>,
    department: Option<DepartmentCode>,
    beyond: Option<i64>,
    limit: Option<u32>,
}

/// The case as it is, or as it was at a moment; 304 where the caller has that version.
pub(crate) async fn case(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(case): InPath<CaseId>,
    InQuery(query): InQuery<At>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let found = match query.moment()? {
        None => api.app.case(&caller.actor, case).await?,
        Some(at) => api.app.case_at(&caller.actor, case, at).await?,
    };
    let tag = etag(found.version);
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, tagged(tag)).into_response());
    }
    let doc: Box<str> = found.doc.into();
    Ok((tagged(tag), [(CONTENT_TYPE, "application/json")], String::from(doc)).into_response())
}

/// The history of a case, event by event.
pub(crate) async fn history(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(case): InPath<CaseId>,
    InQuery(query): InQuery<Paged>,
) -> Answered<Page> {
    let page = page(query.beyond, query.limit)?;
    Ok(Json(api.app.history(&caller.actor, case, page).await?))
}

/// Who reported a case, in clear, for who has to speak to them.
pub(crate) async fn reporter(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(case): InPath<CaseId>,
) -> Answered<ClearReporter> {
    Ok(Json(api.app.reporter(&caller.actor, case).await?))
}

/// The cases of a grid.
pub(crate) async fn board(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(grid): InPath<GridCode>,
    InQuery(query): InQuery<OfBoard>,
) -> Answered<Page> {
    let page = page(query.beyond, query.limit)?;
    Ok(Json(api.app.board(&caller.actor, &grid, query.stage, page).await?))
}

/// The orders of a department.
pub(crate) async fn orders(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(department): InPath<DepartmentCode>,
    InQuery(query): InQuery<OfOrders>,
) -> Answered<Page> {
    let page = page(query.beyond, query.limit)?;
    Ok(Json(api.app.orders(&caller.actor, &department, query.status, page).await?))
}

/// Who has to do what next, and until when.
pub(crate) async fn obligations(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InQuery(query): InQuery<OfObligations>,
) -> Answered<Page> {
    let page = page(query.beyond, query.limit)?;
    let filter = ObligationFilter { grid: query.grid, department: query.department };
    Ok(Json(api.app.obligations(&caller.actor, filter, page).await?))
}

/// What a command did.
pub(crate) async fn outcome(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(command): InPath<CommandId>,
) -> Answered<Answer> {
    Ok(Json(api.app.outcome(&caller.actor, command).await?))
}

/// The district as it is, or as it was at a moment.
pub(crate) async fn district(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InQuery(query): InQuery<At>,
) -> Answered<Value> {
    Ok(Json(api.app.district(&caller.actor, query.moment()?).await?))
}

/// The matters as they are, or as they were at a moment.
pub(crate) async fn matters(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InQuery(query): InQuery<At>,
) -> Answered<Value> {
    Ok(Json(api.app.matters(&caller.actor, query.moment()?).await?))
}
