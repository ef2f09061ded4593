//! Headers: entity tags, and what protects whoever opens an answer in a browser.

use app::intake::{Expected, NotExpected};
use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, ETAG, HOST, IF_MATCH, IF_NONE_MATCH, REFERRER_POLICY,
    TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use uuid::Uuid;

use crate::problem::Fault;

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

/// The value of a header that may be given once. `Ok(None)` where it is not there.
///
/// # Errors
/// Where it is given twice, because nobody could say which one counts, or is not of visible ASCII characters.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Fault> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Fault::HeaderRepeated(name));
    }
    value.to_str().map(|text| Some(text.trim())).map_err(|_| Fault::HeaderUnreadable(name))
}

/// An id in a header. `Ok(None)` where there is none. Quotes are taken too, as structured fields have them.
pub(crate) fn id_in(headers: &HeaderMap, name: &'static str) -> Result<Option<Uuid>, Fault> {
    let Some(text) = only(headers, name)? else { return Ok(None) };
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    kernel::id::read_uuid(text).map(Some).map_err(|error| Fault::HeaderInvalid(name, error))
}

/// The media type of a body without its parameters, in lower case. Refuses a body that is compressed or not in UTF-8.
pub(crate) fn media_type(headers: &HeaderMap) -> Result<Option<String>, Fault> {
    // A coding of other characters is none that anybody knows.
    let codings = headers.get_all(CONTENT_ENCODING).iter().map(|value| value.to_str().unwrap_or("unknown"));
    let codings: Vec<&str> = codings.collect();
    let declared = only(headers, "content-type")?;
    Ok(app::content::media_type(declared, &codings)?)
}

/// A strong entity tag around `tag`, which is a number or a digest.
pub(crate) fn etag(tag: impl std::fmt::Display) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{tag}\"")).expect("numbers and digests are visible ASCII")
}

/// A weak entity tag around `tag`: two answers that have it mean the same, and need not be the same bytes.
pub(crate) fn weak_etag(tag: impl std::fmt::Display) -> HeaderValue {
    HeaderValue::from_str(&format!("W/\"{tag}\"")).expect("numbers and digests are visible ASCII")
}

/// Whether the caller has what `etag` names: any tag of `If-None-Match`, or `*` (RFC 9110, section 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let tags = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(',')).map(str::trim).any(|tag| {
        let strong = tag.strip_prefix("W/").unwrap_or(tag);
        strong == "*" || strong.as_bytes() == etag.as_bytes()
    })
}

/// What a command relies on: the versions that `If-Match` names.
///
/// # Errors
/// A list that is none, and `If-None-Match`, which is not evaluated for commands and must not be ignored either.
pub(crate) fn expected(headers: &HeaderMap) -> Result<Option<Expected>, Fault> {
    if headers.contains_key(IF_NONE_MATCH) {
        return Err(NotExpected::NotTaken("If-None-Match").into());
    }
    let lines: Result<Vec<&str>, _> = headers.get_all(IF_MATCH).iter().map(HeaderValue::to_str).collect();
    Ok(Expected::read(&lines.map_err(|_| NotExpected::IfMatch)?)?)
}

/// Refuses a request of HTTP/1.1 that names no host, or two: whoever stands in between may take another one (RFC 9112, section 3.2).
pub(crate) async fn check_host(request: Request, next: Next) -> Response {
    let hosts = request.headers().get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Fault::HostNotOne.into_response();
    }
    next.run(request).await
}

