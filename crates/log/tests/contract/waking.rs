//! Readers hear of what other processes have committed, and ask for nothing while nothing happens.

use std::sync::Arc;
use std::time::Duration;

use app::port::EventLog;
use kernel::Position;
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;

use crate::place::{Place, append, stream, tamper};

on_both_databases! {
    an_append_of_another_process_wakes_readers
    readers_are_woken_by_whoever_came_later
}

/// What must be heard is heard within this time, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Appends to `writer` and gives how long it took until `reader` was woken.
async fn heard_after(writer: &Arc<dyn EventLog>, reader: &Arc<dyn EventLog>, command: &str) -> Duration {
    let mut committed = reader.committed();
    let first = writer.append(append(command, &stream(command), 0, 1)).await.unwrap().first.unwrap();
    let since = Instant::now();
    let woken = tokio::time::timeout(PATIENCE, committed.wait_for(|newest| *newest >= first)).await;
    assert_eq!(*woken.expect("the reader was not woken").unwrap(), first);
    since.elapsed()
}

async fn an_append_of_another_process_wakes_readers(place: &Place) {
    let (one, other) = (place.log().await, place.log().await);
    let mut delays = Vec::new();
    for n in 0..40 {
        delays.push(heard_after(&one, &other, &format!("there{n}")).await);
        delays.push(heard_after(&other, &one, &format!("back{n}")).await);
    }
    delays.sort();
    // Not by asking once a second. Half of them, since the machine may be busy.
    assert!(delays[delays.len() / 2] < Duration::from_millis(300), "{delays:?}");
}

/// Also by a process that was opened when the other one had been alone for long.
async fn readers_are_woken_by_whoever_came_later(place: &Place) {
    let one = place.log().await;
    one.append(append("alone", &stream("alone"), 0, 1)).await.unwrap();
    let later = place.log().await;
    assert_eq!(*later.committed().borrow(), Position(1));
    heard_after(&one, &later, "a").await;
    heard_after(&later, &one, "b").await;
}

/// The connection that listens is ended again and again; what was not heard is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_are_woken_when_the_connection_that_listens_is_lost() {
    let place = Place::postgres().await;
    let (one, other) = (place.log().await, place.log().await);
    for n in 0..4 {
        tamper(
            &place.url,
            "select pg_terminate_backend(pid) from pg_stat_activity
            where application_name = 'dualgrid waker' and datname = current_database()",
        )
        .await
        .unwrap();
        heard_after(&one, &other, &format!("{n}")).await;
    }
}

/// Appends that nobody tells of, made behind the back of every process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_word_that_is_lost_is_made_up_for() {
    for place in [Place::postgres().await, Place::sqlite().await] {
        let log = place.log().await;
        let mut committed = log.committed();
        let event =
            if place.is_sqlite() { "zeroblob(16), 't', 0, zeroblob(1)" } else { "gen_random_uuid(), 't', now(), ''" };
        let events = format!(
            "insert into events (position, stream, version, id, type, time, bytes) values (1, 's', 1, {event})"
        );
        let recorded = format!("begin; {events}; update head set position = 1; commit");
        execute(&place, recorded).await;
        let woken = tokio::time::timeout(PATIENCE, committed.wait_for(|newest| *newest == Position(1))).await;
        woken.expect("the reader was not woken").unwrap();
    }
}

async fn execute(place: &Place, statements: String) {
    let statements = sqlx::raw_sql(sqlx::AssertSqlSafe(statements));
    if place.is_sqlite() {
        let mut connection = sqlx::SqliteConnection::connect(&place.url).await.unwrap();
        statements.execute(&mut connection).await.unwrap();
    } else {
        let mut connection = PgConnection::connect(&place.url).await.unwrap();
        statements.execute(&mut connection).await.unwrap();
    }
}

/// The transactions of a database are counted by PostgreSQL itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_process_asks_at_most_ten_times_a_second() {
    const SECONDS: u32 = 4;
    let place = Place::postgres().await;
    let (one, other) = (place.log().await, place.log().await);
    heard_after(&one, &other, "a").await;
    let server = format!("{}/postgres", place.url.rsplit_once('/').unwrap().0);
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let name = place.url.rsplit('/').next().unwrap().to_owned();
    let mut counted = Vec::new();
    for _ in 0..2 {
        // Sessions report their transactions when they go idle, at most once a second.
        tokio::time::sleep(Duration::from_secs(SECONDS.into())).await;
        let count: i64 = sqlx::query_scalar("select xact_commit from pg_stat_database where datname = $1")
            .bind(&name)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        counted.push(count);
    }
    let idle = counted[1] - counted[0];
    assert!(idle > 0, "nothing was counted");
    assert!(idle <= i64::from(2 * 10 * SECONDS), "{idle} transactions of two idle processes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_task_that_listens_ends_with_its_log() {
    for place in [Place::postgres().await, Place::sqlite().await] {
        let log = place.log().await;
        let mut committed = log.committed();
        drop(log);
        let ended = tokio::time::timeout(PATIENCE, async { while committed.changed().await.is_ok() {} }).await;
        ended.expect("a task still holds the newest position");
    }
}
