//! How the roles of this process are. `/readyz` shows it; a role that waits on something says so here.
//!
//! INVARIANT: a detail names no host, address or user, and quotes nothing that was stored: `/readyz` asks for no token.
//! What an adapter said in full goes to the log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kernel::Position;
use serde::Serialize;
use tokio::time::Instant;

use crate::port::{AppendError, Failure, Receipt};

/// How long waiting work may make no progress before readiness and a metric say so.
pub const SILENT_LAG_MAX: Duration = Duration::from_secs(30);

const STALLED: &str = "dualgrid_role_stalled";

/// Shows in the metrics whether a role has waiting work and makes no progress.
pub fn show_stalled(role: &str, stalled: bool) {
    metrics::describe_gauge!(STALLED, "1 where a role has waiting work and made no progress for 30 seconds");
    metrics::gauge!(STALLED, "role" => role.to_owned()).set(f64::from(u8::from(stalled)));
}

/// How far in the log a role is.
#[derive(Debug, Default)]
pub struct Progress(AtomicU64);

impl Progress {
    /// It has come to a position, or gone back to one.
    pub fn reached(&self, position: Position) {
        self.0.store(position.0, Ordering::Relaxed);
    }

    pub(crate) fn position(&self) -> Position {
        Position(self.0.load(Ordering::Relaxed))
    }
}

/// When the log last took an append or said for certain why not.
#[derive(Debug)]
pub(crate) struct Answered(Mutex<Instant>);

impl Default for Answered {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Answered {
    /// Notes an answer. A failure is none: whether the log could write is what is not known then.
    pub(crate) fn note(&self, answer: &Result<Receipt, AppendError>) {
        if !matches!(answer, Err(AppendError::Failure(_))) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
    }

    /// For how long there was no answer.
    pub(crate) fn silent(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

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
    /// What needs somebody soon and stops no work yet, by name. A process with warnings is ready.
    pub warnings: BTreeMap<String, String>,
}

impl Report {
    /// Whether all are well.
    pub const fn is_ready(&self) -> bool {
        self.ready
    }
}

/// Where roles report.
#[derive(Debug, Default)]
pub struct Health {
    checks: Mutex<BTreeMap<String, Check>>,
    warnings: Mutex<BTreeMap<String, String>>,
}

impl Health {
    /// Sets how `name` is. Everybody may read the detail.
    pub fn report(&self, name: &str, ok: bool, detail: impl Into<String>) {
        let check = Check { ok, detail: detail.into() };
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), check);
    }

    /// Sets or takes back the warning of `name`. Everybody may read it.
    pub fn warn(&self, name: &str, warning: Option<String>) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        match warning {
            Some(warning) => warnings.insert(name.to_owned(), warning),
            None => warnings.remove(name),
        };
    }

    pub(crate) fn warnings(&self) -> BTreeMap<String, String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn checks(&self) -> BTreeMap<String, Check> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
