//! Evidence in a folder: kept once under its digest, checked when taken and when given out.

use app::port::{EvidenceError, EvidenceStore as _};
use bytes::Bytes;
use kernel::digest::Digest;
use kernel::evidence::SIZE_BYTES_MAX;
use log::{ObjectEvidence, OpenError};
use tempfile::TempDir;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR a photo";

fn store() -> (ObjectEvidence, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/evidence", folder.path().display());
    (ObjectEvidence::open(&url).unwrap(), folder)
}

/// The only file in the folder.
fn file(folder: &TempDir, sha256: Digest, extension: &str) -> std::path::PathBuf {
    let name = sha256.to_string();
    folder.path().join("evidence").join(&name[..2]).join(format!("{name}.{extension}"))
}

#[tokio::test]
async fn a_file_is_kept_once_and_given_out_as_it_came() {
    let (store, folder) = store();
    let evidence = store.put("image/png", Bytes::from_static(PNG)).await.unwrap();
    assert_eq!((evidence.sha256, evidence.size), (Digest::of(PNG), PNG.len() as u64));
    assert_eq!(store.put("IMAGE/PNG; q=1", Bytes::from_static(PNG)).await.unwrap(), evidence);
    assert_eq!(store.find(evidence.sha256).await.unwrap(), Some(evidence.clone()));
    let (found, bytes) = store.get(evidence.sha256).await.unwrap().unwrap();
    assert_eq!((found, &bytes[..]), (evidence.clone(), PNG));
    assert!(file(&folder, evidence.sha256, "png").exists());
}

#[tokio::test]
async fn every_type_that_is_taken_is_known_by_its_bytes() {
    let (store, _folder) = store();
    let samples: [(&str, &[u8]); 5] = [
        ("image/jpeg", b"\xff\xd8\xff\xe0 a photo"),
        ("image/png", PNG),
        ("image/webp", b"RIFF\x10\0\0\0WEBPVP8 a photo"),
        ("application/pdf", b"%PDF-1.7 minutes"),
        ("video/mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42"),
    ];
    for (media_type, bytes) in samples {
        let evidence = store.put(media_type, Bytes::copy_from_slice(bytes)).await.unwrap();
        assert_eq!(evidence.media_type, media_type);
        assert_eq!(store.get(evidence.sha256).await.unwrap().unwrap().0, evidence);
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let (store, _folder) = store();
    assert!(matches!(store.put("image/png", Bytes::new()).await, Err(EvidenceError::Empty)));
    let large = Bytes::from(vec![0; usize::try_from(SIZE_BYTES_MAX).unwrap() + 1]);
    assert!(matches!(store.put("image/png", large).await, Err(EvidenceError::TooLarge(_))));
    let html = store.put("text/html", Bytes::from_static(b"<html>")).await;
    assert!(matches!(html, Err(EvidenceError::TypeNotTaken(found)) if found == "text/html"));
    let renamed = store.put("image/jpeg", Bytes::from_static(PNG)).await;
    assert!(matches!(renamed, Err(EvidenceError::TypeMismatch { found, .. }) if found == "image/png"));
    let unknown = store.put("image/jpeg", Bytes::from_static(b"a letter")).await;
    assert!(matches!(unknown, Err(EvidenceError::TypeMismatch { .. })));
    assert_eq!(store.find(Digest::of(PNG)).await.unwrap(), None);
    assert_eq!(store.get(Digest::of(PNG)).await.unwrap(), None);
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let (store, folder) = store();
    let evidence = store.put("image/png", Bytes::from_static(PNG)).await.unwrap();
    let mut changed = PNG.to_vec();
    changed[20] ^= 1;
    for bytes in [changed.as_slice(), b""] {
        std::fs::write(file(&folder, evidence.sha256, "png"), bytes).unwrap();
        assert!(matches!(store.get(evidence.sha256).await, Err(EvidenceError::Changed(_))));
        let again = store.put("image/png", Bytes::from_static(PNG)).await;
        assert!(matches!(again, Err(EvidenceError::Changed(found)) if found == evidence.sha256));
    }
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_or_written_is_told() {
    for url in ["evidence", "file://relative/path", "ftp://x/y"] {
        assert!(matches!(ObjectEvidence::open(url), Err(OpenError::Evidence { .. })), "{url}");
    }
    let (store, folder) = store();
    std::fs::remove_dir_all(folder.path().join("evidence")).unwrap();
    std::fs::write(folder.path().join("evidence"), "in the way").unwrap();
    let refused = store.put("image/png", Bytes::from_static(PNG)).await;
    assert!(matches!(refused, Err(EvidenceError::Failure(_))), "{refused:?}");
}

#[tokio::test]
async fn a_folder_that_is_gone_for_a_file_is_out_of_reach_and_not_empty() {
    let (store, folder) = store();
    let place = folder.path().join("evidence");
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "a file").unwrap();
    let found = store.find(Digest::of(PNG)).await;
    assert!(
        matches!(&found, Err(EvidenceError::Failure(failure)) if failure.operation == "look for a file"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_folder_that_can_be_read_and_not_written_is_noticed() {
    let (store, folder) = store();
    let root = folder.path().join("evidence");
    store.check().await.unwrap();
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0, "nothing of the trial is left");
    // A folder in the place of the trial file can be replaced by nobody, whatever they may do.
    std::fs::create_dir_all(root.join("trial/kept")).unwrap();
    assert_eq!(store.find(Digest::of(PNG)).await.unwrap(), None, "it can be read");
    let failure = store.check().await.unwrap_err();
    assert_eq!(failure.operation, "keep a trial file");
    std::fs::remove_dir_all(root.join("trial")).unwrap();
    store.check().await.unwrap();
}
