//! Which build of a view is active, remembered.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Number of the active build, by view. May be out of date: the table of an older build is gone then, which shows
/// when it is queried, and the registry is asked again.
#[derive(Debug, Default)]
pub(super) struct ActiveBuilds(RwLock<HashMap<&'static str, i64>>);

impl ActiveBuilds {
    pub(super) fn get(&self, view: &str) -> Option<i64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(view).copied()
    }

    pub(super) fn set(&self, view: &'static str, number: i64) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(view, number);
    }

    pub(super) fn forget(&self, view: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(view);
    }
}

/// How often a query is tried on the build that is active at that moment. Each failure is another switch.
pub(super) const SWITCHES_MAX: usize = 4;
