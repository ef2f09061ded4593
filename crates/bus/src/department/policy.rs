//! What the sample department does with its orders.

use async_trait::async_trait;
use kernel::digest::Digest;

/// A file could not be uploaded.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the file {name} could not be uploaded: {reason}")]
pub struct UploadError {
    pub name: String,
    pub reason: String,
}

/// Uploads the files that show a disposal: over NATS ([`super::Department::upload`]), or larger ones over HTTP.
#[async_trait]
pub trait Uploader: Send + Sync {
    /// Uploads the file called `name`; the same file again gives the same digest.
    async fn upload(&self, name: &str) -> Result<Digest, UploadError>;
}

/// How a department asks for the return of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnRequest {
    /// The code of the reason, for example `not_our_matter`.
    pub reason: String,
    /// The norm that says so.
    pub legal_basis: String,
    pub explanation: String,
}

/// How a department disposes of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disposal {
    /// What was done, in words.
    pub result: String,
    /// Names of the files that show it. At least one.
    pub evidence: Vec<String>,
}

/// What a department does with an order, step by step.
///
/// The order is accepted as soon as it is dispatched, or after its return was refused. The rest is triggered by the event of
/// its acceptance, so that a restart in between loses nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Ask for the return of each order first, and accept it if that is refused.
    pub request_return: Option<ReturnRequest>,
    /// Record this progress after accepting.
    pub progress: Option<String>,
    /// Dispose after accepting, and again if rework is required.
    pub dispose: Option<Disposal>,
}
