//! Keys of persons, wrapped, in a database of their own: what is erased there is gone everywhere.
//!
//! INVARIANT: a key is stored durably before it is returned as kept, so nothing is recorded under a key that gets lost.
//! INVARIANT: an erased person never gets a key again.

mod postgres;
mod rewrap;
mod sqlite;
mod wrapping;

pub use postgres::PgVault;
pub(crate) use rewrap::rewrap;
pub use sqlite::SqliteVault;
pub use wrapping::Wrapping;
