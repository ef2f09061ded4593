//! The epoch of the log as it was read last, for those to whom it matters little that it may have risen since.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// For how long it will do.
const LATELY: Duration = Duration::from_secs(1);

/// The epoch as it was read last.
#[derive(Debug, Default)]
pub(crate) struct Lately(Mutex<Option<(Instant, u32)>>);

impl Lately {
    /// The epoch, if it was read lately.
    pub(crate) fn seen(&self) -> Option<u32> {
        let seen = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.filter(|(at, _)| at.elapsed() < LATELY).map(|(_, epoch)| epoch)
    }

    /// It was read now.
    pub(crate) fn saw(&self, epoch: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), epoch));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_was_read_does_for_a_second() {
        let lately = Lately::default();
        assert_eq!(lately.seen(), None);
        lately.saw(3);
        assert_eq!(lately.seen(), Some(3));
        tokio::time::advance(LATELY).await;
        assert_eq!(lately.seen(), None);
    }
}
