//! Evidence in a folder: kept once under its digest, without what tells of its maker, checked when taken and when given out.

use app::port::evidence_store::pieces_of;
use app::port::{EvidenceError, EvidenceStore as _};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use kernel::Evidence;
use kernel::digest::Digest;
use kernel::evidence::{EXAMPLE, SIZE_BYTES_MAX};
use log::{ObjectEvidence, OpenError};
use tempfile::TempDir;

/// A picture that has nothing in it to take out.
const PNG: &[u8] = EXAMPLE;

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

async fn put(store: &ObjectEvidence, media_type: &str, bytes: &[u8]) -> Result<Evidence, EvidenceError> {
    let received = store.receive(media_type, pieces_of(Bytes::copy_from_slice(bytes))).await?;
    received.keep().await?;
    Ok(received.evidence().clone())
}

/// The whole file.
async fn got(store: &ObjectEvidence, sha256: Digest) -> Result<Option<Vec<u8>>, EvidenceError> {
    let Some(evidence) = store.find(sha256).await? else { return Ok(None) };
    let pieces = store.read(sha256, 0..evidence.size).await?.unwrap();
    Ok(Some(pieces.map_ok(|piece| piece.to_vec()).try_concat().await.unwrap()))
}

#[tokio::test]
async fn a_file_is_kept_once_and_given_out_as_it_is_kept() {
    let (store, folder) = store();
    let evidence = put(&store, "image/png", PNG).await.unwrap();
    assert_eq!((evidence.sha256, evidence.size), (Digest::of(PNG), PNG.len() as u64));
    assert_eq!(put(&store, "IMAGE/PNG; q=1", PNG).await.unwrap(), evidence);
    assert_eq!(store.find(evidence.sha256).await.unwrap(), Some(evidence.clone()));
    assert_eq!(got(&store, evidence.sha256).await.unwrap().unwrap(), PNG);
    let part = store.read(evidence.sha256, 1..4).await.unwrap().unwrap();
    assert_eq!(part.try_collect::<Vec<_>>().await.unwrap().concat(), &PNG[1..4]);
    assert!(file(&folder, evidence.sha256, "png").exists());
    store.remove(evidence.sha256).await.unwrap();
    store.remove(evidence.sha256).await.unwrap();
    assert_eq!(store.find(evidence.sha256).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_kept_and_what_was_sent_have_each_its_digest() {
    let (store, _folder) = store();
    let sent = [PNG, b" and what somebody hid behind it"].concat();
    let halves = sent.chunks(7).map(|half| Ok(Bytes::copy_from_slice(half))).collect::<Vec<_>>();
    let received = store.receive("image/png", stream::iter(halves).boxed()).await.unwrap();
    assert_eq!((received.original(), received.bytes()), (Digest::of(&sent), sent.len() as u64));
    assert_eq!(received.evidence().sha256, Digest::of(PNG));
    let looked_at: Vec<Bytes> = received.sent().unwrap().try_collect().await.unwrap();
    assert_eq!(looked_at.concat(), sent, "a scanner sees what was sent");
    assert_eq!(store.find(Digest::of(PNG)).await.unwrap(), None, "nothing is kept before that is asked for");
    received.keep().await.unwrap();
    assert_eq!(got(&store, Digest::of(PNG)).await.unwrap().unwrap(), PNG);
    assert_eq!(store.find(Digest::of(&sent)).await.unwrap(), None);
}

#[tokio::test]
async fn every_type_that_is_taken_is_known_by_its_bytes() {
    let (store, _folder) = store();
    let film = [&b"\0\0\0\x18ftypisom\0\0\0\0isommp42"[..], b"\0\0\0\x08moov"].concat();
    let samples: [(&str, &[u8]); 5] = [
        ("image/jpeg", b"\xff\xd8\xff\xc0\0\x07frame\xff\xda\0\x06scan\x01\x02\xff\xd9"),
        ("image/png", PNG),
        ("image/webp", b"RIFF\x14\0\0\0WEBPVP8 \x08\0\0\0a photo "),
        ("application/pdf", b"%PDF-1.7 minutes"),
        ("video/mp4", &film),
    ];
    for (media_type, bytes) in samples {
        let evidence = put(&store, media_type, bytes).await.unwrap();
        assert_eq!(evidence.media_type, media_type);
        assert_eq!(got(&store, evidence.sha256).await.unwrap().unwrap(), bytes, "{media_type}");
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let (store, folder) = store();
    assert!(matches!(put(&store, "image/png", b"").await, Err(EvidenceError::Empty)));
    let large = vec![0; usize::try_from(SIZE_BYTES_MAX).unwrap() + 1];
    assert!(matches!(put(&store, "image/png", &large).await, Err(EvidenceError::TooLarge)));
    let html = put(&store, "text/html", b"<html>").await;
    assert!(matches!(html, Err(EvidenceError::TypeNotTaken(found)) if found == "text/html"));
    let renamed = put(&store, "image/jpeg", PNG).await;
    assert!(matches!(renamed, Err(EvidenceError::TypeMismatch { found, .. }) if found == "image/png"));
    let unknown = put(&store, "image/jpeg", b"a letter").await;
    assert!(matches!(unknown, Err(EvidenceError::TypeMismatch { .. })));
    let cut = put(&store, "image/png", &PNG[..PNG.len() - 1]).await;
    assert!(matches!(cut, Err(EvidenceError::Broken(_))), "{cut:?}");
    for (kind, is_so) in [
        (std::io::ErrorKind::TimedOut, (|error| matches!(error, EvidenceError::TooSlow)) as fn(&EvidenceError) -> bool),
        (std::io::ErrorKind::UnexpectedEof, |error| matches!(error, EvidenceError::BrokeOff)),
    ] {
        let pieces = [Ok(Bytes::from_static(&PNG[..20])), Err(kind.into())];
        let refused = store.receive("image/png", stream::iter(pieces).boxed()).await.err().unwrap();
        assert!(is_so(&refused), "{refused:?}");
    }
    assert_eq!(store.find(Digest::of(PNG)).await.unwrap(), None);
    assert_eq!(got(&store, Digest::of(PNG)).await.unwrap(), None);
    assert_eq!(std::fs::read_dir(folder.path().join("evidence")).unwrap().count(), 0, "nothing is left of them");
}

#[tokio::test]
async fn a_changed_file_is_noticed() {
    let (store, folder) = store();
    let evidence = put(&store, "image/png", PNG).await.unwrap();
    assert_eq!(got(&store, evidence.sha256).await.unwrap().unwrap(), PNG);
    let mut changed = PNG.to_vec();
    changed[20] ^= 1;
    for bytes in [changed.as_slice(), b""] {
        std::fs::write(file(&folder, evidence.sha256, "png"), bytes).unwrap();
        assert!(matches!(got(&store, evidence.sha256).await, Err(EvidenceError::Changed(_))));
        let again = put(&store, "image/png", PNG).await;
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
    let refused = put(&store, "image/png", PNG).await;
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
