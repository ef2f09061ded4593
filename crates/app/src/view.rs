//! Views: pure folds `(row, event) → row` over documents keyed by text. No SQL, no I/O, no clock.
//!
//! The history of a case is no table: it is read from the log itself, by stream, and shown entry by entry
//! ([`HistoryEntry`]). The board of a grid is a query over [`CaseSummary`].

mod after;
mod case_summary;
mod fold;
mod history;
mod obligation;
mod order;
mod working;

pub use after::ORDER_STATUSES;
pub use case_summary::{CaseSummary, CaseSummaryView};
pub(crate) use fold::read_all;
pub use fold::{Fold, FoldError, View, Working, all};
pub use history::HistoryEntry;
pub use obligation::{OpenObligation, OpenObligationView};
pub use order::{DepartmentOrder, DepartmentOrderView};
