//! Evidence: a file goes in once and is kept under its own digest; it comes out as a whole or in part.

mod range;

use std::sync::Arc;
use std::time::Duration;

use app::intake::NotExpected;
use app::kind::Kind;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, LOCATION,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get as on_get};
use futures::StreamExt as _;
use kernel::digest::Digest;
use tokio::time::{Instant, timeout_at};

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{IdInPath, InPath};
use crate::headers::{etag, is_known, media_type, tagged};
use crate::problem::Fault;
use range::Asked;

/// Largest file that is taken: 20 MiB.
pub(crate) const BYTES_MAX: usize = 20 * 1024 * 1024;
const _: () = assert!(BYTES_MAX as u64 == kernel::evidence::SIZE_BYTES_MAX, "one limit, wherever it is checked");

/// How long a file may take to arrive.
const PATIENCE: Duration = Duration::from_mins(1);

/// Keeps a file. The same file again is the same evidence.
pub(crate) async fn put(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Fault> {
    let media_type = declared(request.headers())?;
    for (name, named) in [(IF_MATCH, "If-Match"), (IF_NONE_MATCH, "If-None-Match")] {
        if request.headers().contains_key(name) {
            return Err(NotExpected::NotOfFiles(named).into());
        }
    }
    // Told from the length alone, before any of it is read.
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > BYTES_MAX as u64) {
        return Err(Fault::BodyTooLarge(BYTES_MAX));
    }
    // What has no length counts as the largest file.
    api.app.admit_bytes(&caller.actor.id, length.unwrap_or(BYTES_MAX as u64))?;
    let _place = api.uploads.admit(caller.actor.id.clone())?;
    let kept = api.app.put_evidence(&caller.actor, &media_type, pieces(request.into_body())).await?;
    let location = HeaderValue::from_str(&format!("/evidence/{}", kept.sha256)).expect("a digest is visible ASCII");
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(kept)).into_response())
}

/// A body piece by piece, all of which must come in time.
fn pieces(body: Body) -> app::port::evidence_store::Pieces {
    let until = Instant::now() + PATIENCE;
    let body = Box::pin(body.into_data_stream());
    futures::stream::try_unfold(body, move |mut body| async move {
        match timeout_at(until, body.next()).await {
            Ok(piece) => Ok(piece.transpose().map_err(std::io::Error::other)?.map(|piece| (piece, body))),
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    })
    .boxed()
}

/// Gives a file out, to be saved and never to be run: as a whole, or the one range that is asked for.
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(sha256): InPath<Digest>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let evidence = api.app.find_evidence(&caller.actor, sha256).await?;
    let tag = etag(sha256);
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, tagged(tag)).into_response());
    }
    let octets = HeaderValue::from_static("application/octet-stream");
    let media_type = HeaderValue::from_str(&evidence.media_type).unwrap_or(octets);
    let named =
        HeaderValue::from_str(&format!("attachment; filename=\"{sha256}\"")).expect("a digest is visible ASCII");
    let size = evidence.size;
    let (status, asked) = match range::asked(&method, &headers, &tag, size) {
        Asked::Whole => (StatusCode::OK, 0..size),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Nowhere => return Err(Fault::RangeNotSatisfiable { size }),
    };
    let (first, length) = (asked.start, asked.end.saturating_sub(asked.start));
    let pieces = api.app.read_evidence(&evidence, asked).await?;
    let body = if method == Method::HEAD { Body::empty() } else { Body::from_stream(pieces) };
    let mut answer = (status, tagged(tag), body).into_response();
    let known = answer.headers_mut();
    known.insert(CONTENT_TYPE, media_type);
    known.insert(CONTENT_DISPOSITION, named);
    known.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    known.insert(CONTENT_LENGTH, length.into());
    if status == StatusCode::PARTIAL_CONTENT {
        known.insert(CONTENT_RANGE, range::content_range(first, length, size));
    }
    Ok(answer)
}

/// The files that one of a kind names.
pub(crate) fn named_by(kind: &'static dyn Kind) -> MethodRouter<Arc<Api>> {
    on_get(async move |State(api): State<Arc<Api>>, caller: Caller, IdInPath(id): IdInPath| {
        Ok::<_, Fault>(Json(api.app.evidence_of(&caller.actor, kind, id).await?))
    })
}

/// When and where a file says that it was taken.
pub(crate) async fn captures(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(sha256): InPath<Digest>,
) -> Result<Response, Fault> {
    Ok(Json(api.app.captures(&caller.actor, sha256).await?).into_response())
}

/// The declared media type.
fn declared(headers: &HeaderMap) -> Result<String, Fault> {
    let missing = Fault::UnsupportedMediaType("the file with its Content-Type, for example image/jpeg");
    media_type(headers)?.ok_or(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_is() {
        let read = |value: &'static str| {
            declared(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))])).ok()
        };
        assert_eq!(read("Image/JPEG; q=1").as_deref(), Some("image/jpeg"));
        assert_eq!(read(""), None);
        let missing = declared(&HeaderMap::new()).unwrap_err();
        assert_eq!(missing.problem().code, "unsupported-media-type");
    }
}
