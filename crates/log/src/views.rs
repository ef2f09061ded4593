//! Tables of views: documents keyed by text, the entries by which they are found, and the register of builds with their
//! checkpoints.
//!
//! What is here can be rebuilt from the log, so views give up durability for speed where the backend allows it
//! without giving up consistency: rows and checkpoint go back together, and the reader applies them again.

mod active;
mod changes;
mod copied;
mod found;
mod postgres;
mod saving;
mod sqlite;
mod statements;

pub use postgres::PgViews;
pub use sqlite::SqliteViews;
