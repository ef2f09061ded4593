//! Files that prove something, kept under their own digest.

use async_trait::async_trait;
use bytes::Bytes;
use kernel::Evidence;
use kernel::digest::Digest;

use super::Failure;

/// Why a file was not taken or not given out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EvidenceError {
    /// Larger than `kernel::evidence::SIZE_BYTES_MAX`.
    #[error("the file has {0} bytes; at most 20 MiB are taken")]
    TooLarge(u64),
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Not a type that is taken.
    #[error("files of type {0} are not taken; send a JPEG, PNG, WebP, PDF or MP4")]
    TypeNotTaken(String),
    /// The bytes are not of the type that was declared.
    #[error("the file is declared as {declared} but looks like {found}")]
    TypeMismatch {
        /// What the caller said.
        declared: String,
        /// What the bytes say.
        found: String,
    },
    /// What is stored no longer has the digest under which it is kept.
    #[error("the stored file {0} was changed")]
    Changed(Digest),
    /// The store is broken or out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// What is looked for among the files, and kept for a moment, to see whether that can be done.
pub const TRIAL_FILE: &[u8] = b"trial of the store of evidence";

/// The evidence store.
#[async_trait]
pub trait EvidenceStore: Send + Sync + 'static {
    /// Keeps a file. The same file again is the same evidence.
    async fn put(&self, media_type: &str, bytes: Bytes) -> Result<Evidence, EvidenceError>;
    /// What is known of a file; `None` where there is none.
    async fn find(&self, sha256: Digest) -> Result<Option<Evidence>, EvidenceError>;
    /// The file, checked against its digest; `None` where there is none.
    async fn get(&self, sha256: Digest) -> Result<Option<(Evidence, Bytes)>, EvidenceError>;
    /// Whether files can be read and kept now. Nothing that is kept changes.
    async fn check(&self) -> Result<(), Failure> {
        match self.find(Digest::of(TRIAL_FILE)).await {
            Err(EvidenceError::Failure(failure)) => Err(failure),
            _ => Ok(()),
        }
    }
}
