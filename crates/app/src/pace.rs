//! How many requests a second a principal may make, and how many bytes of files it may send, over every door together.
//!
//! A department that floods NATS, or a program that asks in a loop, is told to wait; everybody else is served as before.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::Error;
use crate::limiter::Limiter;

/// How many requests a principal may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In a second, on average.
    pub per_second: NonZeroU32,
    /// At once, by who was still before.
    pub burst: NonZeroU32,
    /// KiB of files, and of messages over NATS, in a second, on average.
    pub kib_per_second: NonZeroU32,
    /// KiB at once, by who was still before.
    pub kib_burst: NonZeroU32,
}

/// What each principal has asked for lately; nobody is limited without a rate.
pub(crate) struct Pace(Option<Limits>);

struct Limits {
    rate: Rate,
    requests: Limiter,
    kib: Limiter,
}

impl Pace {
    pub(crate) fn of(rate: Option<Rate>) -> Self {
        Self(rate.map(|rate| Limits {
            rate,
            requests: Limiter::new(rate.per_second, rate.burst),
            kib: Limiter::new(rate.kib_per_second, rate.kib_burst),
        }))
    }

    /// Counts a request.
    pub(crate) fn admit(&self, principal: &str) -> Result<(), Error> {
        let Some(Limits { rate, requests, .. }) = &self.0 else { return Ok(()) };
        let too_many = |wait| Error::TooManyRequests { per_second: rate.per_second.get(), wait_s: whole_seconds(wait) };
        requests.count(principal).map_err(too_many)
    }

    /// Counts bytes before they are taken. What is larger than everything that may come at once costs all of that.
    pub(crate) fn admit_bytes(&self, principal: &str, bytes: u64) -> Result<(), Error> {
        let Some(Limits { rate, kib, .. }) = &self.0 else { return Ok(()) };
        let per_second = rate.kib_per_second.get();
        let too_many = |wait| Error::TooManyBytes { kib_per_second: per_second, wait_s: whole_seconds(wait) };
        let count = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX).min(rate.kib_burst.get());
        kib.count_many(principal, NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)).map_err(too_many)
    }
}

/// A wait in whole seconds, at least one: what the header `Retry-After` can say.
fn whole_seconds(wait: Duration) -> u32 {
    let rest = u64::from(wait.subsec_nanos() > 0);
    u32::try_from(wait.as_secs().saturating_add(rest).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_second: u32, burst: u32) -> Rate {
        let some = |number| NonZeroU32::new(number).expect("a number above zero");
        Rate { per_second: some(per_second), burst: some(burst), kib_per_second: some(4), kib_burst: some(40) }
    }

    #[test]
    fn who_sends_too_many_bytes_waits_and_nobody_else_does() {
        let pace = Pace::of(Some(rate(1, 1)));
        pace.admit_bytes("department/SCJG", 0).unwrap();
        pace.admit_bytes("department/SCJG", 39 * 1024).unwrap();
        let problem = pace.admit_bytes("department/SCJG", 1025).unwrap_err().problem();
        assert_eq!((problem.status, problem.code.as_str(), problem.retry_after), (429, "too-many-bytes", Some(1)));
        assert!(problem.detail.contains("4 KiB a second"), "{}", problem.detail);
        // A file that is larger than all that may come at once is taken from who was still, and then costs all of it.
        pace.admit_bytes("staff-1", u64::MAX).unwrap();
        assert_eq!(pace.admit_bytes("staff-1", 8 * 1024).unwrap_err().problem().retry_after, Some(2));
        assert!(Pace::of(None).admit_bytes("staff-1", u64::MAX).is_ok());
    }

    #[test]
    fn who_asks_too_often_waits_and_nobody_else_does() {
        let pace = Pace::of(Some(rate(1, 3)));
        for _ in 0..3 {
            pace.admit("staff-1").unwrap();
        }
        let problem = pace.admit("staff-1").unwrap_err().problem();
        assert_eq!((problem.status, problem.code.as_str()), (429, "too-many-requests"));
        assert_eq!(problem.retry_after, Some(1));
        assert!(problem.detail.contains("1 request a second"), "{}", problem.detail);
        pace.admit("staff-2").unwrap();
        pace.admit("department/SCJG").unwrap();
    }

    #[test]
    fn who_waits_as_told_is_served() {
        let pace = Pace::of(Some(rate(50, 1)));
        pace.admit("staff-1").unwrap();
        assert!(matches!(pace.admit("staff-1"), Err(Error::TooManyRequests { .. })));
        std::thread::sleep(Duration::from_millis(40));
        pace.admit("staff-1").unwrap();
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        let pace = Pace::of(None);
        assert!((0..1000).all(|_| pace.admit("staff-1").is_ok()));
    }

    #[test]
    fn a_wait_is_told_in_whole_seconds() {
        for (wait, seconds) in [(0, 1), (1, 1), (999, 1), (1000, 1), (1001, 2), (59_001, 60)] {
            assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds, "{wait} ms");
        }
    }
}
