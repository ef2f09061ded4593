//! Fills a log with the valid histories of many cases, many of them open at once, far faster than commands could.
//!
//! Bytes are those of `kernel::envelope::encode`, positions go on from the head without a gap, every event belongs to a
//! command, and every history is one that `case` decided. The log may hold a district and rules already; nobody else may
//! use it while it is being filled.

mod feed;
mod histories;
mod postgres;
mod sqlite;

use kernel::{CaseId, DepartmentCode, GridCode};
use log::Options;

use feed::Feed;
use histories::Histories;

/// What a log was filled with.
#[derive(Clone, Debug)]
pub(crate) struct Filled {
    /// How many cases.
    pub(crate) cases: u64,
    /// How many events.
    pub(crate) events: u64,
    /// The position of the newest event of the log.
    pub(crate) head: u64,
    /// Up to a thousand of the cases, spread over all.
    pub(crate) sample: Vec<CaseId>,
    /// The grids in which the cases are, and every grid above them.
    pub(crate) grids: Vec<GridCode>,
    /// The departments that got orders.
    pub(crate) departments: Vec<DepartmentCode>,
}

/// Fills the log at `log_url`, which is made where there is none, with `cases` cases of at most `events_per_case` events.
///
/// A whole history has 8 events where the community solves it and 13 where a department does. A quarter of the cases
/// stop somewhere on the way: they are open.
pub(crate) async fn cases(log_url: &str, cases: u64, events_per_case: u32) -> anyhow::Result<Filled> {
    // Opened and closed again: the tables are there, and whatever is wrong with the log shows.
    drop(log::open(log_url, &Options::default()).await?);
    let histories = Histories::decide()?;
    let (grids, departments) = (histories.grids(), histories.departments());
    let feed = |head| Feed::new(histories, cases, events_per_case, head);
    let totals = if log_url.starts_with("sqlite:") {
        sqlite::fill(log_url, feed).await?
    } else {
        postgres::fill(log_url, feed).await?
    };
    Ok(Filled { cases, events: totals.events, head: totals.head, sample: totals.sample, grids, departments })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use app::event::read_as;
    use case::{Case, Stage};
    use chrono::{DateTime, Utc};
    use kernel::{Aggregate as _, Position, Version, envelope};

    use super::*;

    async fn check(url: &str) {
        let filled = cases(url, 300, 13).await.unwrap();
        let again = cases(url, 50, 4).await.unwrap();
        let log = log::open(url, &Options::default()).await.unwrap().log;
        let events = log.after(Position::START, 1_000_000).await.unwrap();
        assert_eq!(events.len() as u64, filled.events + again.events);
        assert_eq!((log.head().await.unwrap().0, again.head), (events.len() as u64, events.len() as u64));
        let mut histories: HashMap<String, (Case, Version, DateTime<Utc>)> = HashMap::new();
        for recorded in &events {
            let envelope = envelope::decode(&recorded.bytes).unwrap();
            assert_eq!((envelope.id, envelope.streamversion), (recorded.id, recorded.version));
            assert_eq!((&*envelope.kind, &envelope.subject), (recorded.kind.as_str(), &recorded.stream));
            assert_eq!(serde_json::to_vec(&envelope).unwrap(), recorded.bytes);
            let event = read_as(recorded).unwrap();
            let stream = recorded.stream.to_string();
            let (case, version, time) = histories.remove(&stream).unwrap_or_default();
            assert!(recorded.version.0 == version.0 + 1 && recorded.time >= time);
            histories.insert(stream, (case.evolve(event), recorded.version, recorded.time));
        }
        assert_eq!(histories.len(), 350);
        let open = histories.values().filter(|(case, ..)| case.stage() != Stage::Closed).count();
        assert!((60..290).contains(&open), "{open} cases are open");
        let one = &events[events.len() / 2];
        let command = envelope::decode(&one.bytes).unwrap().commandid;
        let (receipt, _) = log.outcome(feed::PRINCIPAL, command).await.unwrap().unwrap();
        let [moved] = receipt.streams.as_slice() else { panic!("{receipt:?}") };
        assert!(receipt.first.unwrap() <= one.position && moved.version >= one.version);
        assert_eq!(moved.stream, one.stream);
    }

    #[tokio::test]
    async fn a_sqlite_log_is_filled_with_histories_that_can_be_read() {
        let folder = tempfile::tempdir().unwrap();
        check(&format!("sqlite:{}", folder.path().join("log.db").display())).await;
    }

    #[tokio::test]
    async fn a_postgres_log_is_filled_with_histories_that_can_be_read() {
        check(&testkit::postgres::Postgres::shared().await.unwrap().create_database().await.unwrap()).await;
    }
}
