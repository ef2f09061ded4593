//! What was withdrawn before it began, so that a repeat can be told.

use std::collections::BTreeSet;

use kernel::{DepartmentCode, GridCode};

/// What was withdrawn from a moment on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Withdrawn {
    pub(crate) grids: BTreeSet<GridCode>,
    pub(crate) departments: BTreeSet<DepartmentCode>,
}
