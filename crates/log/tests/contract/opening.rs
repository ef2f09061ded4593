//! Opening a log: migrations, durability, the head, and what is refused.

use kernel::Position;
use log::{OpenError, Options, PgLog, SqliteLog};
use sqlx::{Connection as _, PgConnection};
use tokio::task::JoinSet;

use crate::place::{Place, all_at_once, append, everything, open, stream, tamper};

on_both_databases! {
    a_restart_keeps_everything
    processes_may_start_at_once
    a_head_that_does_not_fit_is_refused
    a_head_is_one_row_that_counts
    a_version_below_one_is_refused
    what_was_recorded_cannot_be_changed
    people_can_read_events_as_json
    the_durability_is_told
}

async fn a_restart_keeps_everything(place: &Place) {
    let log = place.log().await;
    all_at_once(&log, (0..30).map(|n| append(&format!("{n}"), &stream(&format!("{n}")), 0, n % 4)).collect()).await;
    let before = everything(&log).await;
    drop(log);
    let log = place.log().await;
    assert_eq!(everything(&log).await, before);
    assert_eq!(*log.committed().borrow(), Position(before.len() as u64));
    assert!(log.append(append("7", &stream("7"), 0, 3)).await.unwrap().replayed);
    let next = log.append(append("new", &stream("new"), 0, 1)).await.unwrap();
    assert_eq!(next.first, Some(Position(before.len() as u64 + 1)));
}

async fn processes_may_start_at_once(place: &Place) {
    let mut starting = JoinSet::new();
    for n in 0..6 {
        let url = place.url.clone();
        starting.spawn(async move {
            let opened = log::open(&url, &Options::default()).await.unwrap();
            opened.log.append(append(&format!("{n}"), &stream(&format!("{n}")), 0, 1)).await.unwrap();
        });
    }
    starting.join_all().await;
    assert_eq!(everything(&place.log().await).await.len(), 6);
}

async fn refusal(place: &Place) -> OpenError {
    let options = Options::default();
    if place.is_sqlite() {
        SqliteLog::open(&place.url, &options).await.unwrap_err()
    } else {
        PgLog::connect(&place.url, &options).await.unwrap_err()
    }
}

async fn a_head_that_does_not_fit_is_refused(place: &Place) {
    place.log().await.append(append("a", &stream("a"), 0, 2)).await.unwrap();
    tamper(&place.url, "update head set position = 1").await.unwrap();
    assert!(matches!(refusal(place).await, OpenError::HeadDiffers { head: 1, newest: 2 }));
    if !place.is_sqlite() {
        tamper(&place.url, "alter table head disable trigger head_is_one_row").await.unwrap();
    }
    tamper(&place.url, "delete from head").await.unwrap();
    assert!(matches!(refusal(place).await, OpenError::HeadMissing));
}

async fn a_head_is_one_row_that_counts(place: &Place) {
    place.log().await.append(append("a", &stream("a"), 0, 2)).await.unwrap();
    let changes = if place.is_sqlite() {
        vec![
            ("update head set position = -1", "check constraint"),
            ("insert into head (only_row, position) values (false, 7)", "check constraint"),
            ("insert into head (only_row, position) values (true, 7)", "unique constraint"),
        ]
    } else {
        vec![
            ("update head set position = -1", "check constraint"),
            ("insert into head (position) values (7)", "head is one row"),
            ("delete from head", "head is one row"),
            ("truncate head", "head is one row"),
        ]
    };
    for (change, why) in changes {
        let refused = tamper(&place.url, change).await.unwrap_err();
        assert!(refused.to_string().to_lowercase().contains(why), "{change}: {refused}");
    }
    let next = place.log().await.append(append("b", &stream("b"), 0, 1)).await.unwrap();
    assert_eq!(next.first, Some(Position(3)));
}

async fn a_version_below_one_is_refused(place: &Place) {
    place.log().await.append(append("a", &stream("a"), 0, 1)).await.unwrap();
    let again = "insert into events (position, stream, version, id, type, time, bytes)
        select 2, stream, 0, id, type, time, bytes from events";
    let refused = tamper(&place.url, again).await.unwrap_err();
    assert!(refused.to_string().to_lowercase().contains("check constraint"), "{refused}");
}

async fn what_was_recorded_cannot_be_changed(place: &Place) {
    place.log().await.append(append("a", &stream("a"), 0, 2)).await.unwrap();
    for change in ["update events set version = 7 where position = 2", "delete from events", "delete from commands"] {
        let refused = tamper(&place.url, change).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{change}: {refused}");
    }
}

async fn people_can_read_events_as_json(place: &Place) {
    place.log().await.append(append("a", &stream("a"), 0, 2)).await.unwrap();
    let sql = "select event ->> 'note' from events_readable where position = 2";
    let note: String = if place.is_sqlite() {
        sqlx::query_scalar(sql).fetch_one(&sqlx::SqlitePool::connect(&place.url).await.unwrap()).await.unwrap()
    } else {
        sqlx::query_scalar(sql).fetch_one(&sqlx::PgPool::connect(&place.url).await.unwrap()).await.unwrap()
    };
    assert_eq!(note, "静安寺 a/2");
}

