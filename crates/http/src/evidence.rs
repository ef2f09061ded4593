//! Evidence: a file goes in once and is kept under its own digest.

use std::sync::Arc;

use app::intake::NotExpected;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use kernel::digest::Digest;

use crate::api::Api;
use crate::auth::Caller;
use crate::extract::{InPath, body};
use crate::headers::{etag, is_known, media_type, tagged};
use crate::problem::Fault;

/// Largest file that is taken: 20 MiB.
pub(crate) const BYTES_MAX: usize = 20 * 1024 * 1024;
const _: () = assert!(BYTES_MAX as u64 == kernel::evidence::SIZE_BYTES_MAX, "one limit, wherever it is checked");

/// Keeps a file. The same file again is the same evidence.
pub(crate) async fn put(State(api): State<Arc<Api>>, caller: Caller, request: Request) -> Result<Response, Fault> {
    let media_type = declared(request.headers())?;
    for (name, named) in [(IF_MATCH, "If-Match"), (IF_NONE_MATCH, "If-None-Match")] {
        if request.headers().contains_key(name) {
            return Err(NotExpected::NotOfFiles(named).into());
        }
    }
    let _place = api.uploads.admit(caller.actor.id.clone())?;
    let bytes = body(request, BYTES_MAX).await?;
    let evidence = api.app.put_evidence(&caller.actor, &media_type, bytes).await?;
    let location = HeaderValue::from_str(&format!("/evidence/{}", evidence.sha256)).expect("a digest is visible ASCII");
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(evidence)).into_response())
}

/// Gives a file out, to be saved and never to be run.
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    InPath(sha256): InPath<Digest>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let (evidence, bytes) = api.app.get_evidence(&caller.actor, sha256).await?;
    let tag = etag(sha256);
    if is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, tagged(tag)).into_response());
    }
    let octets = HeaderValue::from_static("application/octet-stream");
    let media_type = HeaderValue::from_str(&evidence.media_type).unwrap_or(octets);
    let named =
        HeaderValue::from_str(&format!("attachment; filename=\"{sha256}\"")).expect("a digest is visible ASCII");
    Ok((tagged(tag), [(CONTENT_TYPE, media_type), (CONTENT_DISPOSITION, named)], bytes).into_response())
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
