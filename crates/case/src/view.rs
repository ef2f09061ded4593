//! What is shown of cases: pure folds over their events.

mod case_summary;
mod department_order;
mod open_obligation;

pub use case_summary::{CaseSummary, CaseSummaryView};
pub use department_order::{DepartmentOrder, DepartmentOrderView};
pub use open_obligation::{OpenObligation, OpenObligationView};
