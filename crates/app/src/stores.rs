//! Whether the vault and the store of evidence can be reached. Commands that need them are refused while they cannot, and nothing
//! else of this process would show it.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::App;
use crate::health::{SILENT_LAG_MAX, show_stalled};
use crate::port::Failure;

/// How often they are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A store beside the log: its name is that of its check in `/readyz` and of its role in the metrics.
#[derive(Clone, Copy)]
enum Store {
    Vault,
    Evidence,
}

impl Store {
    const fn name(self) -> &'static str {
        match self {
            Self::Vault => "vault",
            Self::Evidence => "evidence",
        }
    }
}

impl App {
    /// Watches whether vault and store of evidence answer, and tells readiness and the metrics where they did not for 30 seconds.
    pub async fn watch_stores(&self) -> Infallible {
        tokio::join!(self.watch_store(Store::Vault), self.watch_store(Store::Evidence)).0
    }

    async fn watch_store(&self, store: Store) -> Infallible {
        let mut answered: Option<Instant> = None;
        loop {
            match timeout(PATIENCE, self.try_store(store)).await {
                Ok(Ok(())) => answered = Some(Instant::now()),
                Ok(Err(failure)) => tracing::warn!(role = store.name(), %failure, "a store is out of reach"),
                Err(_) => {
                    tracing::warn!(role = store.name(), patience_s = PATIENCE.as_secs(), "a store does not answer");
                }
            }
            // One that has not answered yet is out of reach from the start.
            let stalled = answered.is_none_or(|at| at.elapsed() > SILENT_LAG_MAX);
            show_stalled(store.name(), stalled);
            let detail = match (stalled, store) {
                (false, _) => "answers",
                (true, Store::Vault) => "does not answer: look for a lock on its database, or its connection",
                (true, Store::Evidence) => {
                    "takes no file: look at its folder, who may write there and what is free, or at its bucket"
                }
            };
            self.health().report(store.name(), !stalled, detail);
            sleep(LOOK_EVERY).await;
        }
    }

    async fn try_store(&self, store: Store) -> Result<(), Failure> {
        match store {
            Store::Vault => self.ports().vault.check().await,
            Store::Evidence => self.ports().evidence.check().await,
        }
    }
}
