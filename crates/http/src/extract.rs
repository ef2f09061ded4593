//! Parts of a request, read with errors that are problems.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use app::query::{PAGE_ROWS_MAX, PageRequest};
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::http::request::Parts;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use kernel::Position;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize as _, Deserializer};
use uuid::Uuid;

use crate::problem::Fault;

/// Rows of a page where the caller does not say.
const PAGE_ROWS: u32 = 50;

/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_mins(1);

/// The one parameter of a path, read from its text.
pub(crate) struct InPath<T>(pub(crate) T);

impl<S, T> FromRequestParts<S> for InPath<T>
where
    S: Send + Sync,
    T: FromStr<Err: Display>,
{
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let Path(text) = Path::<String>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Fault::PathInvalid(rejection.body_text()))?;
        text.parse().map(Self).map_err(|error: T::Err| Fault::PathInvalid(error.to_string()))
    }
}

/// The id in a path: a UUID, and not the one of zeros.
pub(crate) struct IdInPath(pub(crate) Uuid);

impl<S: Send + Sync> FromRequestParts<S> for IdInPath {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let InPath(text) = InPath::<String>::from_request_parts(parts, state).await?;
        kernel::id::read_uuid(&text).map(Self).map_err(|error| Fault::PathInvalid(error.to_string()))
    }
}

/// The query, read as a whole; a parameter that nobody knows is an error.
pub(crate) struct InQuery<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for InQuery<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let pairs = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let pairs = pairs.map_err(|rejection| Fault::QueryInvalid(rejection.body_text()))?;
        let mut names = BTreeSet::new();
        if !pairs.iter().all(|(name, _)| names.insert(name)) {
            return Err(Fault::QueryInvalid("a parameter is given more than once; give each once".to_owned()));
        }
        let read = Query::<T>::from_request_parts(parts, state).await;
        read.map(|Query(query)| Self(query)).map_err(|rejection| Fault::QueryInvalid(rejection.body_text()))
    }
}

/// The whole body, which is at most `limit` bytes and arrives in time.
pub(crate) async fn body(request: Request, limit: usize) -> Result<Bytes, Fault> {
    // Told from the length alone, before any of it is read.
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(Fault::BodyTooLarge(limit));
    }
    let read = tokio::time::timeout(BODY_PATIENCE, Bytes::from_request(request, &()));
    read.await.map_err(|_| Fault::BodyTooSlow)?.map_err(|rejection: BytesRejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Fault::BodyTooLarge(limit),
        _ => Fault::BodyUnreadable,
    })
}

/// What part of a list is asked for.
pub(crate) fn page(beyond: Option<String>, limit: Option<u32>) -> Result<PageRequest, Fault> {
    Ok(PageRequest { beyond, limit: rows(limit)? })
}

/// Takes what part of a list is asked for out of the parameters of a query; the others are left.
pub(crate) fn paged(parameters: &mut BTreeMap<String, String>) -> Result<PageRequest, Fault> {
    let limit = parameters.remove("limit").map(|text| small_number(&text).ok_or(text)).transpose();
    let limit = limit.map_err(|_| Fault::QueryInvalid(format!("limit is a number from 1 to {PAGE_ROWS_MAX}")))?;
    page(parameters.remove("beyond"), limit)
}

fn small_number(text: &str) -> Option<u32> {
    kernel::text::read_number(text).and_then(|number| number.try_into().ok())
}

/// A number of a query: digits without a sign or zeros before them.
pub(crate) fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number =
        small_number(&text).ok_or_else(|| D::Error::custom("a number is digits, without zeros before them"))?;
    Ok(Some(number))
}

/// How many rows are asked for.
pub(crate) fn rows(limit: Option<u32>) -> Result<u32, Fault> {
    let limit = limit.unwrap_or(PAGE_ROWS);
    if (1..=PAGE_ROWS_MAX).contains(&limit) {
        return Ok(limit);
    }
    Err(Fault::QueryInvalid(format!("limit is a number from 1 to {PAGE_ROWS_MAX}")))
}

/// A moment in RFC 3339. A `+` that was not encoded arrives as a space, and is read as what was meant.
pub(crate) fn moment(text: &str) -> Result<DateTime<Utc>, Fault> {
    kernel::time::read_moment(&text.replace(' ', "+"))
        .map_err(|error| Fault::QueryInvalid(format!("`at` does not fit: {error}")))
}

/// A position as text. Logs count in signed 64-bit numbers.
pub(crate) fn position(text: &str) -> Option<Position> {
    kernel::text::read_number(text).filter(|number| i64::try_from(*number).is_ok()).map(Position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_one_to_two_hundred_rows() {
        assert_eq!(rows(None).ok(), Some(50));
        assert_eq!(rows(Some(200)).ok(), Some(200));
        for bad in [0, 201, u32::MAX] {
            assert_eq!(rows(Some(bad)).unwrap_err().problem().code, "query-invalid");
        }
    }

    #[test]
    fn a_moment_is_taken_with_any_offset() {
        let eight = moment("2024-05-01T08:00:00Z").unwrap();
        assert_eq!(moment("2024-05-01T16:00:00+08:00").unwrap(), eight);
        assert_eq!(moment("2024-05-01T16:00:00 08:00").unwrap(), eight);
        for bad in ["", "yesterday", "2024-05-01", "2024-05-01T08:00:00"] {
            assert_eq!(moment(bad).unwrap_err().problem().code, "query-invalid", "{bad:?}");
        }
    }

    #[test]
    fn a_position_counts_from_zero() {
        assert_eq!(position("0"), Some(Position::START));
        assert_eq!(position("9223372036854775807"), Some(Position(u64::MAX / 2)));
        for bad in ["", "-1", "+1", "01", "00", "9223372036854775808", "1.5", "one"] {
            assert_eq!(position(bad), None, "{bad:?}");
        }
    }
}
