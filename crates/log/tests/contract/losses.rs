//! A log that went back in time: what is remembered of it, what is recorded after it, and what is refused.

use app::port::event_log::UNKNOWN_REQUEST;
use app::port::{Append, AppendError, Lost, Receipt};
use kernel::digest::Digest;
use kernel::{Position, Version};
use log::{OpenError, Options, PgLog, SqliteLog};

use crate::halting::{acceptance, halted};
use crate::place::{Place, append, append_parts, everything, stream, tamper};

on_both_databases! {
    a_version_is_refused_whose_predecessor_is_gone
    a_process_that_knows_of_more_than_the_log_has_halts_it
    what_was_decided_on_another_log_is_not_recorded
    a_stream_with_a_hole_is_refused
    what_was_brought_back_is_as_it_was_and_counts_for_whatever_comes_with_its_id
}

/// The newest event is gone, as after a failover to a server that did not have it.
async fn lose_newest(place: &Place) {
    let statements = if place.is_sqlite() {
        vec!["drop trigger if exists events_are_not_deleted"]
    } else {
        vec!["alter table events disable trigger events_are_append_only"]
    };
    let newest = "delete from events where position = (select max(position) from events)";
    let head = "update head set position = position - 1";
    for statement in statements.into_iter().chain([newest, head]) {
        tamper(&place.url, statement).await.unwrap();
    }
}

async fn a_version_is_refused_whose_predecessor_is_gone(place: &Place) {
    let log = place.log().await;
    let (a, b) = (stream("a"), stream("b"));
    log.append(append("b", &b, 0, 1)).await.unwrap();
    log.append(append("a", &a, 0, 1)).await.unwrap();
    lose_newest(place).await;
    // As a process would that does not know: its head is that of the log.
    let known =
        |name: &str| [append(name, &a, 1, 1), append(name, &a, 1, 2), append_parts(name, &[(&b, 1, 1), (&a, 1, 1)])];
    for append in known("2") {
        match log.append(append).await {
            Err(AppendError::Conflict { stream, expected: Version(1), actual: Version(0) }) => assert_eq!(stream, a),
            // A file tells at once that it has lost something.
            Err(AppendError::Halted(lost)) if place.is_sqlite() => {
                assert_eq!((lost.first(), lost.count()), (Position(2), 1));
            }
            other => panic!("version 2 without version 1: {other:?}"),
        }
    }
    let insert = "insert into events (position, stream, version, id, type, time, bytes)
        select 2, 'case-00000000-0000-0000-0000-000000000000', 2, id, type, time, bytes from events";
    let refused = tamper(&place.url, insert).await.unwrap_err().to_string();
    assert!(refused.contains("a version of a stream is missing"), "{refused}");
    let whole = "insert into events (position, stream, version, id, type, time, bytes)
        select 1 + version, stream, 1 + version, id, type, time, bytes from events";
    tamper(&place.url, whole).await.unwrap();
}

async fn a_process_that_knows_of_more_than_the_log_has_halts_it(place: &Place) {
    let (log, a) = (place.log().await, stream("a"));
    let incarnation = log.incarnation();
    for n in 0..3 {
        log.append(append(&format!("{n}"), &a, n, 1)).await.unwrap();
    }
    lose_newest(place).await;
    lose_newest(place).await;
    if !place.is_sqlite() {
        let kill = "select pg_terminate_backend(pid) from pg_stat_activity
            where application_name like 'dualgrid%' and datname = current_database()";
        tamper(&place.url, kill).await.unwrap();
    }
    let decided = Append { incarnation: Some(0), ..append("3", &a, 3, 1) };
    let refused = log.append(decided).await;
    assert!(matches!(&refused, Err(AppendError::Failure(failure)) if failure.passing), "{refused:?}");
    assert_eq!(*incarnation.borrow(), 1);
    let lost = Lost { after: Position(1), to: Position(3) };
    assert_eq!(halted(log.append(append("4", &a, 1, 1)).await), lost);
    assert_eq!(place.log().await.lost().await.unwrap(), Some(lost));
    assert_eq!(*log.committed().borrow(), Position(1), "nobody waits for what is gone");
    assert_eq!(log.append(acceptance("5", 0)).await.unwrap().first, Some(Position(2)));
    assert_eq!(log.append(append("4", &a, 1, 1)).await.unwrap().first, Some(Position(3)));
}

