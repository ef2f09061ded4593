//! How the roles of this process are. `/readyz` shows it; a role that waits on something says so here.
//!
//! INVARIANT: a detail names no host, address or user, and quotes nothing that was stored: `/readyz` asks for no token.
//! What an adapter said in full goes to the log.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::App;
use crate::port::Failure;

/// One thing that has to be well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Whether it is well.
    pub ok: bool,
    /// How far it is, or what is missing and what to do.
    pub detail: String,
}

impl Check {
    /// What could not be done. What the adapter said about it may name hosts, and is not shown.
    pub fn out_of_reach(failure: &Failure) -> Self {
        Self { ok: false, detail: format!("{}: out of reach", failure.operation) }
    }
}

/// All checks of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether all are well.
    pub ready: bool,
    /// By name.
    pub checks: BTreeMap<String, Check>,
}

impl Report {
    /// Whether all are well.
    pub const fn is_ready(&self) -> bool {
        self.ready
    }
}

/// Where roles report.
#[derive(Debug, Default)]
pub struct Health(Mutex<BTreeMap<String, Check>>);

impl Health {
    /// Sets how `name` is. Everybody may read the detail.
    pub fn report(&self, name: &str, ok: bool, detail: impl Into<String>) {
        let check = Check { ok, detail: detail.into() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), check);
    }

    fn checks(&self) -> BTreeMap<String, Check> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl App {
    /// Whether this process can do its work, with a fresh look at the log.
    pub async fn ready(&self) -> Report {
        let mut checks = self.health().checks();
        let log = match self.ports.log.head().await {
            Ok(head) => Check { ok: true, detail: format!("at position {head}") },
            Err(failure) => {
                tracing::warn!(%failure, "not ready: the log is out of reach");
                Check::out_of_reach(&failure)
            }
        };
        checks.insert("log".into(), log);
        Report { ready: checks.values().all(|check| check.ok), checks }
    }
}
