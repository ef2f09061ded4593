//! How long the texts and lists of a district may be.

/// Most characters of a name.
pub(crate) const NAME_LEN_MAX: usize = 200;

/// Most characters of a reason or of the purpose of a level.
pub(crate) const TEXT_LEN_MAX: usize = 1000;

/// Most parts into which a grid is split.
pub(crate) const PARTS_MAX: usize = 100;