/// The hash of a request is not in its events: the same id again gets the same answer, whatever its body says.
async fn what_was_brought_back_is_as_it_was_and_counts_for_whatever_comes_with_its_id(place: &Place) {
    let log = place.log().await;
    let (a, b) = (stream("a"), stream("b"));
    log.append(append("1", &a, 0, 1)).await.unwrap();
    let back = |append: Append| Append { request: UNKNOWN_REQUEST, ..append };
    let lost = [append("2", &a, 1, 1), append_parts("3", &[(&b, 0, 2)]), append("4", &a, 2, 1)];
    let mut receipts = Vec::new();
    for append in &lost {
        receipts.push(log.append(append.clone()).await.unwrap());
    }
    let before = everything(&log).await;
    drop(log);
    for _ in 0..4 {
        lose_newest(place).await;
    }
    let guard = if place.is_sqlite() {
        "drop trigger commands_are_not_deleted"
    } else {
        "alter table commands disable trigger commands_are_append_only"
    };
    for statement in [guard, "delete from commands where first_position > 1"] {
        tamper(&place.url, statement).await.unwrap();
    }
    let options = Options::default();
    let elsewhere = log::bring_back(&place.url, &options, Position(2), &[back(lost[0].clone())], None).await;
    assert!(matches!(&elsewhere, Err(OpenError::BringBack(why)) if why.contains("not at 2")), "{elsewhere:?}");
    // All but the last command; that one is still lost.
    let still = Lost { after: Position(4), to: Position(5) };
    let first = [back(lost[0].clone()), back(lost[1].clone())];
    log::bring_back(&place.url, &options, Position(1), &first, Some(still)).await.unwrap();
    assert_eq!(place.log().await.lost().await.unwrap(), Some(still));
    assert_eq!(halted(place.log().await.append(append("5", &stream("c"), 0, 1)).await), still);
    log::bring_back(&place.url, &options, Position(4), &[back(lost[2].clone())], None).await.unwrap();
    let log = place.log().await;
    assert_eq!((everything(&log).await, log.lost().await.unwrap()), (before, None));
    for (append, receipt) in lost.into_iter().zip(receipts) {
        for request in [append.request, app::port::Fingerprint::of(Digest::of(b"another body"))] {
            let again = log.append(Append { request, ..append.clone() }).await.unwrap();
            assert_eq!(again, Receipt { replayed: true, ..receipt.clone() });
        }
    }
    assert_eq!(log.append(append("5", &stream("c"), 0, 1)).await.unwrap().first, Some(Position(6)));
}

async fn what_was_decided_on_another_log_is_not_recorded(place: &Place) {
    let log = place.log().await;
    let elsewhere = Append { incarnation: Some(1), ..append("a", &stream("a"), 0, 1) };
    let refused = log.append(elsewhere).await.unwrap_err();
    assert!(refused.to_string().contains("another one than the command was decided on"), "{refused}");
    let here = Append { incarnation: Some(0), ..append("a", &stream("a"), 0, 1) };
    assert_eq!(log.append(here).await.unwrap().first, Some(Position(1)));
}

async fn a_stream_with_a_hole_is_refused(place: &Place) {
    let options = Options::default();
    place.log().await.append(append("a", &stream("a"), 0, 2)).await.unwrap();
    log::refuse_holes(&place.url, &options).await.unwrap();
    let guard = if place.is_sqlite() {
        "drop trigger events_follow_each_other"
    } else {
        "alter table events disable trigger events_follow_each_other"
    };
    tamper(&place.url, guard).await.unwrap();
    let insert = "insert into events (position, stream, version, id, type, time, bytes)
        select 3, stream, 4, id, type, time, bytes from events where position = 1";
    tamper(&place.url, insert).await.unwrap();
    tamper(&place.url, "update head set position = 3").await.unwrap();
    let opened = if place.is_sqlite() {
        SqliteLog::open(&place.url, &options).await.map(drop)
    } else {
        PgLog::connect(&place.url, &options).await.map(drop)
    };
    for refused in [opened.unwrap_err(), log::refuse_holes(&place.url, &options).await.unwrap_err()] {
        assert!(matches!(&refused, OpenError::Hole { position: 3, version: 4, .. }), "{refused}");
        assert!(refused.to_string().contains("version 3 is not in the log") && refused.to_string().contains("restore"));
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_under_a_running_process_is_noticed() {
    let place = Place::sqlite().await;
    let log = place.log().await;
    log.append(append("a", &stream("a"), 0, 1)).await.unwrap();
    let file = place.url.strip_prefix("sqlite:").unwrap();
    let copy = format!("{file}.copy");
    std::fs::copy(file, &copy).unwrap();
    std::fs::rename(&copy, file).unwrap();
    let refusals = [
        log.append(append("b", &stream("b"), 0, 1)).await.unwrap_err().to_string(),
        log.head().await.unwrap_err().to_string(),
        log.after(Position::START, 1).await.unwrap_err().to_string(),
        log.stream(&stream("a"), Version(0)).await.unwrap_err().to_string(),
    ];
    for refused in refusals {
        assert!(refused.contains("was replaced") && refused.contains("start the process again"), "{refused}");
    }
}
