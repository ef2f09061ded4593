//! Which part of a file is asked for (RFC 9110, section 14): one range of bytes. Several are answered with the whole, as is a range
//! that cannot be read.

use std::ops::Range;

use axum::http::header::{IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method};

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Whole,
    Part(Range<u64>),
    /// A range that has no byte of the file.
    Nowhere,
}

/// What a request asks for of a file of this size.
pub(super) fn asked(method: &Method, headers: &HeaderMap, tag: &HeaderValue, size: u64) -> Asked {
    // A range counts for GET alone (section 14.2), and only where the file is still the one that the caller has part of: the tag of
    // `If-Range` is compared strongly, and a date is never the same (section 13.1.5).
    let is_of_this = headers.get(IF_RANGE).is_none_or(|known| known == tag);
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Asked::Whole };
    if *method != Method::GET || !is_of_this {
        return Asked::Whole;
    }
    range.to_str().ok().and_then(|text| read(text, size)).unwrap_or(Asked::Whole)
}

/// The one range of `bytes=…`; `None` for what is not that.
fn read(text: &str, size: u64) -> Option<Asked> {
    let (unit, set) = text.split_once('=')?;
    let (first, last) = set.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || !is_number(first) || !is_number(last) {
        return None;
    }
    // More digits than any file has bytes stand for a place beyond every file.
    let number = |digits: &str| digits.parse().unwrap_or(u64::MAX);
    let range = match (first, last) {
        ("", "") => return None,
        ("", suffix) => match number(suffix) {
            0 => return Some(Asked::Nowhere),
            length => size.saturating_sub(length)..size,
        },
        (first, "") => number(first)..size,
        (first, last) if number(last) < number(first) => return None,
        (first, last) => number(first)..number(last).saturating_add(1).min(size),
    };
    Some(if range.start < size { Asked::Part(range) } else { Asked::Nowhere })
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where a part stands in the whole.
pub(super) fn content_range(first: u64, length: u64, size: u64) -> HeaderValue {
    let last = first.saturating_add(length).saturating_sub(1);
    HeaderValue::from_str(&format!("bytes {first}-{last}/{size}")).expect("numbers are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 1000;

    fn of(range: &'static str) -> Asked {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static(range))]);
        asked(&Method::GET, &headers, &HeaderValue::from_static("\"a\""), SIZE)
    }

    #[test]
    fn one_range_of_bytes_is_read_as_the_standard_has_it() {
        for (text, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-499", 0..500),
            ("bytes=500-", 500..1000),
            ("bytes=999-999", 999..1000),
            ("bytes=0-999999", 0..1000),
            ("bytes=-1", 999..1000),
            ("bytes=-5000", 0..1000),
            ("Bytes=1-2", 1..3),
            ("bytes=0-99999999999999999999999", 0..1000),
        ] {
            assert_eq!(of(text), Asked::Part(range), "{text}");
        }
        for text in ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(text), Asked::Nowhere, "{text}");
        }
        for text in
            ["bytes=0-1,5-6", "bytes=2-1", "bytes=", "bytes=-", "bytes=a-b", "bytes=+1-2", "lines=0-1", "0-1", ""]
        {
            assert_eq!(of(text), Asked::Whole, "{text}");
        }
    }

    #[test]
    fn a_range_counts_for_get_and_for_the_file_that_the_caller_has_part_of() {
        let tag = HeaderValue::from_static("\"a\"");
        let range = (RANGE, HeaderValue::from_static("bytes=0-0"));
        let with = |known: &'static str| {
            let headers = HeaderMap::from_iter([range.clone(), (IF_RANGE, HeaderValue::from_static(known))]);
            asked(&Method::GET, &headers, &tag, SIZE)
        };
        assert_eq!(with("\"a\""), Asked::Part(0..1));
        for other in ["\"b\"", "W/\"a\"", "Tue, 03 Mar 2026 00:00:00 GMT", "a", ""] {
            assert_eq!(with(other), Asked::Whole, "{other}");
        }
        let headers = HeaderMap::from_iter([range.clone()]);
        assert_eq!(asked(&Method::HEAD, &headers, &tag, SIZE), Asked::Whole);
        let mut twice = headers;
        twice.append(RANGE, HeaderValue::from_static("bytes=1-1"));
        assert_eq!(asked(&Method::GET, &twice, &tag, SIZE), Asked::Whole);
        assert_eq!(content_range(500, 500, SIZE), "bytes 500-999/1000");
    }
}
