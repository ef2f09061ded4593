//! How events are folded into the rows of a view: pure. No SQL, no I/O, no clock. The views themselves are with their kinds.

mod entries;
mod fold;
mod working;

pub use fold::{Fold, fold_of};
pub(crate) use working::guarded;
pub use working::{FoldError, Working};
