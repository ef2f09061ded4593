//! The newest events, read from the log once for all streams that are at its end.
//!
//! A stream that is behind them reads pages of its own. Nothing here runs by itself: the first stream that looks for what is new reads
//! it, and the others wait for that instead of asking too.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Actor, Position, Recorded};
use tokio::sync::Mutex;
use tokio::time::Instant;

use app::{App, Error};

/// How many events a stream that is behind reads at once.
pub(super) const PAGE_EVENTS: usize = 64;
/// How much of them it holds, in bytes: a reader that is slow holds no more. One event is always taken.
const PAGE_BYTES_MAX: usize = 256 * 1024;
/// How many of the newest events are kept.
const KEPT_EVENTS: usize = 1_024;
/// How much of them, in bytes.
const KEPT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How often the log is asked without a sign: other processes append to it too.
pub(super) const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The newest events, for all streams.
#[derive(Debug, Default)]
pub(crate) struct Feed(Mutex<Newest>);

/// Consecutive events up to the end of the log, as it was when it was looked at.
#[derive(Debug, Default)]
struct Newest {
    /// Of which log they are.
    incarnation: u64,
    /// The position before the first of them; `None` until somebody has been at the end.
    after: Option<Position>,
    events: VecDeque<Arc<Recorded>>,
    bytes: usize,
    looked: Option<Instant>,
}

impl Feed {
    /// The events after a position, as many as a stream may hold; none at the end of the log.
    ///
    /// # Errors
    /// Where the caller may not read events, or the log cannot be read.
    pub(super) async fn after(&self, app: &App, by: &Actor, after: Position) -> Result<VecDeque<Arc<Recorded>>, Error> {
        App::may_read_events(by)?;
        let incarnation = *app.ports().log.incarnation().borrow();
        let mut newest = self.0.lock().await;
        if newest.incarnation != incarnation {
            *newest = Newest { incarnation, ..Newest::default() };
        }
        if newest.end() == Some(after) && newest.may_be_behind(*app.committed().borrow()) {
            newest.looked = Some(Instant::now());
            let found = app.events(by, after, PAGE_EVENTS).await?;
            newest.take(found.into_iter().map(Arc::new));
        }
        if let Some(found) = newest.since(after) {
            return Ok(found);
        }
        drop(newest);
        // Somebody who is behind keeps nobody waiting.
        let found = app.events(by, after, PAGE_EVENTS).await?;
        let is_whole = found.len() < PAGE_EVENTS;
        let found: VecDeque<_> = found.into_iter().map(Arc::new).collect();
        if is_whole {
            let mut newest = self.0.lock().await;
            if newest.incarnation == incarnation {
                newest.begin_at(after, &found);
            }
        }
        Ok(held(found))
    }
}

impl Newest {
    /// How far they reach.
    fn end(&self) -> Option<Position> {
        self.events.back().map(|last| last.position).or(self.after)
    }

    /// Whether there may be something new: there is a sign of it, or nobody has looked for a while.
    fn may_be_behind(&self, committed: Position) -> bool {
        self.end().is_none_or(|end| committed > end)
            || self.looked.is_none_or(|looked| looked.elapsed() >= POLL_INTERVAL)
    }

    /// Those after a position; `None` where they do not reach back to it, or not as far.
    fn since(&self, position: Position) -> Option<VecDeque<Arc<Recorded>>> {
        if self.after? > position || self.end()? < position {
            return None;
        }
        let first = self.events.partition_point(|event| event.position <= position);
        Some(held(self.events.iter().skip(first).take(PAGE_EVENTS).cloned().collect()))
    }

    /// Begins where somebody has come to the end of the log, unless it was seen further already.
    fn begin_at(&mut self, after: Position, found: &VecDeque<Arc<Recorded>>) {
        let end = found.back().map_or(after, |last| last.position);
        if self.end().is_none_or(|seen| seen < end) {
            *self = Self { incarnation: self.incarnation, after: Some(after), ..Self::default() };
            self.take(found.iter().cloned());
        }
    }

    /// Takes what comes next, and drops the oldest where that is too much.
    fn take(&mut self, found: impl Iterator<Item = Arc<Recorded>>) {
        for event in found {
            self.bytes = self.bytes.saturating_add(event.bytes.len());
            self.events.push_back(event);
        }
        while self.events.len() > KEPT_EVENTS || (self.bytes > KEPT_BYTES_MAX && self.events.len() > 1) {
            let Some(oldest) = self.events.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes.len());
            self.after = Some(oldest.position);
        }
    }
}