/// Refuses a body in another transfer coding than chunks: it would be read as if it were none (RFC 9112, section 6.1).
pub(crate) async fn check_transfer(request: Request, next: Next) -> Response {
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    let is_taken = codings.next().is_none_or(|coding| coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"));
    if !is_taken || codings.next().is_some() {
        return Fault::TransferCoding.into_response();
    }
    next.run(request).await
}

/// Refuses a query on a route that takes none: whoever gives a parameter expects something of it.
pub(crate) async fn refuse_query(request: Request, next: Next) -> Response {
    if request.uri().query().is_some_and(|query| !query.is_empty()) {
        return Fault::QueryInvalid("no parameter is taken here; leave them out".to_owned()).into_response();
    }
    next.run(request).await
}

/// Answers a `GET` only where it has one of the tags that `If-Match` names (RFC 9110, section 13.1.1), whatever is read. Tags are
/// compared strongly. What has no answer is answered as without it (section 13.2.1).
pub(crate) async fn check_match(request: Request, next: Next) -> Response {
    let lines = request.headers().get_all(IF_MATCH).iter().map(|line| line.to_str().unwrap_or_default().to_owned());
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() || !(request.method() == Method::GET || request.method() == Method::HEAD) {
        return next.run(request).await;
    }
    if let Err(error) = Expected::read(&lines.iter().map(String::as_str).collect::<Vec<_>>()) {
        return Fault::Expected(error).into_response();
    }
    let response = next.run(request).await;
    let is_there = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let has = |tag: &str| {
        let strong = response.headers().get(ETAG).filter(|etag| !etag.as_bytes().starts_with(b"W/"));
        tag == "*" || strong.is_some_and(|etag| etag.as_bytes() == tag.as_bytes())
    };
    if is_there && !lines.iter().flat_map(|line| line.split(',')).any(|tag| has(tag.trim())) {
        return Fault::PreconditionFailed.into_response();
    }
    response
}

/// The header that carries an entity tag.
pub(crate) fn tagged(etag: HeaderValue) -> [(HeaderName, HeaderValue); 1] {
    [(ETAG, etag)]
}

#[cfg(test)]
mod tests {
    use kernel::Version;

    use super::*;

    fn given(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        lines.iter().map(line).collect()
    }

    fn code<T: std::fmt::Debug>(read: Result<T, Fault>) -> String {
        read.map_or_else(|fault| fault.problem().code, |read| format!("{read:?}"))
    }

    #[test]
    fn a_header_that_counts_is_given_once() {
        assert_eq!(only(&given(&[("x-id", " 7 ")]), "x-id").unwrap(), Some("7"));
        assert_eq!(only(&given(&[]), "x-id").unwrap(), None);
        assert_eq!(code(only(&given(&[("x-id", "7"), ("x-id", "7")]), "x-id")), "header-repeated");
        assert_eq!(code(only(&given(&[("x-id", "静安")]), "x-id")), "header-unreadable");
    }

    #[test]
    fn an_id_is_read_with_or_without_quotes() {
        let id = "0190163d-8694-739b-aea5-966c26f8ad91";
        assert_eq!(id_in(&given(&[("x-id", id)]), "x-id").unwrap(), Some(id.parse().unwrap()));
        assert_eq!(
            id_in(&given(&[("x-id", "\"0190163d-8694-739b-aea5-966c26f8ad91\"")]), "x-id").unwrap(),
            Some(id.parse().unwrap())
        );
        for bad in ["", "seven", "00000000-0000-0000-0000-000000000000", "{0190163d-8694-739b-aea5-966c26f8ad91}"] {
            assert_eq!(code(id_in(&given(&[("x-id", bad)]), "x-id")), "x-id-invalid", "{bad}");
        }
    }

    #[test]
    fn a_body_is_plain_and_in_utf_8() {
        let read = |lines: &[(&'static str, &'static str)]| code(media_type(&given(lines)));
        for good in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
            assert_eq!(read(&[("content-type", good)]), "Some(\"application/json\")", "{good}");
        }
        assert_eq!(read(&[]), "None");
        assert_eq!(read(&[("content-type", "")]), "None");
        for bad in ["application/json; charset=gb18030", "application/json; Charset=utf-16"] {
            assert_eq!(read(&[("content-type", bad)]), "unsupported-media-type", "{bad}");
        }
        assert_eq!(read(&[("content-type", "a/b"), ("content-type", "a/b")]), "header-repeated");
        for bad in ["gzip", "br", "identity, gzip", "x", ""] {
            assert_eq!(read(&[("content-encoding", bad)]), "content-encoding-not-taken", "{bad}");
        }
        assert_eq!(read(&[("content-encoding", "Identity")]), "None");
    }

    #[test]
    fn the_versions_that_a_command_relies_on_are_read() {
        let read = |lines: &[(&'static str, &'static str)]| code(expected(&given(lines)));
        let versions = |numbers: &[u32]| {
            let numbers = numbers.iter().copied().map(Version).collect();
            format!("{:?}", Some(Expected::Versions(numbers)))
        };
        assert_eq!(read(&[]), "None");
        assert_eq!(read(&[("if-match", " * ")]), format!("{:?}", Some(Expected::Existing)));
        assert_eq!(read(&[("if-match", "\"7\"")]), versions(&[7]));
        assert_eq!(read(&[("if-match", "\"7\", \"9\"")]), versions(&[7, 9]));
        assert_eq!(read(&[("if-match", "\"7\""), ("if-match", "\"9\"")]), versions(&[7, 9]));
        for nothing in ["W/\"7\"", "\"07\"", "\"seven\"", "\"\"", "\"-1\"", "\"4294967296\""] {
            assert_eq!(read(&[("if-match", nothing)]), versions(&[]), "{nothing}");
        }
        for bad in ["7", "", ",", "\"7", "7\"", "\"7\" \"9\"", "*, \"7\"", "静"] {
            assert_eq!(read(&[("if-match", bad)]), "if-match-invalid", "{bad}");
        }
        assert_eq!(read(&[("if-none-match", "*")]), "precondition-not-taken");
    }

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
