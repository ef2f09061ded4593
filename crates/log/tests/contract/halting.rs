//! A halted log, who may recreate the stream of NATS, and what is kept for that.

use std::collections::BTreeMap;
use std::time::Duration;

use app::port::{Append, AppendError, Lost};
use kernel::{Position, StreamId, Version};
use uuid::Uuid;

use crate::place::{Place, append, append_parts, everything, stream};

on_every_log! {
    a_halted_log_records_nothing_until_the_loss_is_accepted
    a_loss_that_was_accepted_meanwhile_halts_nothing
    one_rebuilder_at_a_time
    a_floor_never_falls_and_none_is_forgotten
    floors_are_raised_by_several_processes_at_once
}

/// What accepts a loss: an event on the stream of losses.
pub(crate) fn acceptance(name: &str, expected: u32) -> Append {
    append(name, &StreamId::new("log", Uuid::nil()), expected, 1)
}

pub(crate) fn halted(answer: Result<app::port::Receipt, AppendError>) -> Lost {
    match answer {
        Err(AppendError::Halted(lost)) => lost,
        other => panic!("it is not halted: {other:?}"),
    }
}

const LOST: Lost = Lost { after: Position(1), to: Position(9) };

async fn a_halted_log_records_nothing_until_the_loss_is_accepted(place: &Place) {
    let (log, other) = (place.log().await, place.log().await);
    let (a, b) = (stream("a"), stream("b"));
    log.append(append("1", &a, 0, 1)).await.unwrap();
    other.append(append("2", &b, 0, 1)).await.unwrap();
    log.halt(LOST, Version(0)).await.unwrap();
    assert_eq!(log.lost().await.unwrap(), Some(LOST));
    // One event of a known stream, several streams, a new one, a check only: by whichever way it goes, in every process.
    for append in [append("3", &a, 1, 1), append_parts("4", &[(&a, 1, 1), (&b, 1, 2)]), append("5", &stream("c"), 0, 1)]
    {
        assert_eq!(halted(log.append(append.clone()).await), LOST);
        assert_eq!(halted(other.append(append).await), LOST);
    }
    assert_eq!(everything(&log).await.len(), 2);
    assert_eq!(other.append(acceptance("6", 0)).await.unwrap().first, Some(Position(3)));
    assert_eq!(log.lost().await.unwrap(), None);
    assert_eq!(log.append(append("3", &a, 1, 1)).await.unwrap().first, Some(Position(4)));
    assert_eq!(other.append(append("5", &stream("c"), 0, 1)).await.unwrap().first, Some(Position(5)));
}

async fn a_loss_that_was_accepted_meanwhile_halts_nothing(place: &Place) {
    let log = place.log().await;
    log.append(acceptance("1", 0)).await.unwrap();
    log.halt(LOST, Version(0)).await.unwrap();
    assert_eq!(log.lost().await.unwrap(), None);
    log.halt(LOST, Version(1)).await.unwrap();
    log.halt(Lost { after: Position(7), ..LOST }, Version(1)).await.unwrap();
    assert_eq!(log.lost().await.unwrap(), Some(LOST), "the first one counts");
}

async fn one_rebuilder_at_a_time(place: &Place) {
    let (log, lasts) = (place.log().await, Duration::from_mins(1));
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let leases = [
        log.lease_rebuild(one, lasts).await.unwrap(),
        log.lease_rebuild(other, lasts).await.unwrap(),
        log.lease_rebuild(one, Duration::ZERO).await.unwrap(),
    ];
    assert_eq!(leases, [true, false, true]);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(log.lease_rebuild(other, lasts).await.unwrap(), "a lease ends");
}

async fn a_floor_never_falls_and_none_is_forgotten(place: &Place) {
    let log = place.log().await;
    let floors = |floors: &[(&str, u64)]| -> BTreeMap<String, Position> {
        floors.iter().map(|(consumer, floor)| ((*consumer).to_owned(), Position(*floor))).collect()
    };
    assert_eq!(log.floors().await.unwrap(), BTreeMap::new());
    for (raised, kept) in [
        (floors(&[("dept-CGZF", 7), ("dept-LHSR", 0)]), floors(&[("dept-CGZF", 7), ("dept-LHSR", 0)])),
        (floors(&[("dept-CGZF", 9)]), floors(&[("dept-CGZF", 9), ("dept-LHSR", 0)])),
        (floors(&[("dept-CGZF", 8), ("int-city", 3)]), floors(&[("dept-CGZF", 9), ("dept-LHSR", 0), ("int-city", 3)])),
        (floors(&[]), floors(&[("dept-CGZF", 9), ("dept-LHSR", 0), ("int-city", 3)])),
    ] {
        log.raise_floors(raised).await.unwrap();
        assert_eq!(place.log().await.floors().await.unwrap(), kept);
    }
}

async fn floors_are_raised_by_several_processes_at_once(place: &Place) {
    let logs = [place.log().await, place.log().await];
    let names: Vec<String> = (0..40).map(|number| format!("dept-{number}")).collect();
    let raise = |log: &std::sync::Arc<dyn app::port::EventLog>, at: u64| {
        let (log, names) = (std::sync::Arc::clone(log), names.clone());
        async move { log.raise_floors(names.into_iter().map(|name| (name, Position(at))).collect()).await.unwrap() }
    };
    for round in 0..5 {
        tokio::join!(raise(&logs[0], round * 2), raise(&logs[1], round * 2 + 1));
    }
    let kept = logs[0].floors().await.unwrap();
    assert!(kept.len() == 40 && kept.values().all(|floor| *floor == Position(9)), "{kept:?}");
}
