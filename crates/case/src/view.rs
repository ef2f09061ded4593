//! What is shown of cases: pure folds over their events.

mod case_summary;
mod department_order;
mod issue;
mod open_obligation;
mod reporter_reading;

pub use case_summary::{CaseSummary, CaseSummaryView};
pub use department_order::{DepartmentOrder, DepartmentOrderView};
pub use issue::{Issue, IssueView};
pub use open_obligation::{OpenObligation, OpenObligationView};
pub use reporter_reading::{ReporterReading, ReporterReadingView};
