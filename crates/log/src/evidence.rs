//! Files that prove something, stored under their own digest in an object store: a folder or S3.
//!
//! A file is named `ab/abcd….jpg`: the first two digits of its SHA-256, the whole SHA-256, and an extension for its media type,
//! since a folder keeps no attributes.
//!
//! INVARIANT: what is returned has the digest that was asked for.
//! INVARIANT: in a folder, a file and its name are on the disk (fsync) before [`Received::keep`] answers that it is stored.
//! INVARIANT: no file is in memory as a whole: it comes into a nameless file beside the store and goes from there.

mod clean;
mod media_type;
mod spool;

use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use app::port::evidence_store::{Captured, Pieces, Received, TRIAL_FILE};
use app::port::{EvidenceError, EvidenceStore, Failure};
use async_trait::async_trait;
use futures::future::try_join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use kernel::Evidence;
use kernel::digest::{Digest, Hasher};
use kernel::evidence::SIZE_BYTES_MAX;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt as _, PutPayload};
use quick_cache::sync::Cache;

use crate::error::OpenError;
use crate::failure::chain;
use media_type::MediaType;
use spool::Spool;

/// The name of the file that is kept for a moment to see whether that can be done. No digest is called so.
const TRIAL_NAME: &str = "trial";
/// Bytes that are handed to a folder at once.
const FOLDER_PART_BYTES: usize = 256 * 1024;
/// The same to S3, which takes no smaller parts of an object.
#[cfg(feature = "s3")]
const S3_PART_BYTES: usize = 5 * 1024 * 1024;
/// How many files are known to have their digest as they are.
const CHECKED_MAX: usize = 10_000;

/// The evidence store in a folder or in S3.
#[derive(Clone, Debug)]
pub struct ObjectEvidence {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    /// Where files come in; the folder of the system for such files where the store is no folder.
    incoming: PathBuf,
    part_bytes: usize,
    /// The entity tags of files that had their digest when they were read as a whole.
    checked: Arc<Cache<Digest, String>>,
}

impl ObjectEvidence {
    /// Opens the store at `file:///ABSOLUTE/PATH`, whose folder is created if missing, or with the feature `s3`
    /// at `s3://BUCKET/PREFIX`.
    pub fn open(url: &str) -> Result<Self, OpenError> {
        let refused = |source| OpenError::Evidence { url: url.to_owned(), source };
        let checked = Arc::new(Cache::new(CHECKED_MAX));
        match url.split_once("://") {
            Some(("file", path)) if path.starts_with('/') => {
                let objects = Arc::new(folder(FilePath::new(path)).map_err(|source| refused(Some(source)))?);
                let (prefix, incoming, part_bytes) = (Path::default(), PathBuf::from(path), FOLDER_PART_BYTES);
                Ok(Self { objects, prefix, incoming, part_bytes, checked })
            }
            #[cfg(feature = "s3")]
            Some(("s3", place)) => {
                use object_store::aws::AmazonS3ConfigKey;
                let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
                let builder = object_store::aws::AmazonS3Builder::from_env().with_bucket_name(bucket);
                let endpoints = [AmazonS3ConfigKey::Endpoint, AmazonS3ConfigKey::S3Endpoint];
                let mut endpoints = endpoints.iter().filter_map(|key| builder.get_config_value(key));
                if endpoints.any(|endpoint| app::peer::is_in_clear(&endpoint, "https")) {
                    return Err(OpenError::EvidenceInClear);
                }
                let objects = Arc::new(builder.build().map_err(|source| refused(Some(source)))?);
                let (prefix, incoming, part_bytes) = (Path::from(prefix), std::env::temp_dir(), S3_PART_BYTES);
                Ok(Self { objects, prefix, incoming, part_bytes, checked })
            }
            _ => Err(refused(None)),
        }
    }

    fn path(&self, sha256: Digest, media_type: MediaType) -> Path {
        let name = sha256.to_string();
        self.prefix.clone().join(&name[..2]).join(format!("{name}.{}", media_type.extension()))
    }

