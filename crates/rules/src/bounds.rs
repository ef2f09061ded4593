//! How long the texts of rules may be.

/// Most characters of a name.
pub(crate) const NAME_LEN_MAX: usize = 200;

/// Most characters of the id of a consent rule and of the code of a criterion.
pub(crate) const CODE_LEN_MAX: usize = 64;

/// Most characters of a source and of the text of a criterion.
pub(crate) const TEXT_LEN_MAX: usize = 4000;
