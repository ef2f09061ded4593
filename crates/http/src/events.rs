//! The log as it grows: server-sent events, or pages for who would rather ask.

mod feed;
mod tail;

use std::sync::Arc;
use std::time::Duration;

use app::losses::Mark;
use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use kernel::{Position, Recorded};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{InPath, InQuery, number, position, rows};
use crate::headers::{etag, is_known, only, tagged};
use crate::problem::Fault;
use tail::Tail;

pub(crate) use feed::Feed;

/// The header by which a reader resumes.
pub(crate) const LAST_EVENT_ID: &str = "last-event-id";
/// The header with the place of one event, which is not part of its bytes.
pub(crate) const POSITION: &str = "dualgrid-position";
/// The header with the epoch of the log: it is raised where events were lost and their positions are given again.
pub(crate) const EPOCH: &str = "dualgrid-epoch";
/// The media type of one event.
pub(crate) const CLOUD_EVENT: &str = "application/cloudevents+json; charset=utf-8";

/// Tells proxies that the reader is still there, and the server whether it is.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// `?after=&limit=&epoch=`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    after: Option<String>,
    #[serde(default, deserialize_with = "number")]
    limit: Option<u32>,
    #[serde(default, deserialize_with = "number")]
    epoch: Option<u32>,
}

/// An event and its place.
#[derive(Debug, Serialize)]
struct Placed {
    position: Position,
    event: Box<RawValue>,
}

/// A page of events; `next` is what to ask for as `after`, with the epoch before it, absent where there is nothing more for now.
#[derive(Debug, Serialize)]
struct EventPage {
    items: Vec<Placed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    epoch: u32,
}

/// How the log can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Stream,
    Page,
}

/// The log after a position, as a stream that does not end or as a page.
pub(crate) async fn events(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InQuery(query): InQuery<Asked>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let form = wanted(&headers)?;
    let after = start(&headers, &query)?;
    match form {
        Form::Page => page(&api, &caller, after, query.limit).await,
        Form::Stream => stream(api, caller, after).await,
    }
}

/// One event, as the exact bytes that were recorded.
pub(crate) async fn event(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(text): InPath<String>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let not_one = || Fault::PathInvalid("a position is a number from 1".to_owned());
    let at = position(&text).filter(|at| *at > Position::START).ok_or_else(not_one)?;
    let recorded = api.app.event(&caller.actor, at).await?;
    let place = [(HeaderName::from_static(POSITION), HeaderValue::from(recorded.position.0))];
    let place = (place, in_epoch(api.app.epoch_lately().await?));
    let tag = etag(recorded.id);
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, tagged(tag), place).into_response());
    }
    Ok((tagged(tag), place, [(CONTENT_TYPE, CLOUD_EVENT)], recorded.bytes).into_response())
}

/// The epoch is asked for before the events are: who has a page of a later one under the name of an earlier one is sent back by the
/// next page.
async fn page(api: &Api, caller: &Caller, after: Mark, limit: Option<u32>) -> Result<Response, Fault> {
    let limit = rows(limit)? as usize;
    let epoch = api.app.epoch(&caller.actor, after).await?;
    let (heard, next) = api.app.heard(&caller.actor, after.position, limit).await?;
    let next = next.map(|position| Mark { epoch: Some(epoch), position }.to_string());
    let items = heard.into_iter().map(placed).collect::<Result<_, _>>()?;
    Ok((in_epoch(epoch), Json(EventPage { items, next, epoch })).into_response())
}

