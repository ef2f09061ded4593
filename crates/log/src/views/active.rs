//! Which build of a view is active, remembered.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use app::port::{Build, Failure, ViewSpec};

use crate::failure::broken;

/// The build that queries read.
#[derive(Clone, Debug)]
pub(super) struct Active {
    pub(super) build: Build,
    /// The sets of filters by which its rows are found, which may be those of an older version.
    pub(super) filters: Arc<Vec<Vec<String>>>,
}

impl Active {
    /// As the register says: number and filters.
    pub(super) fn read(operation: &'static str, view: &ViewSpec, row: (i64, String)) -> Result<Self, Failure> {
        let (number, filters) = row;
        let filters = serde_json::from_str(&filters).map_err(|error| broken(operation, error.to_string()))?;
        Ok(Self { build: Build { number, view: view.name }, filters: Arc::new(filters) })
    }
}

/// The active build, by view. May be out of date: the tables of an older build are gone then, which shows when they are queried,
/// and the register is asked again.
#[derive(Debug, Default)]
pub(super) struct ActiveBuilds(RwLock<HashMap<&'static str, Active>>);

impl ActiveBuilds {
    pub(super) fn get(&self, view: &str) -> Option<Active> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(view).cloned()
    }

    pub(super) fn set(&self, active: Active) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(active.build.view, active);
    }

    pub(super) fn forget(&self, view: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(view);
    }
}

/// How often a query is tried on the build that is active at that moment. Each failure is another switch.
pub(super) const SWITCHES_MAX: usize = 4;

/// The failure of a query on a view that has no build with what is asked.
pub(super) fn not_built(operation: &'static str, view: &ViewSpec) -> Failure {
    Failure { operation, reason: format!("the view {} is still being built", view.name), passing: true }
}