/// As much of a page as a stream may hold.
fn held(mut page: VecDeque<Arc<Recorded>>) -> VecDeque<Arc<Recorded>> {
    let mut bytes = 0_usize;
    let fits = page.iter().take_while(|event| {
        bytes = bytes.saturating_add(event.bytes.len());
        bytes <= PAGE_BYTES_MAX
    });
    let fits = fits.count().max(1);
    page.truncate(fits);
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Bench, auditor, clerk};

    async fn positions(bench: &Bench, feed: &Feed, after: u64) -> Vec<u64> {
        let found = feed.after(&bench.api.app, &auditor(), Position(after)).await.unwrap();
        found.iter().map(|event| event.position.0).collect()
    }

    #[tokio::test]
    async fn many_at_the_end_read_the_log_once() {
        let bench = Bench::new();
        let feed = Feed::default();
        (1..=3).for_each(|_| bench.log.record("{}"));
        assert_eq!(positions(&bench, &feed, 0).await, [1, 2, 3]);
        let read = bench.log.reads();
        for _ in 0..500 {
            assert_eq!(positions(&bench, &feed, 3).await, EMPTY);
        }
        assert!(bench.log.reads() - read <= 1, "{} times", bench.log.reads() - read);
        bench.log.record("{}");
        let read = bench.log.reads();
        for _ in 0..500 {
            assert_eq!(positions(&bench, &feed, 3).await, [4]);
            assert_eq!(positions(&bench, &feed, 1).await, [2, 3, 4]);
        }
        assert_eq!(bench.log.reads() - read, 1);
    }

    #[tokio::test]
    async fn whoever_is_behind_reads_on_their_own_and_misses_nothing() {
        let bench = Bench::new();
        let feed = Feed::default();
        let events = KEPT_EVENTS as u64 + 500;
        (1..=events).for_each(|_| bench.log.record("{}"));
        let (mut after, mut seen) = (0, Vec::new());
        while after < events {
            let page = positions(&bench, &feed, after).await;
            after = *page.last().expect("there is more");
            seen.extend(page);
        }
        assert_eq!(seen, (1..=events).collect::<Vec<_>>());
        // Others write on while somebody begins at the beginning again.
        (1..=KEPT_EVENTS as u64).for_each(|_| bench.log.record("{}"));
        while after < events + KEPT_EVENTS as u64 {
            after = *positions(&bench, &feed, after).await.last().expect("there is more");
        }
        assert_eq!(positions(&bench, &feed, 0).await[..3], [1, 2, 3]);
        assert!(feed.0.lock().await.events.len() <= KEPT_EVENTS);
    }

    #[tokio::test]
    async fn another_log_begins_with_nothing() {
        let bench = Bench::new();
        let feed = Feed::default();
        (1..=4).for_each(|_| bench.log.record("{}"));
        assert_eq!(positions(&bench, &feed, 2).await, [3, 4]);
        bench.log.lose(2);
        bench.log.begin_again();
        bench.log.record(r#"{"other":1}"#);
        let found = feed.after(&bench.api.app, &auditor(), Position(2)).await.unwrap();
        assert_eq!(found.iter().map(|event| &event.bytes[..]).collect::<Vec<_>>(), [br#"{"other":1}"#]);
    }

    #[tokio::test]
    async fn who_may_not_read_gets_nothing_that_others_have_read() {
        let bench = Bench::new();
        let feed = Feed::default();
        bench.log.record("{}");
        assert_eq!(positions(&bench, &feed, 0).await, [1]);
        let refused = feed.after(&bench.api.app, &clerk(), Position(0)).await.unwrap_err();
        assert_eq!(refused.problem().code, "not-allowed");
    }

    #[tokio::test]
    async fn a_page_is_bounded_in_bytes_and_has_one_event_at_least() {
        let bench = Bench::new();
        let feed = Feed::default();
        let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(PAGE_BYTES_MAX / 3));
        (1..=5).for_each(|_| bench.log.record(&large));
        assert_eq!(positions(&bench, &feed, 0).await, [1, 2]);
        assert_eq!(positions(&bench, &feed, 2).await, [3, 4]);
        bench.log.record(&format!(r#"{{"text":"{}"}}"#, "x".repeat(PAGE_BYTES_MAX)));
        assert_eq!(positions(&bench, &feed, 5).await, [6]);
    }

    const EMPTY: [u64; 0] = [];
}
