//! RFC 9457: what an error looks like to the caller, over HTTP and over NATS.

use serde::{Deserialize, Serialize};

/// A problem (RFC 9457, `application/problem+json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:dualgrid:problem:` and the code.
    pub r#type: String,
    /// The code in words; the same for every occurrence.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened this time and what to do about it.
    pub detail: String,
    /// The stable code, for programs.
    pub code: String,
    /// In how many seconds the same request may be sent again, where it may pass by then: with status 429 or 503. Over HTTP and NATS also the
    /// header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// After how many seconds a request may be sent again that met what is only in the way for a moment.
const RETRY_SECONDS: u32 = 1;

impl Problem {
    /// A problem with this code.
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        let mut title = code.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let r#type = format!("urn:dualgrid:problem:{code}");
        let retry_after = matches!(status, 429 | 503).then_some(RETRY_SECONDS);
        Self { r#type, title, status, detail: detail.into(), code: code.to_owned(), retry_after }
    }

    /// The same where it takes longer to pass.
    #[must_use]
    pub fn retried_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}
