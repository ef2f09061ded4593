//! Files that prove something, kept under their own digest. They come and go piece by piece, and are never in memory as a whole.

use std::io;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt as _};
use kernel::Evidence;
use kernel::digest::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Failure;

/// A file, piece by piece. An error of kind `TimedOut` says that it came too slowly.
pub type Pieces = BoxStream<'static, io::Result<Bytes>>;

/// A file that is in memory as it is.
pub fn pieces_of(bytes: Bytes) -> Pieces {
    stream::iter([Ok(bytes)]).boxed()
}

/// Why a file was not taken or not given out.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EvidenceError {
    /// Larger than `kernel::evidence::SIZE_BYTES_MAX`.
    #[error("the file is larger than 20 MiB, and no larger one is taken")]
    TooLarge,
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
    /// It is not whole, or its parts do not fit.
    #[error("{0}; save it again with another program and send that")]
    Broken(&'static str),
    /// It did not come to its end.
    #[error("the file broke off before its end; send it again")]
    BrokeOff,
    /// It came too slowly.
    #[error("the file did not arrive in time")]
    TooSlow,
    /// What is stored no longer has the digest under which it is kept.
    #[error("the stored file {0} was changed")]
    Changed(Digest),
    /// The store is broken or out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// What a file told of its maker, as far as it can be read. It was taken out of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Captured {
    /// When it was taken, as its camera says: `2026:03:02 09:15:00+08:00`, without an offset where it tells none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Longitude in WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    /// Latitude in WGS 84.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
}

impl Captured {
    /// When, and where: longitude and latitude.
    pub fn new(at: Option<String>, place: Option<(f64, f64)>) -> Self {
        let (longitude, latitude) = place.unzip();
        Self { at, longitude, latitude }
    }

    /// What this says, and where it says nothing, what the other does.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let (longitude, latitude) = match self.longitude {
            Some(_) => (self.longitude, self.latitude),
            None => (other.longitude, other.latitude),
        };
        Self { at: self.at.or(other.at), longitude, latitude }
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A file that has come in and was cleaned, but is not kept yet. Dropped, it is gone.
#[async_trait]
pub trait Received: Send + Sync {
    /// What would be kept.
    fn evidence(&self) -> &Evidence;
    /// The digest of what was sent.
    fn original(&self) -> Digest;
    /// Bytes that were sent.
    fn bytes(&self) -> u64;
    /// What was taken out of it.
    fn captured(&self) -> &Captured;
    /// What was sent, to be looked at.
    fn sent(&self) -> Result<Pieces, Failure>;
    /// Keeps it. A file that is kept already is read again, so that a changed one is noticed and not hidden.
    async fn keep(&self) -> Result<(), EvidenceError>;
}

/// What is looked for among the files, and kept for a moment, to see whether that can be done.
pub const TRIAL_FILE: &[u8] = b"trial of the store of evidence";

/// The evidence store.
#[async_trait]
pub trait EvidenceStore: Send + Sync + 'static {
    /// Takes a file in, and out of it what it tells of its maker. Nothing is kept yet.
    async fn receive(&self, media_type: &str, file: Pieces) -> Result<Box<dyn Received>, EvidenceError>;
    /// What is known of a file; `None` where there is none.
    async fn find(&self, sha256: Digest) -> Result<Option<Evidence>, EvidenceError>;
    /// A part of a file, after the whole was checked against its digest; `None` where there is none.
    async fn read(&self, sha256: Digest, range: Range<u64>) -> Result<Option<Pieces>, EvidenceError>;
    /// Removes a file; one that is not there is removed already.
    async fn remove(&self, sha256: Digest) -> Result<(), Failure>;
    /// Whether files can be read and kept now. Nothing that is kept changes.
    async fn check(&self) -> Result<(), Failure> {
        match self.find(Digest::of(TRIAL_FILE)).await {
            Err(EvidenceError::Failure(failure)) => Err(failure),
            _ => Ok(()),
        }
    }
}
