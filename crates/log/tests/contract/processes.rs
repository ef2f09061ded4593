//! Two real processes on one log: this executable, run once more.

use std::process::{Command, Stdio};
use std::sync::Arc;

use app::port::AppendError;
use tokio::task::JoinSet;

use crate::place::{Place, append, everything, open, stream, version_of};

/// Name of a variable with the url of the log; set for second processes only.
const LOG_OF_SECOND_PROCESS: &str = "DUALGRID_TEST_SECOND_PROCESS";
const WRITERS: u32 = 16;
const APPENDS: u32 = 20;

on_both_databases! {
    positions_are_gapless_from_two_processes
}

async fn positions_are_gapless_from_two_processes(place: &Place) {
    let log = place.log().await;
    let second = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::run_as_second_process", "--ignored"])
        .env(LOG_OF_SECOND_PROCESS, &place.url)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    write_under_load(&log, "first").await;
    let second = tokio::task::spawn_blocking(|| second.wait_with_output()).await.unwrap().unwrap();
    assert!(second.status.success(), "{}", String::from_utf8_lossy(&second.stdout));
    let events = everything(&log).await;
    // The writers of each process, and the streams that both wrote to.
    let own = usize::try_from(WRITERS * APPENDS).unwrap();
    assert_eq!(events.len(), 2 * own + own);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "run by the test above as its second process"]
async fn run_as_second_process() {
    let url = std::env::var(LOG_OF_SECOND_PROCESS).expect("the url of the log");
    write_under_load(&open(&url).await, "second").await;
}

/// Every writer appends to its own stream, tries a conflict, and sends a command that the other process sends too.
async fn write_under_load(log: &Arc<dyn app::port::EventLog>, process: &'static str) {
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let log = Arc::clone(log);
        writers.spawn(async move {
            let own = stream(&format!("{process}/{writer}"));
            let shared = stream(&format!("shared/{writer}"));
            for n in 0..APPENDS {
                let receipt = log.append(append(&format!("{process}/{writer}/{n}"), &own, n, 1)).await.unwrap();
                assert_eq!(version_of(&receipt), n + 1);
                let stale = log.append(append(&format!("{process}/{writer}/{n}/stale"), &own, n, 3)).await;
                assert!(matches!(stale, Err(AppendError::Conflict { .. })));
                let receipt = log.append(append(&format!("shared/{writer}/{n}"), &shared, n, 1)).await.unwrap();
                assert_eq!(version_of(&receipt), n + 1);
            }
        });
    }
    writers.join_all().await;
}
