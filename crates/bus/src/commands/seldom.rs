//! Lines of the log that come seldom, whatever others send.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets a line through once in a while, and counts the rest.
#[derive(Debug)]
pub(super) struct Seldom {
    every: Duration,
    /// When the last line was written, and how many were left out since.
    last: Mutex<(Option<Instant>, u64)>,
}

impl Seldom {
    pub(super) const fn every(every: Duration) -> Self {
        Self { every, last: Mutex::new((None, 0)) }
    }

    /// How many lines were left out, where one may be written now.
    pub(super) fn pass(&self) -> Option<u64> {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.0.is_some_and(|at| now.duration_since(at) < self.every) {
            last.1 = last.1.saturating_add(1);
            return None;
        }
        let left_out = last.1;
        *last = (Some(now), 0);
        Some(left_out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn of_a_hundred_thousand_lines_one_is_written_and_the_rest_is_counted() {
        let seldom = Seldom::every(Duration::from_secs(10));
        let written = (0..100_000).filter(|_| seldom.pass().is_some()).count();
        assert_eq!(written, 1);
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(seldom.pass(), Some(99_999));
    }
}