/// The first page is read before the answer begins, so that a refusal is an answer of its own and not a silent end.
async fn stream(api: Arc<Api>, caller: Caller, after: Mark) -> Result<Response, Fault> {
    let epoch = api.app.epoch(&caller.actor, after).await?;
    let place = api.streams.admit(caller.actor.id.clone())?;
    let tail = Tail::start(Arc::clone(&api), caller, after.position, epoch, place).await?;
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE_INTERVAL).text("keep-alive");
    // nginx would collect events into a buffer otherwise.
    let unbuffered = [(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"))];
    let events = futures::stream::unfold(tail, Tail::next);
    Ok((unbuffered, in_epoch(epoch), Sse::new(events).keep_alive(keep_alive)).into_response())
}

/// Tells the reader the epoch of what it reads.
fn in_epoch(epoch: u32) -> [(HeaderName, HeaderValue); 1] {
    [(HeaderName::from_static(EPOCH), HeaderValue::from(epoch))]
}

fn placed(recorded: Recorded) -> Result<Placed, Fault> {
    let unreadable = || app::Error::Unreadable(format!("event {} is not JSON in UTF-8", recorded.position));
    let text = String::from_utf8(recorded.bytes.to_vec()).map_err(|_| unreadable())?;
    let event = RawValue::from_string(text).map_err(|_| unreadable())?;
    Ok(Placed { position: recorded.position, event })
}

/// Where to start. A reader that resumes says so in a header, while the address it was given stays the same: the
/// header counts. An epoch that is given beside counts where the place names none.
fn start(headers: &HeaderMap, query: &Asked) -> Result<Mark, Fault> {
    let asked = asked(query)?;
    let last = only(headers, LAST_EVENT_ID)?;
    if let Some(last) = last.filter(|last| !last.is_empty()) {
        let Mark { epoch, position } = last.parse().map_err(|_| Fault::LastEventIdInvalid)?;
        return Ok(Mark { epoch: epoch.or(query.epoch), position });
    }
    Ok(asked)
}

/// Where the query says to start.
fn asked(query: &Asked) -> Result<Mark, Fault> {
    let after = query.after.as_deref().unwrap_or("0");
    let Mark { epoch, position } = after.parse().map_err(|no| Fault::QueryInvalid(format!("`after`: {no}")))?;
    if let (Some(one), Some(other)) = (epoch, query.epoch)
        && one != other
    {
        return Err(Fault::QueryInvalid(format!("`after` names epoch {one}, and `epoch` {other}; name one of them")));
    }
    Ok(Mark { epoch: epoch.or(query.epoch), position })
}

/// The form that `Accept` wants most (RFC 9110, section 12.5.1); of two that are wanted alike the one that is named first, and a
/// stream where nothing is said.
fn wanted(headers: &HeaderMap) -> Result<Form, Fault> {
    let values: Vec<&str> = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let ranges: Vec<Range> = values
        .iter()
        .flat_map(|value| value.split(','))
        .enumerate()
        .filter_map(|(place, text)| Range::read(place, text))
        .collect();
    if values.iter().all(|value| value.trim().is_empty()) {
        return Ok(Form::Stream);
    }
    let weighed = |form: Form| {
        let range = ranges
            .iter()
            .filter_map(|range| Some((range.precision(form)?, range)))
            .max_by_key(|(precision, _)| *precision)?
            .1;
        (range.weight > 0).then_some((form, range.weight, range.place))
    };
    let forms = [Form::Stream, Form::Page].into_iter().filter_map(weighed);
    let best = forms.min_by_key(|(_, weight, place)| (std::cmp::Reverse(*weight), *place));
    best.map(|(form, ..)| form).ok_or(Fault::NotAcceptable)
}

/// One media range of `Accept`.
struct Range {
    /// In lower case, without parameters.
    media: String,
    /// How much it is wanted, in thousandths; 0 is not at all.
    weight: u16,
    /// Which of them it is.
    place: usize,
}

impl Range {
    /// Reads a range. One whose weight is none is dropped.
    fn read(place: usize, text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next()?.to_ascii_lowercase();
        let weight =
            parts.find_map(|part| part.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("q")));
        let weight = weight.map_or(Some(1000), |(_, weight)| thousandths(weight.trim()))?;
        Some(Self { media, weight, place })
    }

    /// How precisely it names a form; `None` where it does not.
    fn precision(&self, form: Form) -> Option<u8> {
        let (exact, family) = match form {
            Form::Stream => ("text/event-stream", "text/*"),
            Form::Page => ("application/json", "application/*"),
        };
        let named = [("*/*", 0), (family, 1), (exact, 2)];
        named.into_iter().find(|(name, _)| *name == self.media).map(|(_, precision)| precision)
    }
}

/// A weight of RFC 9110, section 12.4.2: `0` to `1` with up to three decimals.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let weight: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    Some(weight).filter(|weight| *weight <= 1000)
}

#[cfg(test)]
mod tests;
