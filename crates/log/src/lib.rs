//! Floor 4: the event log, the views, the vault and the evidence, on PostgreSQL, SQLite and disks.
//!
//! Implements the ports of `app` that keep something: `EventLog` ([`PgLog`], [`SqliteLog`], [`MemoryLog`]), `ViewStore`
//! ([`PgViews`], [`SqliteViews`]), `Vault` ([`PgVault`], [`SqliteVault`]), `EvidenceStore` ([`ObjectEvidence`]), `Uploads`
//! ([`PgUploads`], [`SqliteUploads`]) and `Scanner` ([`Clamd`]). [`open`] and
//! its sisters open them from urls.
//!
//! INVARIANT: positions are 1, 2, 3 … without a gap and in commit order, whatever fails and however many processes write. They
//! come from a head row that is locked in the append transaction, never from a sequence.
//! INVARIANT: a command has one effect, on all of its streams or on none. Its id is stored in the transaction of its events and
//! looked up there first.
//! INVARIANT: a version of a stream follows the one before it: the database refuses version n without n - 1.
//! INVARIANT: what is remembered of the log is of the log behind the connection that is used ([`incarnation`]).
//! INVARIANT: an event is stored and returned as the bytes it came as.
//! INVARIANT: nothing is answered as recorded that a loss of power can undo; a database that may lose it is refused.
//! INVARIANT: SQL is here and nowhere else, and no row of `events` or `commands` is changed or deleted.
//! Absent: what a command or an event means.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod backend;
mod clamd;
mod committed;
mod durability;
mod error;
mod evidence;
mod failure;
mod flights;
mod incarnation;
mod known;
mod memory;
mod migrate;
mod migrations;
mod open;
mod options;
mod postgres;
mod record;
mod sqlite;
mod steps;
mod trial;
mod upkeep;
mod uploads;
mod vault;
mod views;
mod writer;

pub use clamd::Clamd;
pub use durability::{Durability, Finding};
pub use error::OpenError;
pub use evidence::ObjectEvidence;
pub use memory::MemoryLog;
pub use migrate::{has_owner, migrate_log, migrate_vault};
pub use open::{
    Opened, bring_back, durability, excess, kept_here, open, open_evidence, open_vault, refuse_holes, rewrap,
};
pub use options::Options;
pub use postgres::PgLog;
pub use sqlite::SqliteLog;
pub use uploads::{PgUploads, SqliteUploads};
pub use vault::{PgVault, SqliteVault, Wrapping};
pub use views::{PgViews, SqliteViews};
