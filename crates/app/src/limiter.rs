//! So much in a second for each of many callers, and more at once for one who was still.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, MonotonicClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{InsufficientCapacity, Quota, RateLimiter};

/// After how many callers those are forgotten that have been still for long enough to have no debt.
const CALLERS_KEPT: usize = 4096;

/// What each caller has done lately.
pub(crate) struct Limiter {
    clock: MonotonicClock,
    callers: RateLimiter<String, HashMapStateStore<String>, MonotonicClock, NoOpMiddleware<std::time::Instant>>,
}

impl Limiter {
    pub(crate) fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { clock: MonotonicClock, callers: RateLimiter::new(quota, HashMapStateStore::default(), MonotonicClock) }
    }

    /// Counts one more of a caller, or says how long they should wait.
    pub(crate) fn count(&self, caller: &str) -> Result<(), Duration> {
        self.count_many(caller, NonZeroU32::MIN)
    }

    /// Counts so many more, at most as many as may come at once.
    pub(crate) fn count_many(&self, caller: &str, many: NonZeroU32) -> Result<(), Duration> {
        if self.callers.len() > CALLERS_KEPT {
            self.callers.retain_recent();
        }
        match self.callers.check_key_n(&caller.to_owned(), many) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(early)) => Err(early.wait_time_from(self.clock.now())),
            Err(InsufficientCapacity(_)) => Err(Duration::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_that_are_still_are_forgotten() {
        let limiter = Limiter::new(NonZeroU32::new(1_000_000).expect("a number above zero"), NonZeroU32::MIN);
        for number in 0..CALLERS_KEPT * 2 {
            limiter.count(&format!("staff-{number}")).unwrap();
        }
        assert!(limiter.callers.len() <= CALLERS_KEPT + 1, "{} are kept", limiter.callers.len());
    }
}
