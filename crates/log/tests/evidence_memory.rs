//! Files come and go piece by piece: many of them at once take next to nothing of a process. A process of its own, whose memory is
//! measured.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

// As every other crate calls it.
extern crate dualgrid_log as log;

use app::port::EvidenceStore as _;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use kernel::evidence::SIZE_BYTES_MAX;
use log::ObjectEvidence;
use tokio::task::JoinSet;

/// How much more memory the process may take, in MiB: all files together have 240.
const MORE_MIB_MAX: u64 = 24;
const PIECE_BYTES: usize = 64 * 1024;
const UPLOADS: u8 = 12;
const READERS: usize = 20;

/// What the process has in memory, in MiB.
fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() / 1024
}

/// As large a document as is taken; no two numbers are the same one.
fn document(number: u8) -> app::port::evidence_store::Pieces {
    let pieces = usize::try_from(SIZE_BYTES_MAX).unwrap() / PIECE_BYTES;
    stream::iter(0..pieces)
        .map(move |n| {
            let mut piece = vec![number; PIECE_BYTES];
            if n == 0 {
                piece[..8].copy_from_slice(b"%PDF-1.7");
            }
            Ok(Bytes::from(piece))
        })
        .boxed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twelve_uploads_and_twenty_slow_readers_take_a_few_mib() {
    let folder = tempfile::tempdir().unwrap();
    let store = ObjectEvidence::open(&format!("file://{}/evidence", folder.path().display())).unwrap();
    let before = resident_mib();
    let mut uploads = JoinSet::new();
    for number in 0..UPLOADS {
        let store = store.clone();
        uploads.spawn(async move {
            let received = store.receive("application/pdf", document(number)).await.unwrap();
            received.keep().await.unwrap();
            received.evidence().clone()
        });
    }
    let mut most = before;
    let mut kept = Vec::new();
    while let Some(evidence) = uploads.join_next().await {
        most = most.max(resident_mib());
        kept.push(evidence.unwrap());
    }
    let mut readers = Vec::new();
    for n in 0..READERS {
        let evidence = &kept[n % kept.len()];
        let mut pieces = store.read(evidence.sha256, 0..evidence.size).await.unwrap().unwrap();
        // The first piece, and then nothing for a long time.
        assert!(!pieces.next().await.unwrap().unwrap().is_empty());
        readers.push(pieces);
        most = most.max(resident_mib());
    }
    assert!(most - before <= MORE_MIB_MAX, "{before} MiB before, {most} MiB at most");
}
