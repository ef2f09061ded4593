//! Readers get every event once, in order, as the bytes it came as.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kernel::{Position, Version};
use tokio::task::JoinSet;

use crate::place::{Place, all_at_once, append, at, everything, stream};

on_every_log! {
    a_reader_that_polls_misses_nothing
    a_large_event_is_kept_byte_for_byte
    a_page_has_at_most_so_many_events
    streams_that_are_read_at_once_are_not_mixed_up
    readers_are_woken
}

/// Two processes write while a reader asks for what is behind its last position.
async fn a_reader_that_polls_misses_nothing(place: &Place) {
    const WRITERS: u64 = 16;
    const APPENDS: u64 = 40;
    let logs = [place.log().await, place.log().await];
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let log = Arc::clone(&logs[usize::try_from(writer % 2).unwrap()]);
        writers.spawn(async move {
            let one = stream(&format!("w{writer}"));
            for n in 0..u32::try_from(APPENDS).unwrap() {
                log.append(append(&format!("w{writer}/{n}"), &one, n, 1)).await.unwrap();
            }
        });
    }
    let reader = place.log().await;
    let mut seen = Vec::new();
    let reading = async {
        let mut last = Position::START;
        while seen.len() < usize::try_from(WRITERS * APPENDS).unwrap() {
            for event in reader.after(last, 50).await.unwrap() {
                last = event.position;
                seen.push(event);
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(2), reading).await.expect("the reader missed an event");
    writers.join_all().await;
    assert_eq!(seen, everything(&reader).await);
}

async fn a_large_event_is_kept_byte_for_byte(place: &Place) {
    let log = place.log().await;
    let one = stream("one");
    let text = format!("{{ \"b\" : 1,\"a\":\"{}\"  }}", "静安寺\\u0000 ".repeat(15_000));
    assert!(text.len() > 200 * 1024);
    let mut large = append("a", &one, 0, 1);
    large.parts[0].events[0].bytes = Bytes::from(text.clone());
    log.append(large.clone()).await.unwrap();
    let read = place.log().await.stream(&one, Version(0)).await.unwrap();
    assert_eq!(read[0].bytes, text.as_bytes());
    assert_eq!(read[0].id, large.parts[0].events[0].id);
    assert_eq!(read[0].kind, large.parts[0].events[0].kind);
    assert_eq!(read[0].time, at(1));
    assert_eq!(read, log.after(Position::START, 10).await.unwrap());
}

async fn a_page_has_at_most_so_many_events(place: &Place) {
    let log = place.log().await;
    all_at_once(&log, (0..20).map(|n| append(&format!("{n}"), &stream(&format!("{n}")), 0, 1)).collect()).await;
    let page = log.after(Position(4), 5).await.unwrap();
    assert_eq!(page.iter().map(|event| event.position.0).collect::<Vec<_>>(), [5, 6, 7, 8, 9]);
    assert_eq!(log.after(Position(20), 5).await.unwrap(), []);
    assert_eq!(log.after(Position(99), 5).await.unwrap(), []);
}

/// Also those that there are not, and those that are read from a version on.
async fn streams_that_are_read_at_once_are_not_mixed_up(place: &Place) {
    const STREAMS: u32 = 150;
    let log = place.log().await;
    let appends = (0..STREAMS).map(|n| append(&format!("{n}"), &stream(&format!("{n}")), 0, 1 + n % 5));
    all_at_once(&log, appends.collect()).await;
    let mut readers = JoinSet::new();
    for (n, after) in (0..2 * STREAMS).flat_map(|n| [(n, 0), (n, 2)]) {
        let log = Arc::clone(&log);
        readers.spawn(async move {
            let one = stream(&format!("{n}"));
            let events = log.stream(&one, Version(after)).await.unwrap();
            let last = if n < STREAMS { 1 + n % 5 } else { 0 };
            let versions: Vec<u32> = events.iter().map(|event| event.version.0).collect();
            assert_eq!(versions, (after + 1..=last).collect::<Vec<_>>(), "stream {n} after {after}");
            assert!(events.iter().all(|event| event.stream == one));
        });
    }
    readers.join_all().await;
}

async fn readers_are_woken(place: &Place) {
    let log = place.log().await;
    let mut committed = log.committed();
    assert_eq!(*committed.borrow_and_update(), Position::START);
    log.append(append("a", &stream("a"), 0, 3)).await.unwrap();
    let woken = tokio::time::timeout(Duration::from_secs(20), committed.wait_for(|newest| *newest == Position(3)));
    assert_eq!(*woken.await.unwrap().unwrap(), Position(3));
}
