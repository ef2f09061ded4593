//! How often the connection for the commands of one department was lost: counted, told seldom, and paid with pauses.
//!
//! async-nats drops its connection, or ends for good, over a message that it cannot read: a header that is not UTF-8, has no colon or
//! a carriage return in its value, or a reply subject that is not UTF-8. It cannot be told to go on.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kernel::DepartmentCode;
use tokio::time::Instant;

use super::seldom::Seldom;

/// How many times a connection was lost, by department.
const LOST: &str = "dualgrid_command_connections_lost_total";
/// Losses longer ago are forgotten.
const REMEMBERED: Duration = Duration::from_mins(1);
/// So many losses in that time cost no pause: nats-server may have been started again.
const FREE: usize = 3;
/// The pause after one loss more; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// How often a line of the log tells of losses.
const TELL_EVERY: Duration = Duration::from_secs(30);

/// The losses of one department's connection.
#[derive(Debug)]
pub(crate) struct Losses {
    department: DepartmentCode,
    lately: Mutex<VecDeque<Instant>>,
    told: Seldom,
}

impl Losses {
    pub(crate) fn of(department: DepartmentCode) -> Self {
        metrics::describe_counter!(LOST, "How many times the connection for the commands of a department was lost");
        metrics::counter!(LOST, "department" => department.to_string()).increment(0);
        Self { department, lately: Mutex::default(), told: Seldom::every(TELL_EVERY) }
    }

    /// The connection was lost now.
    pub(crate) fn note(&self) {
        metrics::counter!(LOST, "department" => self.department.to_string()).increment(1);
        let now = Instant::now();
        {
            let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
            lately.push_back(now);
            lately.retain(|at| now.duration_since(*at) < REMEMBERED);
        }
        let Some(untold) = self.told.pass() else { return };
        tracing::warn!(
            department = %self.department,
            untold,
            "the connection for the commands of a department was lost; if nats-server is up, its program sends headers or reply \
             subjects that cannot be read: they must be UTF-8 lines `Name: value`"
        );
    }

    /// How long to wait before the next connection.
    pub(crate) fn pause(&self) -> Duration {
        let now = Instant::now();
        let lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = lately.iter().filter(|at| now.duration_since(**at) < REMEMBERED).count();
        match u32::try_from(lately.saturating_sub(FREE)).unwrap_or(u32::MAX).min(10) {
            0 => Duration::ZERO,
            beyond => (PAUSE * 2_u32.pow(beyond - 1)).min(PAUSE_MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_loses_connections_again_and_again_waits_longer_and_is_forgiven_after_a_minute() {
        let losses = Losses::of(DepartmentCode::try_new("CGZF").unwrap());
        let pauses: Vec<_> = (0..12)
            .map(|_| {
                losses.note();
                losses.pause().as_millis()
            })
            .collect();
        assert_eq!(pauses, [0, 0, 0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(losses.pause(), Duration::ZERO);
    }
}
