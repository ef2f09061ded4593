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
}

impl Problem {
    /// A problem with this code.
    pub fn new(status: u16, code: &str, detail: impl Into<String>) -> Self {
        let mut title = code.replace('-', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        let r#type = format!("urn:dualgrid:problem:{code}");
        Self { r#type, title, status, detail: detail.into(), code: code.to_owned() }
    }
}
