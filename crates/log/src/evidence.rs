//! Files that prove something, stored under their own digest in an object store: a folder or S3.
//!
//! A file is named `ab/abcd….jpg`: the first two digits of its SHA-256, the whole SHA-256, and an extension for its media type,
//! since a folder keeps no attributes.
//!
//! INVARIANT: what is returned has the digest that was asked for.
//! INVARIANT: in a folder, a file and its name are on the disk (fsync) before [`ObjectEvidence`] answers that it is stored.

mod media_type;

use std::path::Path as FilePath;
use std::sync::Arc;

use app::port::evidence_store::TRIAL_FILE;
use app::port::{EvidenceError, EvidenceStore, Failure};
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::try_join_all;
use kernel::Evidence;
use kernel::digest::Digest;
use kernel::evidence::SIZE_BYTES_MAX;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};

use crate::error::OpenError;
use crate::failure::chain;
use media_type::MediaType;

/// The name of the file that is kept for a moment to see whether that can be done. No digest is called so.
const TRIAL_NAME: &str = "trial";

/// The evidence store in a folder or in S3.
#[derive(Clone, Debug)]
pub struct ObjectEvidence {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
}

impl ObjectEvidence {
    /// Opens the store at `file:///ABSOLUTE/PATH`, whose folder is created if missing, or with the feature `s3`
    /// at `s3://BUCKET/PREFIX`.
    pub fn open(url: &str) -> Result<Self, OpenError> {
        let refused = |source| OpenError::Evidence { url: url.to_owned(), source };
        match url.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => {
                let objects = folder(FilePath::new(path)).map_err(|source| refused(Some(source)))?;
                Ok(Self { objects: Arc::new(objects), prefix: Path::default() })
            }
            #[cfg(feature = "s3")]
            Some(("s3", place)) => {
                let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                let builder = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket);
                let objects = builder.build().map_err(|source| refused(Some(source)))?;
                Ok(Self { objects: Arc::new(objects), prefix: Path::from(prefix) })
            }
            _ => Err(refused(None)),
        }
    }

    fn path(&self, sha256: Digest, media_type: MediaType) -> Path {
        let name = sha256.to_string();
        self.prefix.clone().join(&name[..2]).join(format!("{name}.{}", media_type.extension()))
    }

    /// Type and size of a file, by its name. At most one type fits the bytes of one digest.
    async fn locate(&self, sha256: Digest) -> Result<Option<(MediaType, u64)>, EvidenceError> {
        let looks = MediaType::ALL.into_iter().map(|media_type| async move {
            match self.objects.head(&self.path(sha256, media_type)).await {
                Ok(found) => Ok(Some((media_type, found.size))),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(source) => Err(failure("look for a file", &source)),
            }
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().next())
    }

    /// The bytes of a file, if they still have its digest.
    async fn read(&self, sha256: Digest, media_type: MediaType, size: u64) -> Result<Bytes, EvidenceError> {
        const OPERATION: &str = "read a file";
        if size == 0 || size > SIZE_BYTES_MAX {
            return Err(EvidenceError::Changed(sha256));
        }
        let object = self.objects.get(&self.path(sha256, media_type)).await;
        let bytes = object.map_err(|source| failure(OPERATION, &source))?.bytes().await;
        let bytes = bytes.map_err(|source| failure(OPERATION, &source))?;
        if Digest::of(&bytes) == sha256 { Ok(bytes) } else { Err(EvidenceError::Changed(sha256)) }
    }
}

/// A folder whose files are flushed to the disk before they count.
fn folder(path: &FilePath) -> Result<LocalFileSystem, object_store::Error> {
    std::fs::create_dir_all(path)
        .map_err(|source| object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(source) })?;
    Ok(LocalFileSystem::new_with_prefix(path)?.with_fsync(true))
}

#[async_trait]
impl EvidenceStore for ObjectEvidence {
    /// Stores a file. A file that is stored already is read again, so that a changed one is noticed and not hidden.
    async fn put(&self, media_type: &str, bytes: Bytes) -> Result<Evidence, EvidenceError> {
        let size = bytes.len() as u64;
        if size == 0 {
            return Err(EvidenceError::Empty);
        }
        if size > SIZE_BYTES_MAX {
            return Err(EvidenceError::TooLarge(size));
        }
        let media_type = MediaType::checked(media_type, &bytes)?;
        let sha256 = Digest::of(&bytes);
        let payload = PutPayload::from_bytes(bytes);
        match self.objects.put_opts(&self.path(sha256, media_type), payload, PutMode::Create.into()).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                let kept = self.locate(sha256).await?;
                let (media_type, size) = kept.ok_or(EvidenceError::Changed(sha256))?;
                self.read(sha256, media_type, size).await?;
            }
            Err(source) => return Err(failure("keep a file", &source).into()),
        }
        Ok(Evidence { sha256, media_type: media_type.as_str().to_owned(), size })
    }

    async fn find(&self, sha256: Digest) -> Result<Option<Evidence>, EvidenceError> {
        let found = self.locate(sha256).await?;
        Ok(found.map(|(media_type, size)| Evidence { sha256, media_type: media_type.as_str().to_owned(), size }))
    }

    async fn get(&self, sha256: Digest) -> Result<Option<(Evidence, Bytes)>, EvidenceError> {
        let Some((media_type, size)) = self.locate(sha256).await? else { return Ok(None) };
        let bytes = self.read(sha256, media_type, size).await?;
        Ok(Some((Evidence { sha256, media_type: media_type.as_str().to_owned(), size: bytes.len() as u64 }, bytes)))
    }

    /// A folder that became read-only or full can still be read: so a trial file is kept and removed again.
    async fn check(&self) -> Result<(), Failure> {
        let trial = self.prefix.clone().join(TRIAL_NAME);
        let kept = self.objects.put(&trial, PutPayload::from_static(TRIAL_FILE)).await;
        kept.map_err(|source| failure("keep a trial file", &source))?;
        match self.objects.delete(&trial).await {
            // Another process tries at the same time.
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(failure("remove a trial file", &source)),
        }
    }
}

fn failure(operation: &'static str, source: &object_store::Error) -> Failure {
    use object_store::Error::{PermissionDenied, Unauthenticated};
    let passing = !matches!(source, PermissionDenied { .. } | Unauthenticated { .. });
    let failure = Failure { operation, reason: chain(source), passing };
    tracing::warn!(operation, passing, error = failure.reason, "the evidence store refused or was unreachable");
    failure
}
