//! How long the texts and lists of a district may be.

/// Most characters of a name.
pub(crate) const NAME_LEN_MAX: usize = 200;

/// Most characters of a reason or of the purpose of a level.
pub(crate) const TEXT_LEN_MAX: usize = 1000;

/// Most parts into which a grid is split.
pub(crate) const PARTS_MAX: usize = 100;

/// Most grids of both networks together, and most closings.
pub(crate) const GRIDS_MAX: usize = 20_000;

/// Most trees.
pub(crate) const TREES_MAX: usize = 1000;

/// Most departments.
pub(crate) const DEPARTMENTS_MAX: usize = 1000;

/// Most matters on the list of authority of a department.
pub(crate) const MATTERS_MAX: usize = 5000;

/// Most administrative grids that serve one party grid.
pub(crate) const SERVING_MAX: usize = 1000;

/// Most entries of the map between the networks.
pub(crate) const MAPPINGS_MAX: usize = 20_000;
