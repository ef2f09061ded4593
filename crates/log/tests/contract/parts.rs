//! One command on several streams: all of its parts are recorded, or none.

use std::collections::HashMap;
use std::sync::Arc;

use app::port::{Append, AppendError, EventLog, Fingerprint, Receipt};
use kernel::digest::Digest;
use kernel::{Position, StreamId, Version};
use tokio::task::JoinSet;

use crate::place::{Place, all_at_once, append, append_parts, everything, moved, stream};

on_every_log! {
    all_parts_are_recorded_side_by_side
    a_conflict_in_any_part_fails_all_parts
    the_first_stream_that_has_moved_is_named
    a_check_that_is_stale_fails_the_append
    a_check_moves_nothing
    many_commands_at_once_may_check_one_stream
    a_check_and_a_write_of_one_stream_agree_on_their_order
    a_command_may_record_events_on_another_stream_only
    the_receipt_of_all_parts_is_found_again
    a_stream_that_is_named_twice_is_refused
    of_two_merges_in_opposite_directions_one_wins
    random_appends_to_two_streams_leave_no_gap
}

async fn version(log: &Arc<dyn EventLog>, stream: &StreamId) -> u32 {
    log.stream(stream, Version(0)).await.unwrap().last().map_or(0, |event| event.version.0)
}

#[track_caller]
fn assert_conflict(answer: &Result<Receipt, AppendError>, on: &StreamId, versions: (u32, u32)) {
    match answer {
        Err(AppendError::Conflict { stream, expected, actual }) => {
            assert_eq!((stream, (expected.0, actual.0)), (on, versions));
        }
        answer => panic!("{answer:?}"),
    }
}

async fn all_parts_are_recorded_side_by_side(place: &Place) {
    let log = place.log().await;
    let (one, other, third) = (stream("one"), stream("other"), stream("third"));
    log.append(append("a", &one, 0, 2)).await.unwrap();
    for (command, expected) in [("b", 0), ("c", 2)] {
        let parts = [(&one, 2 + expected / 2, 1), (&other, expected, 2), (&third, expected / 2, 1)];
        let receipt = log.append(append_parts(command, &parts)).await.unwrap();
        let first = if command == "b" { 3 } else { 7 };
        assert_eq!((receipt.first, receipt.events, receipt.replayed), (Some(Position(first)), 4, false));
        let after = [(&one, 3 + expected / 2), (&other, expected + 2), (&third, 1 + expected / 2)];
        assert_eq!(receipt.streams, moved(&after));
    }
    let events = everything(&log).await;
    let order: Vec<(&StreamId, u32)> = events[2..6].iter().map(|event| (&event.stream, event.version.0)).collect();
    assert_eq!(order, [(&one, 3), (&other, 1), (&other, 2), (&third, 1)]);
    assert_eq!(version(&log, &other).await, 4);
}

async fn a_conflict_in_any_part_fails_all_parts(place: &Place) {
    let log = place.log().await;
    let (one, other) = (stream("one"), stream("other"));
    log.append(append("a", &one, 0, 1)).await.unwrap();
    log.append(append("b", &other, 0, 1)).await.unwrap();
    let first = log.append(append_parts("c", &[(&one, 0, 2), (&other, 1, 1)])).await;
    assert_conflict(&first, &one, (0, 1));
    let second = log.append(append_parts("d", &[(&one, 1, 2), (&other, 3, 1)])).await;
    assert_conflict(&second, &other, (3, 1));
    // Beside others, whose positions have no gap.
    let appends = (0..60).map(|n| {
        let (own, also) = (stream(&format!("own{n}")), stream(&format!("also{n}")));
        append_parts(&format!("{n}"), &[(&own, 0, 1), (&also, n % 3 / 2, 2)])
    });
    for (n, answer) in all_at_once(&log, appends.collect()).await.iter().enumerate() {
        match n % 3 {
            2 => assert_conflict(answer, &stream(&format!("also{n}")), (1, 0)),
            _ => assert_eq!(answer.as_ref().unwrap().events, 3),
        }
    }
    assert_eq!(everything(&log).await.len(), 2 + 40 * 3);
    assert_eq!((version(&log, &one).await, version(&log, &stream("own2")).await), (1, 0));
}