    /// Type and place of a file, by its name. At most one type fits the bytes of one digest.
    async fn locate(&self, sha256: Digest) -> Result<Option<(MediaType, ObjectMeta)>, EvidenceError> {
        let looks = MediaType::ALL.into_iter().map(|media_type| async move {
            match self.objects.head(&self.path(sha256, media_type)).await {
                Ok(found) => Ok(Some((media_type, found))),
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                Err(source) => Err(failure("look for a file", &source)),
            }
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().next())
    }

    /// A range of a file as it was when it was located.
    async fn pieces(&self, found: &ObjectMeta, range: Range<u64>) -> Result<Pieces, EvidenceError> {
        let options = GetOptions {
            if_match: found.e_tag.clone(),
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let object = self.objects.get_opts(&found.location, options).await;
        let object = object.map_err(|source| failure("read a file", &source))?;
        Ok(object.into_stream().map_err(std::io::Error::other).boxed())
    }

    /// Refuses a file that has not its digest any more. One that did not change since it was read is not read for that again.
    async fn check_digest(&self, sha256: Digest, found: &ObjectMeta) -> Result<(), EvidenceError> {
        if found.size == 0 || found.size > SIZE_BYTES_MAX {
            return Err(EvidenceError::Changed(sha256));
        }
        if found.e_tag.is_some() && self.checked.get(&sha256) == found.e_tag {
            return Ok(());
        }
        let mut pieces = self.pieces(found, 0..found.size).await?;
        let mut hasher = Hasher::default();
        while let Some(piece) = pieces.next().await {
            hasher.update(&piece.map_err(|source| broken_disk("read a file", &source))?);
        }
        if hasher.finish() != sha256 {
            return Err(EvidenceError::Changed(sha256));
        }
        if let Some(tag) = &found.e_tag {
            self.checked.insert(sha256, tag.clone());
        }
        Ok(())
    }

    /// Puts a file into the store, part by part.
    async fn store(&self, path: &Path, file: &Spool) -> Result<(), EvidenceError> {
        const OPERATION: &str = "keep a file";
        let refused = |source: object_store::Error| failure(OPERATION, &source);
        let disk = |source: std::io::Error| broken_disk(OPERATION, &source);
        let mut parts = file.parts(self.part_bytes);
        let first = parts.next().await.transpose().map_err(disk)?.unwrap_or_default();
        if first.len() as u64 == file.size() {
            self.objects.put(path, PutPayload::from_bytes(first)).await.map_err(refused)?;
            return Ok(());
        }
        // Dropped before its end, it leaves nothing under its name.
        let mut upload = self.objects.put_multipart(path).await.map_err(refused)?;
        upload.put_part(PutPayload::from_bytes(first)).await.map_err(refused)?;
        while let Some(part) = parts.next().await {
            upload.put_part(PutPayload::from_bytes(part.map_err(disk)?)).await.map_err(refused)?;
        }
        upload.complete().await.map_err(refused)?;
        Ok(())
    }
}

/// A folder whose files are flushed to the disk before they count.
fn folder(path: &FilePath) -> Result<LocalFileSystem, object_store::Error> {
    std::fs::create_dir_all(path)
        .map_err(|source| object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(source) })?;
    Ok(LocalFileSystem::new_with_prefix(path)?.with_fsync(true))
}

/// A file that came in.
struct Incoming {
    store: ObjectEvidence,
    sent: Spool,
    /// What is left of it, where something was taken out.
    cleaned: Option<Spool>,
    media_type: MediaType,
    evidence: Evidence,
    captured: Captured,
}

#[async_trait]
impl Received for Incoming {
    fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    fn original(&self) -> Digest {
        self.sent.digest()
    }

    fn bytes(&self) -> u64 {
        self.sent.size()
    }

    fn captured(&self) -> &Captured {
        &self.captured
    }

    fn sent(&self) -> Result<Pieces, Failure> {
        Ok(self.sent.parts(FOLDER_PART_BYTES))
    }

    async fn keep(&self) -> Result<(), EvidenceError> {
        let sha256 = self.evidence.sha256;
        if let Some((_, found)) = self.store.locate(sha256).await? {
            return self.store.check_digest(sha256, &found).await;
        }
        let path = self.store.path(sha256, self.media_type);
        self.store.store(&path, self.cleaned.as_ref().unwrap_or(&self.sent)).await
    }
}

#[async_trait]
impl EvidenceStore for ObjectEvidence {
    async fn receive(&self, media_type: &str, file: Pieces) -> Result<Box<dyn Received>, EvidenceError> {
        let (sent, head) = Spool::receive(&self.incoming, file).await?;
        let media_type = MediaType::checked(media_type, &head)?;
        let (cleaned, captured) = sent.clean(&self.incoming, media_type).await?;
        let kept = cleaned.as_ref().unwrap_or(&sent);
        let evidence =
            Evidence { sha256: kept.digest(), media_type: media_type.as_str().to_owned(), size: kept.size() };
        Ok(Box::new(Incoming { store: self.clone(), sent, cleaned, media_type, evidence, captured }))
    }

    async fn find(&self, sha256: Digest) -> Result<Option<Evidence>, EvidenceError> {
        let found = self.locate(sha256).await?;
        let evidence = |(media_type, found): (MediaType, ObjectMeta)| Evidence {
            sha256,
            media_type: media_type.as_str().to_owned(),
            size: found.size,
        };
        Ok(found.map(evidence))
    }

    async fn read(&self, sha256: Digest, range: Range<u64>) -> Result<Option<Pieces>, EvidenceError> {
        let Some((_, found)) = self.locate(sha256).await? else { return Ok(None) };
        self.check_digest(sha256, &found).await?;
        Ok(Some(self.pieces(&found, range).await?))
    }

    async fn remove(&self, sha256: Digest) -> Result<(), Failure> {
        for media_type in MediaType::ALL {
            match self.objects.delete(&self.path(sha256, media_type)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(source) => return Err(failure("remove a file", &source)),
            }
        }
        self.checked.remove(&sha256);
        Ok(())
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

fn broken_disk(operation: &'static str, source: &std::io::Error) -> Failure {
    let failure = Failure { operation, reason: chain(source), passing: true };
    tracing::warn!(operation, error = failure.reason, "a file on its way to or from the evidence store broke off");
    failure
}
