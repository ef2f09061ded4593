//! Headers: entity tags, and what protects whoever opens an answer in a browser.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// What every answer carries unless its handler says otherwise. Answers are data of cases: nobody keeps them, and
/// nothing in them is run.
const DEFAULTS: [(HeaderName, &str); 5] = [
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (CACHE_CONTROL, "no-store"),
    (REFERRER_POLICY, "no-referrer"),
    (X_FRAME_OPTIONS, "DENY"),
    (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
];

/// Adds the defaults to every answer.
pub(crate) async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in DEFAULTS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// A strong entity tag around `tag`, which is a number or a digest.
pub(crate) fn etag(tag: impl std::fmt::Display) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{tag}\"")).expect("numbers and digests are visible ASCII")
}

/// Whether the caller has what `etag` names: any tag of `If-None-Match`, or `*` (RFC 9110, section 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(',')).map(str::trim).any(|tag| {
        let strong = tag.strip_prefix("W/").unwrap_or(tag);
        strong == "*" || strong.as_bytes() == etag.as_bytes()
    })
}

/// The header that carries an entity tag.
pub(crate) fn tagged(etag: HeaderValue) -> [(HeaderName, HeaderValue); 1] {
    [(ETAG, etag)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_tag_is_found_in_every_way_it_may_be_written() {
        let known = |value: &'static str| {
            is_known(&HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::from_static(value))]), &etag(7))
        };
        for yes in ["\"7\"", "W/\"7\"", "\"6\", \"7\"", "*"] {
            assert!(known(yes), "{yes}");
        }
        for no in ["7", "\"77\"", "\"6\"", ""] {
            assert!(!known(no), "{no}");
        }
        assert!(!is_known(&HeaderMap::new(), &etag(7)));
    }
}
