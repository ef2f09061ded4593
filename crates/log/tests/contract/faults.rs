//! Lost connections, servers that come back, and appends that the database refuses.

use std::sync::Arc;
use std::time::Duration;

use app::port::AppendError;
use kernel::Position;
use log::{Options, PgLog};
use testkit::postgres::Postgres;
use tokio::task::JoinSet;

use crate::place::{Place, all_at_once, append, everything, stream, tamper, version_of};

/// PostgreSQL takes no NUL in a text, so the batch fails as a whole; the others of the batch do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_cannot_be_stored_fails_alone() {
    let log = Place::postgres().await.log().await;
    // Enough for two batches in flight: the one that fails is the first or the second.
    for (round, broken) in [0, 13, 0, 0].into_iter().enumerate() {
        let name = |n: u32| format!("{round}/{n}");
        let mut appends: Vec<_> = (0..120).map(|n| append(&name(n), &stream(&name(n)), 0, 2)).collect();
        appends[broken].parts[0].events[1].kind = "cn.dualgrid.\0.v1";
        for (n, answer) in all_at_once(&log, appends).await.into_iter().enumerate() {
            match answer {
                Ok(_) => assert_ne!(n, broken),
                Err(AppendError::Failure(failure)) => assert!(n == broken && !failure.passing, "{n}: {failure}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
    assert_eq!(everything(&log).await.len(), 4 * 119 * 2);
}

/// Two processes write in turns, large batches of streams that nobody wrote to before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_that_another_process_took_are_not_given_again() {
    let place = Place::postgres().await;
    let logs = [place.log().await, place.log().await];
    for turn in 0..6 {
        let name = |n: u32| format!("{turn}/{n}");
        let appends = (0..120).map(|n| append(&name(n), &stream(&name(n)), 0, 1)).collect();
        for answer in all_at_once(&logs[turn % 2], appends).await {
            assert!(!answer.unwrap().replayed);
        }
    }
    assert_eq!(everything(&logs[0]).await.len(), 6 * 120);
}

/// Sends an append until the log has an answer, always under the same command id.
async fn until_answered(log: &Arc<dyn app::port::EventLog>, command: &str, one: &kernel::StreamId, version: u32) {
    loop {
        match log.append(append(command, one, version, 1)).await {
            Ok(receipt) => return assert_eq!(version_of(&receipt), version + 1),
            Err(AppendError::Failure(failure)) if failure.passing => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn write_until_answered(log: &Arc<dyn app::port::EventLog>, writers: u32, appends: u32) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let log = Arc::clone(log);
        tasks.spawn(async move {
            let one = stream(&format!("w{writer}"));
            for n in 0..appends {
                until_answered(&log, &format!("w{writer}/{n}"), &one, n).await;
            }
        });
    }
    tasks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_loses_and_doubles_nothing() {
    let place = Place::postgres().await;
    let log = place.log().await;
    let mut writing = write_until_answered(&log, 16, 60);
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'dualgrid writer' and datname = current_database()";
    let mut committed = log.committed();
    let mut kills = 0;
    // One after each commit that was seen, so that the writer gets on.
    while *committed.borrow_and_update() < Position(16 * 60) {
        tamper(&place.url, kill).await.unwrap();
        kills += 1;
        tokio::select! {
            changed = committed.changed() => changed.unwrap(),
            Some(written) = writing.join_next() => written.unwrap(),
        }
    }
    while let Some(written) = writing.join_next().await {
        written.unwrap();
    }
    assert!(kills > 5, "{kills} connections were lost");
    assert_eq!(everything(&log).await.len(), 16 * 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_resumes_when_its_server_comes_back() {
    let mut server = Postgres::start().await.unwrap();
    let url = server.create_database().await.unwrap();
    let options = Options { acquire_timeout: Duration::from_millis(300), ..Options::default() };
    let log: Arc<dyn app::port::EventLog> = Arc::new(PgLog::connect(&url, &options).await.unwrap());
    let mut writing = write_until_answered(&log, 8, 150);
    for _ in 0..2 {
        server.stop_immediately().await.unwrap();
        let away = log.append(append("away", &stream("away"), 9, 1)).await;
        assert!(matches!(away, Err(AppendError::Failure(failure)) if failure.passing));
        server.start_again().await.unwrap();
    }
    while let Some(written) = writing.join_next().await {
        written.unwrap();
    }
    assert_eq!(everything(&log).await.len(), 8 * 150);
}
