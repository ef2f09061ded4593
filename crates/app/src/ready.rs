//! Whether this process can do its work, and whether its roles make progress.

use std::borrow::Borrow;
use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::App;
use crate::health::{Check, Progress, Report, SILENT_LAG_MAX, show_stalled};
use crate::recording::LOG;

/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long the log may take to say where it ends.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);

impl App {
    /// Watches a role that follows the log: whatever it waits for, and also where it does not come back from waiting. Says
    /// that it stalls; that it goes on, it says itself.
    pub async fn watch(&self, role: &str, progress: &Progress) -> Infallible {
        self.watch_each(&[(role.to_owned(), progress)]).await
    }

    /// The same for several roles, with one look at the log for all of them.
    pub async fn watch_each<P: Borrow<Progress> + Sync>(&self, roles: &[(String, P)]) -> Infallible {
        let position = |progress: &P| progress.borrow().position();
        let mut seen: Vec<_> = roles.iter().map(|(_, progress)| (position(progress), Instant::now())).collect();
        loop {
            sleep(LOOK_EVERY).await;
            // A log that does not answer is a trouble of its own; what was seen last is enough to know of waiting work.
            let head = match timeout(LOOK_EVERY, self.ports().log.head()).await {
                Ok(Ok(head)) => head,
                Ok(Err(_)) | Err(_) => *self.committed().borrow(),
            };
            for ((role, progress), (before, since)) in roles.iter().zip(&mut seen) {
                let position = position(progress);
                if position != *before || position >= head {
                    (*before, *since) = (position, Instant::now());
                }
                let silent = since.elapsed();
                let stalled = silent > SILENT_LAG_MAX;
                show_stalled(role, stalled);
                if stalled {
                    let detail = format!("no progress for {} s at position {position} of {head}", silent.as_secs());
                    tracing::error!(role, %position, %head, "a role has waiting work and makes no progress");
                    self.health().report(role, false, detail);
                }
            }
        }
    }

    /// Whether this process can do its work, with a fresh look at the log.
    pub async fn ready(&self) -> Report {
        let mut checks = self.health().checks();
        // Both at once: where the log does not answer, neither does.
        let log = &self.ports().log;
        let (head, lost) = tokio::join!(timeout(HEAD_PATIENCE, log.head()), timeout(HEAD_PATIENCE, log.lost()));
        let log = match head {
            Ok(Ok(head)) => Check { ok: true, detail: format!("at position {head}") },
            Ok(Err(failure)) => {
                tracing::warn!(%failure, "not ready: the log is out of reach");
                Check::out_of_reach(&failure)
            }
            Err(_) => {
                tracing::warn!(patience_s = HEAD_PATIENCE.as_secs(), "not ready: the log does not answer");
                Check { ok: false, detail: format!("no answer within {} s", HEAD_PATIENCE.as_secs()) }
            }
        };
        // A log that can be read may still take nothing: what was found out about that counts then.
        if !log.ok || checks.get(LOG).is_none_or(|taking| taking.ok) {
            checks.insert(LOG.into(), log);
        }
        // A log that has gone back in time takes nothing until an operator has settled it.
        if let Ok(Ok(Some(lost))) = lost {
            checks.insert("losses".into(), Check { ok: false, detail: lost.to_string() });
        }
        Report { ready: checks.values().all(|check| check.ok), checks, warnings: self.health().warnings() }
    }
}