async fn the_first_stream_that_has_moved_is_named(place: &Place) {
    let log = place.log().await;
    let streams: Vec<StreamId> = (0..4).map(|n| stream(&n.to_string())).collect();
    for (n, one) in streams.iter().enumerate() {
        log.append(append(&n.to_string(), one, 0, 1)).await.unwrap();
    }
    let parts = |expected: [u32; 4]| -> Append {
        let parts: Vec<_> = streams.iter().zip(expected).map(|(one, expected)| (one, expected, 1)).collect();
        append_parts("all", &parts)
    };
    assert_conflict(&log.append(parts([1, 1, 7, 8])).await, &streams[2], (7, 1));
    assert_conflict(&log.append(parts([5, 6, 1, 1])).await, &streams[0], (5, 1));
    assert_conflict(&log.append(parts([1, 0, 1, 1])).await, &streams[1], (0, 1));
    assert_eq!(log.append(parts([1, 1, 1, 1])).await.unwrap().first, Some(Position(5)));
}

async fn a_check_that_is_stale_fails_the_append(place: &Place) {
    let (log, elsewhere) = (place.log().await, place.log().await);
    let (one, poll) = (stream("one"), stream("poll"));
    log.append(append("a", &poll, 0, 1)).await.unwrap();
    log.append(append_parts("b", &[(&one, 0, 1), (&poll, 1, 0)])).await.unwrap();
    // Another process moves it; what this one remembers is not enough.
    elsewhere.append(append("c", &poll, 1, 1)).await.unwrap();
    let stale = log.append(append_parts("d", &[(&one, 1, 1), (&poll, 1, 0)])).await;
    assert_conflict(&stale, &poll, (1, 2));
    let early = log.append(append_parts("e", &[(&one, 1, 1), (&poll, 3, 0)])).await;
    assert_conflict(&early, &poll, (3, 2));
    assert_eq!(everything(&log).await.len(), 3);
}

async fn a_check_moves_nothing(place: &Place) {
    let log = place.log().await;
    let (one, poll, absent) = (stream("one"), stream("poll"), stream("absent"));
    log.append(append("a", &poll, 0, 3)).await.unwrap();
    let receipt = log.append(append_parts("b", &[(&one, 0, 2), (&poll, 3, 0), (&absent, 0, 0)])).await.unwrap();
    assert_eq!((receipt.streams, receipt.first), (moved(&[(&one, 2)]), Some(Position(4))));
    assert_eq!((version(&log, &poll).await, version(&log, &absent).await), (3, 0));
    let next = log.append(append("c", &poll, 3, 1)).await.unwrap();
    assert_eq!(next.streams, moved(&[(&poll, 4)]));
}

async fn many_commands_at_once_may_check_one_stream(place: &Place) {
    let log = place.log().await;
    let poll = stream("poll");
    log.append(append("open", &poll, 0, 1)).await.unwrap();
    let ballots = |from: u32, expected: u32| -> Vec<Append> {
        let ballot = |n: u32| append_parts(&format!("{n}"), &[(&stream(&format!("{n}")), 0, 1), (&poll, expected, 0)]);
        (from..from + 300).map(ballot).collect()
    };
    let answers = all_at_once(&log, ballots(0, 1)).await;
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|receipt| receipt.events == 1)));
    log.append(append("close", &poll, 1, 1)).await.unwrap();
    for answer in all_at_once(&log, ballots(300, 1)).await {
        assert_conflict(&answer, &poll, (1, 2));
    }
    assert_eq!(everything(&log).await.len(), 302);
}