async fn the_durability_is_told(place: &Place) {
    let durability = log::durability(&place.url, &Options::default()).await.unwrap();
    assert!(durability.is_enough());
    assert!(durability.findings.len() >= 2);
}

#[tokio::test]
async fn a_postgres_that_may_lose_commits_is_refused() {
    let place = Place::postgres().await;
    for value in ["off", "local"] {
        let url = format!("{}?options=-c%20synchronous_commit%3D{value}", place.url);
        let refused = PgLog::connect(&url, &Options::default()).await.unwrap_err();
        assert!(matches!(refused, OpenError::NotDurable { .. }), "{refused}");
        assert!(refused.to_string().contains(&format!("synchronous_commit is {value}: set it to on")), "{refused}");
        assert!(!log::durability(&url, &Options::default()).await.unwrap().is_enough());
    }
    open(&place.url).await;
}

/// Who reads for long keeps every version of the head row, page after page; `vacuum full` puts it back onto the first.
#[tokio::test]
async fn the_head_is_found_wherever_postgres_keeps_it() {
    let place = Place::postgres().await;
    let log = place.log().await;
    let mut reader = PgConnection::connect(&place.url).await.unwrap();
    let mut last = 0;
    for events in [1, 2] {
        let mut reading = reader.begin_with("begin isolation level repeatable read").await.unwrap();
        assert_eq!(head_page(&mut reading).await, 0);
        for n in 0..400 {
            log.append(append(&format!("{events}/{n}"), &stream(&events.to_string()), n, 1)).await.unwrap();
        }
        last += 400;
        reading.rollback().await.unwrap();
        assert!(head_page(&mut reader).await > 0, "the row has not moved");
        tamper(&place.url, "vacuum full head").await.unwrap();
        assert_eq!(head_page(&mut reader).await, 0);
        let next = append(&format!("{events}"), &stream(&format!("{events}/new")), 0, events);
        assert_eq!(log.append(next).await.unwrap().first, Some(Position(last + 1)));
        last += u64::from(events);
    }
    assert_eq!(everything(&log).await.len() as u64, last);
}

/// Both move the row at once; then one moves it further than the other one looks.
#[tokio::test]
async fn two_processes_find_the_head_that_moves_under_postgres() {
    const ROUNDS: u32 = 30;
    const EACH: u32 = 3;
    const ALONE: u32 = 700;
    let place = Place::postgres().await;
    let (one, other) = (place.log().await, place.log().await);
    let mut reader = PgConnection::connect(&place.url).await.unwrap();
    let mut reading = reader.begin_with("begin isolation level repeatable read").await.unwrap();
    assert_eq!(head_page(&mut reading).await, 0);
    let batch = |who: &str, round: u32| {
        (0..EACH).map(|n| append(&format!("{who}/{round}/{n}"), &stream(&format!("{who}/{n}")), round, 1)).collect()
    };
    for round in 0..ROUNDS {
        let (ours, theirs) =
            tokio::join!(all_at_once(&one, batch("one", round)), all_at_once(&other, batch("other", round)));
        assert!(ours.iter().chain(&theirs).all(Result::is_ok));
    }
    for n in 0..ALONE {
        other.append(append(&format!("alone/{n}"), &stream("alone"), n, 1)).await.unwrap();
    }
    one.append(append("last", &stream("last"), 0, 1)).await.unwrap();
    reading.rollback().await.unwrap();
    assert!(head_page(&mut reader).await > 2, "the row has not moved far");
    let positions: Vec<u64> = everything(&one).await.iter().map(|event| event.position.0).collect();
    assert!(positions.iter().copied().eq(1..=u64::from(2 * ROUNDS * EACH + ALONE + 1)), "{positions:?}");
}

/// The page of its table on which the head row is, for this transaction.
async fn head_page(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select (ctid::text::point)[0]::bigint from head").fetch_one(connection).await.unwrap()
}

/// An append must not depend on whether somebody copies the database by logical replication.
#[tokio::test]
async fn appends_go_on_when_all_tables_are_published_by_postgres() {
    let place = Place::postgres().await;
    let log = place.log().await;
    tamper(&place.url, "create publication everything for all tables").await.unwrap();
    let receipt = log.append(append("a", &stream("a"), 0, 1)).await.unwrap();
    assert_eq!(receipt.first, Some(Position(1)));
}

#[tokio::test]
async fn urls_that_cannot_be_opened_say_what_to_do() {
    let options = Options { acquire_timeout: std::time::Duration::from_millis(200), ..Options::default() };
    for url in ["mysql://root:secret@db/x", "nothing", "sqlite::memory:", "postgres://u:secret@127.0.0.1:1/x"] {
        let Err(refused) = log::open(url, &options).await else { panic!("{url} was opened") };
        let text = refused.chain();
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("give ") || text.contains("check "), "{text}");
    }
}
