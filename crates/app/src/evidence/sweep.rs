//! Files that nothing names go when their time is over.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::port::uploads::{Leaving, Upload};
use crate::{App, Error};

/// How often it is looked for files whose time is over.
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// Most of them at once.
const AT_ONCE: u32 = 100;
/// How long the removal of one may take: less than others leave it alone.
const PATIENCE: Duration = Duration::from_mins(5);
/// Files that were removed.
const REMOVED: &str = "dualgrid_evidence_removed_total";

impl App {
    /// Removes files whose time is over, again and again.
    pub async fn watch_evidence(&self) -> Infallible {
        metrics::describe_counter!(REMOVED, "Files that nothing named and that were removed when their time was over");
        loop {
            match self.sweep_evidence().await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "files that nothing named were removed"),
                Err(error) => tracing::warn!(%error, "files whose time is over could not be removed yet"),
            }
            sleep(SWEEP_EVERY).await;
        }
    }

    /// Removes files whose time is over and that nothing names. Returns how many uploads went.
    pub async fn sweep_evidence(&self) -> Result<u64, Error> {
        let mut removed = 0_u64;
        for upload in self.ports.uploads.over(self.ports.clock.now(), AT_ONCE).await? {
            let gone = timeout(PATIENCE, self.remove_upload(&upload)).await;
            // Who stopped here goes on with it after the others have had it for themselves.
            removed = removed.saturating_add(u64::from(gone.unwrap_or(Ok(false))?));
        }
        metrics::counter!(REMOVED).increment(removed);
        Ok(removed)
    }

    /// Removes one upload. A command that is about to name its file has held it, and so it is not over; what was recorded before it
    /// is hidden is in the view once that has come as far as the log was then.
    async fn remove_upload(&self, upload: &Upload) -> Result<bool, Error> {
        let (sha256, owner, uploads) = (upload.evidence.sha256, &upload.owner, &self.ports.uploads);
        if !uploads.begin_removal(sha256, owner, self.ports.clock.now()).await? {
            return Ok(false);
        }
        let head = self.ports.log.head().await?;
        let named = self.named(sha256).await?;
        if !named.rows.is_empty() {
            uploads.keep(sha256, owner).await?;
            return Ok(false);
        }
        if named.position < head {
            // It stays hidden, and is looked at again.
            return Ok(false);
        }
        if uploads.continue_removal(sha256, owner).await? == Leaving::FileToo {
            self.ports.evidence.remove(sha256).await?;
            uploads.remove(sha256, owner).await?;
        }
        self.evidence.remove(&(owner.clone(), sha256));
        Ok(true)
    }
}