/// Two processes send checks while one of them writes what is checked: what was accepted has a lower position.
async fn a_check_and_a_write_of_one_stream_agree_on_their_order(place: &Place) {
    let logs = [place.log().await, place.log().await];
    for round in 0..6 {
        let poll = stream(&format!("poll{round}"));
        logs[0].append(append(&format!("open{round}"), &poll, 0, 1)).await.unwrap();
        let ballots = |process: usize| -> Vec<Append> {
            let ballot = |n: usize| {
                let name = format!("{round}/{process}/{n}");
                append_parts(&name, &[(&stream(&name), 0, 1), (&poll, 1, 0)])
            };
            (0..80).map(ballot).collect()
        };
        let mut here = ballots(0);
        here.insert(40, append(&format!("close{round}"), &poll, 1, 1));
        let (mut here, there) = tokio::join!(all_at_once(&logs[0], here), all_at_once(&logs[1], ballots(1)));
        let closed = here.remove(40).unwrap().first.unwrap();
        for answer in here.iter().chain(&there) {
            match answer {
                Ok(receipt) => assert!(receipt.first.unwrap() < closed, "a ballot behind the close was accepted"),
                refused => assert_conflict(refused, &poll, (1, 2)),
            }
        }
    }
    everything(&logs[0]).await;
}

async fn a_command_may_record_events_on_another_stream_only(place: &Place) {
    let log = place.log().await;
    let (one, other) = (stream("one"), stream("other"));
    log.append(append("a", &one, 0, 1)).await.unwrap();
    let receipt = log.append(append_parts("b", &[(&one, 1, 0), (&other, 0, 2)])).await.unwrap();
    assert_eq!((&receipt.streams, receipt.first), (&moved(&[(&one, 1), (&other, 2)]), Some(Position(2))));
    let again = log.append(append_parts("b", &[(&one, 1, 0), (&other, 0, 2)])).await.unwrap();
    assert_eq!(again, Receipt { replayed: true, ..receipt });
    let stale = log.append(append_parts("c", &[(&one, 0, 0), (&other, 2, 2)])).await;
    assert_conflict(&stale, &one, (0, 1));
    assert_eq!(everything(&log).await.len(), 3);
}

async fn the_receipt_of_all_parts_is_found_again(place: &Place) {
    let log = place.log().await;
    let (one, other, poll) = (stream("one"), stream("other"), stream("poll"));
    let parts = [(&one, 0, 1), (&other, 0, 2), (&poll, 0, 0)];
    let first = log.append(append_parts("a", &parts)).await.unwrap();
    log.append(append_parts("b", &[(&other, 2, 1), (&one, 1, 1)])).await.unwrap();
    let replayed = Receipt { replayed: true, ..first.clone() };
    // Also where it was decided again, on newer versions and differently, and by another process.
    let redecided = append_parts("a", &[(&one, 2, 1), (&other, 3, 0)]);
    for log in [&log, &place.log().await] {
        assert_eq!(log.append(append_parts("a", &parts)).await.unwrap(), replayed);
        assert_eq!(log.append(redecided.clone()).await.unwrap(), replayed);
        let (outcome, request) = log.outcome("staff-1", first.command).await.unwrap().unwrap();
        assert_eq!((outcome, request), (replayed.clone(), Fingerprint::of(Digest::of(b"request"))));
    }
    let other_body = Append { request: Fingerprint::of(Digest::of(b"another request")), ..append_parts("a", &parts) };
    let refused = log.append(other_body).await;
    assert!(matches!(refused, Err(AppendError::CommandReused(command)) if command == first.command));
    assert_eq!(everything(&log).await.len(), 5);
}

async fn a_stream_that_is_named_twice_is_refused(place: &Place) {
    let log = place.log().await;
    let (one, other) = (stream("one"), stream("other"));
    let twice = append_parts("a", &[(&one, 0, 1), (&other, 0, 1), (&one, 1, 1)]);
    let none = Append { parts: Vec::new(), ..twice.clone() };
    for (wrong, why) in [(twice, "twice"), (none, "names no stream")] {
        match log.append(wrong).await {
            Err(AppendError::Failure(failure)) => {
                assert!(!failure.passing && failure.reason.contains(why), "{failure}");
            }
            answer => panic!("{answer:?}"),
        }
    }
    assert_eq!(everything(&log).await.len(), 0);
}

