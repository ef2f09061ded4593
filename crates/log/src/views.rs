//! Tables of views: documents keyed by text, one table a build, with its checkpoint in the registry.
//!
//! What is here can be rebuilt from the log, so views give up durability for speed where the backend allows it
//! without giving up consistency: rows and checkpoint go back together, and the runner applies them again.

mod active;
mod changes;
mod copied;
mod postgres;
mod sqlite;
mod statements;

pub use postgres::PgViews;
pub use sqlite::SqliteViews;

use app::port::{Failure, ViewSpec};

/// How a build gets its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filling {
    /// From checkpoint to checkpoint, with its indexes from the beginning.
    Live,
    /// In one pass; the indexes are made at the end.
    Bulk,
}

/// The failure of a query on a view that has never been built.
fn not_built(operation: &'static str, view: &ViewSpec) -> Failure {
    Failure { operation, reason: format!("the view {} is still being built", view.name), passing: true }
}
