//! Versions, positions and conflicts.

use std::collections::HashSet;
use std::sync::Arc;

use app::port::AppendError;
use kernel::{Position, Version};
use tokio::task::JoinSet;

use crate::place::{Place, all_at_once, append, everything, stream, version_of};

on_every_log! {
    versions_and_positions_follow_each_other
    many_writers_on_their_own_streams
    many_writers_on_one_stream
    a_conflict_fails_only_its_own_append
    positions_are_gapless_whatever_is_refused
    a_caller_that_goes_away_harms_nobody
}

async fn versions_and_positions_follow_each_other(place: &Place) {
    let log = place.log().await;
    let (one, other) = (stream("one"), stream("other"));
    let first = log.append(append("a", &one, 0, 2)).await.unwrap();
    assert_eq!((version_of(&first), first.first, first.events, first.replayed), (2, Some(Position(1)), 2, false));
    let second = log.append(append("b", &other, 0, 1)).await.unwrap();
    assert_eq!((version_of(&second), second.first), (1, Some(Position(3))));
    let third = log.append(append("c", &one, 2, 3)).await.unwrap();
    assert_eq!((version_of(&third), third.first), (5, Some(Position(4))));
    let versions: Vec<u32> = log.stream(&one, Version(0)).await.unwrap().iter().map(|event| event.version.0).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    let rest: Vec<u64> = log.stream(&one, Version(2)).await.unwrap().iter().map(|event| event.position.0).collect();
    assert_eq!(rest, [4, 5, 6]);
    assert_eq!(log.stream(&stream("none"), Version(0)).await.unwrap(), []);
}

async fn many_writers_on_their_own_streams(place: &Place) {
    let log = place.log().await;
    let mut writers = JoinSet::new();
    for writer in 0..64 {
        let log = Arc::clone(&log);
        writers.spawn(async move {
            let stream = stream(&format!("w{writer}"));
            for n in 0..15 {
                let receipt = log.append(append(&format!("w{writer}/{n}"), &stream, n, 1)).await.unwrap();
                assert_eq!(version_of(&receipt), n + 1);
            }
        });
    }
    writers.join_all().await;
    let events = everything(&log).await;
    assert_eq!(events.len(), 64 * 15);
    assert_eq!(events.iter().map(|event| event.id).collect::<HashSet<_>>().len(), 64 * 15);
}

/// Every writer loads, decides and tries again, as `app` does; nothing is lost and nothing doubled.
async fn many_writers_on_one_stream(place: &Place) {
    let log = place.log().await;
    let one = stream("one");
    let mut writers = JoinSet::new();
    for writer in 0..12 {
        let (log, one) = (Arc::clone(&log), one.clone());
        writers.spawn(async move {
            let mut conflicts = 0;
            for n in 0..8 {
                loop {
                    let version = log.stream(&one, Version(0)).await.unwrap().len();
                    let expected = u32::try_from(version).unwrap();
                    match log.append(append(&format!("w{writer}/{n}"), &one, expected, 1)).await {
                        Ok(_) => break,
                        Err(AppendError::Conflict { .. }) => conflicts += 1,
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            conflicts
        });
    }
    writers.join_all().await;
    let events = log.stream(&one, Version(0)).await.unwrap();
    assert_eq!(events.len(), 12 * 8);
    assert!((1..).zip(&events).all(|(n, event)| event.version == Version(n)));
    assert_eq!(everything(&log).await, events);
}

async fn a_conflict_fails_only_its_own_append(place: &Place) {
    let log = place.log().await;
    let appends = (0..64).map(|n| append(&format!("c{n}"), &stream(&format!("s{n}")), n % 2, 2)).collect();
    for (n, answer) in all_at_once(&log, appends).await.into_iter().enumerate() {
        match answer {
            Ok(receipt) => assert_eq!((n % 2, version_of(&receipt)), (0, 2)),
            Err(AppendError::Conflict { expected, actual, stream: conflicting }) => {
                assert_eq!((n % 2, expected, actual), (1, Version(1), Version(0)));
                assert_eq!(conflicting, stream(&format!("s{n}")));
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(everything(&log).await.len(), 64);
}

/// 64 writers, with conflicts, retries and reused ids among them.
async fn positions_are_gapless_whatever_is_refused(place: &Place) {
    let log = place.log().await;
    log.append(append("first", &stream("first"), 0, 1)).await.unwrap();
    let mut writers = JoinSet::new();
    for writer in 0..64_u32 {
        let log = Arc::clone(&log);
        writers.spawn(async move {
            let own = stream(&format!("w{writer}"));
            let mut version = 0;
            for n in 0..10 {
                let name = format!("w{writer}/{n}");
                let good = append(&name, &own, version, n % 3);
                version += n % 3;
                assert_eq!(version_of(&log.append(good.clone()).await.unwrap()), version);
                let again = log.append(good).await.unwrap();
                assert!(again.replayed);
                let stale = log.append(append(&format!("{name}/stale"), &own, version + 7, 3)).await;
                assert!(matches!(stale, Err(AppendError::Conflict { .. })));
                let mut reused = append(&name, &stream(&format!("w{writer}/{n}")), 0, 2);
                reused.request = app::port::Fingerprint::of(kernel::digest::Digest::of(b"another"));
                assert!(matches!(log.append(reused).await, Err(AppendError::CommandReused(_))));
            }
            version
        });
    }
    let recorded: u32 = writers.join_all().await.into_iter().sum();
    assert_eq!(everything(&log).await.len(), recorded as usize + 1);
}

async fn a_caller_that_goes_away_harms_nobody(place: &Place) {
    let log = place.log().await;
    let mut staying = JoinSet::new();
    for n in 0..200_u32 {
        let (leaving, name) = (Arc::clone(&log), format!("leaving{n}"));
        let gone = staying.spawn(async move {
            let _ = leaving.append(append(&name, &stream(&name), 0, 1)).await;
            None
        });
        let (log, name) = (Arc::clone(&log), format!("staying{n}"));
        staying.spawn(async move { Some(log.append(append(&name, &stream(&name), 0, 1)).await) });
        tokio::task::yield_now().await;
        gone.abort();
    }
    let mut stayed = 0;
    while let Some(answer) = staying.join_next().await {
        if let Ok(Some(answer)) = answer {
            answer.unwrap();
            stayed += 1;
        }
    }
    assert_eq!(stayed, 200);
    let last = log.append(append("last", &stream("last"), 0, 1)).await.unwrap();
    assert_eq!(everything(&log).await.len() as u64, last.first.unwrap().0);
}