/// Two processes: one merges A into B, the other one B into A, in the same moment.
async fn of_two_merges_in_opposite_directions_one_wins(place: &Place) {
    const PAIRS: u32 = 40;
    let logs = [place.log().await, place.log().await];
    let cases = |n: u32| (stream(&format!("a{n}")), stream(&format!("b{n}")));
    for n in 0..PAIRS {
        let (a, b) = cases(n);
        logs[n as usize % 2].append(append_parts(&format!("begin{n}"), &[(&a, 0, 1), (&b, 0, 1)])).await.unwrap();
    }
    let merges = |is_back: bool| -> Vec<Append> {
        let merge = |n: u32| {
            let (a, b) = cases(n);
            let (from, to) = if is_back { (b, a) } else { (a, b) };
            append_parts(&format!("merge{n}/{is_back}"), &[(&from, 1, 1), (&to, 1, 1)])
        };
        (0..PAIRS).map(merge).collect()
    };
    let (forth, back) = tokio::join!(all_at_once(&logs[0], merges(false)), all_at_once(&logs[1], merges(true)));
    for (n, (forth, back)) in (0..).zip(forth.iter().zip(&back)) {
        let (won, lost) = if forth.is_ok() { (forth, back) } else { (back, forth) };
        let (a, b) = cases(n);
        let named = if forth.is_ok() { (&a, &b) } else { (&b, &a) };
        assert_eq!(won.as_ref().unwrap().streams, moved(&[(named.0, 2), (named.1, 2)]));
        assert_conflict(lost, named.1, (1, 2));
    }
    assert_eq!(everything(&logs[0]).await.len(), 4 * PAIRS as usize);
}

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % sides
    }
}

/// Several writers in two processes, few streams, conflicts and repeats; then the whole log is checked against the receipts.
async fn random_appends_to_two_streams_leave_no_gap(place: &Place) {
    const STREAMS: u32 = 12;
    let logs = [place.log().await, place.log().await];
    let mut writers = JoinSet::new();
    for writer in 0..10_u32 {
        let log = Arc::clone(&logs[writer as usize % 2]);
        writers.spawn(async move {
            let mut dice = Dice(u64::from(writer));
            let mut receipts = Vec::new();
            for n in 0..25 {
                let (one, other) = (dice.roll(STREAMS), dice.roll(STREAMS - 1));
                let other = if other == one { STREAMS - 1 } else { other };
                let (one, other) = (stream(&format!("s{one}")), stream(&format!("s{other}")));
                let (events, others) = (dice.roll(3), dice.roll(3));
                receipts.push(until_recorded(&log, &format!("{writer}/{n}"), (&one, events), (&other, others)).await);
            }
            receipts
        });
    }
    let receipts: Vec<Receipt> = writers.join_all().await.into_iter().flatten().collect();
    let events = everything(&logs[0]).await;
    let recorded: u32 = receipts.iter().map(|receipt| receipt.events).sum();
    assert_eq!(events.len(), recorded as usize);
    let mut versions: HashMap<&StreamId, u32> = HashMap::new();
    for event in &events {
        let version = versions.entry(&event.stream).or_default();
        *version += 1;
        assert_eq!(event.version.0, *version, "{} has a gap", event.stream);
    }
    for receipt in receipts.iter().filter(|receipt| receipt.events > 0) {
        let first = usize::try_from(receipt.first.unwrap().0).unwrap() - 1;
        let own = &events[first..first + receipt.events as usize];
        for moved in receipt.streams.iter().rev().take(receipt.streams.len() - 1) {
            let newest = own.iter().rfind(|event| event.stream == moved.stream).unwrap();
            assert_eq!(newest.version, moved.version);
        }
        assert!(own.iter().all(|event| receipt.streams.iter().any(|moved| moved.stream == event.stream)));
    }
}

/// Loads both versions and tries again until the append is recorded; now and then the same command is sent twice.
async fn until_recorded(
    log: &Arc<dyn EventLog>,
    command: &str,
    (one, events): (&StreamId, u32),
    (other, others): (&StreamId, u32),
) -> Receipt {
    loop {
        let parts = [(one, version(log, one).await, events), (other, version(log, other).await, others)];
        match log.append(append_parts(command, &parts)).await {
            Ok(receipt) => {
                let again = log.append(append_parts(command, &parts)).await.unwrap();
                assert_eq!(again, Receipt { replayed: true, ..receipt.clone() });
                return receipt;
            }
            Err(AppendError::Conflict { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}
