//! A file on its way in: in a nameless file of the disk, which is gone with the process.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Arc;

use app::port::EvidenceError;
use app::port::evidence_store::{Captured, Pieces};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use kernel::digest::{Digest, Hasher};
use kernel::evidence::SIZE_BYTES_MAX;
use std::os::unix::fs::FileExt as _;

use super::broken_disk;
use super::clean::{CleanError, clean};
use super::media_type::MediaType;

/// Bytes from the begin of a file by which its type is told.
const HEAD_BYTES: usize = 4096;
/// Bytes that are hashed at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A whole file without a name.
#[derive(Debug)]
pub(super) struct Spool {
    file: Arc<File>,
    size: u64,
    digest: Digest,
}

const OPERATION: &str = "take a file in";

impl Spool {
    /// Takes a file in, and returns it with its first bytes.
    pub(super) async fn receive(folder: &Path, mut pieces: Pieces) -> Result<(Self, Vec<u8>), EvidenceError> {
        let disk = |source: io::Error| broken_disk(OPERATION, &source);
        let file = Arc::new(tempfile::tempfile_in(folder).map_err(disk)?);
        let (mut hasher, mut size, mut head) = (Hasher::default(), 0_u64, Vec::new());
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut => EvidenceError::TooSlow,
                _ => EvidenceError::BrokeOff,
            })?;
            size = size.saturating_add(piece.len() as u64);
            if size > SIZE_BYTES_MAX {
                return Err(EvidenceError::TooLarge);
            }
            head.extend(piece.iter().take(HEAD_BYTES.saturating_sub(head.len())));
            hasher.update(&piece);
            let file = Arc::clone(&file);
            blocking(move || (&*file).write_all(&piece)).await.map_err(disk)?;
        }
        if size == 0 {
            return Err(EvidenceError::Empty);
        }
        Ok((Self { file, size, digest: hasher.finish() }, head))
    }

    /// What is left of it without what it tells of its maker; `None` where it is kept as it came.
    pub(super) async fn clean(
        &self,
        folder: &Path,
        media_type: MediaType,
    ) -> Result<(Option<Self>, Captured), EvidenceError> {
        let (from, folder) = (Arc::clone(&self.file), folder.to_owned());
        let cleaned = blocking(move || {
            let to = tempfile::tempfile_in(folder)?;
            let Some(captured) = clean(media_type, &from, &to)? else { return Ok(None) };
            Ok::<_, CleanError>(Some((Self::of(to)?, captured)))
        });
        match cleaned.await {
            Ok(Some((cleaned, captured))) => Ok((Some(cleaned), captured)),
            Ok(None) => Ok((None, Captured::default())),
            Err(CleanError::Broken(why)) => Err(EvidenceError::Broken(why)),
            Err(CleanError::Io(source)) => Err(broken_disk(OPERATION, &source).into()),
        }
    }

    /// A file that was written, with its size and digest.
    fn of(mut file: File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        let (mut hasher, mut size, mut piece) = (Hasher::default(), 0_u64, vec![0; PIECE_BYTES]);
        loop {
            let length = file.read(&mut piece)?;
            let Some(read) = piece.get(..length).filter(|read| !read.is_empty()) else { break };
            hasher.update(read);
            size = size.saturating_add(length as u64);
        }
        Ok(Self { file: Arc::new(file), size, digest: hasher.finish() })
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn digest(&self) -> Digest {
        self.digest
    }

    /// The file in parts of this size; the last is shorter.
    pub(super) fn parts(&self, bytes: usize) -> Pieces {
        let (file, size) = (Arc::clone(&self.file), self.size);
        stream::try_unfold(0_u64, move |at| {
            let file = Arc::clone(&file);
            async move {
                let length = usize::try_from(size.saturating_sub(at)).unwrap_or(usize::MAX).min(bytes);
                if length == 0 {
                    return Ok(None);
                }
                let part = blocking(move || {
                    let mut part = vec![0; length];
                    file.read_exact_at(&mut part, at)?;
                    Ok::<_, io::Error>(part)
                });
                let part = part.await?;
                Ok(Some((Bytes::from(part), at.saturating_add(length as u64))))
            }
        })
        .boxed()
    }
}

/// Runs what waits for the disk beside everything else.
async fn blocking<T: Send + 'static, E: From<io::Error> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    let ended = tokio::task::spawn_blocking(work).await;
    ended.unwrap_or_else(|_| Err(io::Error::other("the work on a file ended without a result").into()))
}
