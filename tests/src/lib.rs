//! End-to-end stories on real servers: what the files beside this folder share.
//!
//! Stands beside the floors. One file beside `src` is one story; each runs the real binary with a nats-server of its
//! own, and a PostgreSQL that the tests share by databases.
//!
//! INVARIANT: nothing of the product is called from inside; what a test knows came over HTTP, NATS, the command line,
//! or from the files that the product left.
//! INVARIANT: no test asserts how long something takes; it waits for what must come, until a deadline.

pub mod check;
pub mod exposition;
pub mod tables;
pub mod whole;

mod journal;
mod load;
mod log_lock;
mod people;
mod published;
mod randomness;
mod search;
mod stage;
mod whole_log;
mod world;

pub use journal::{Entry, Intention, Journal, Line, Outcome};
pub use load::{Load, Manners, send};
pub use log_lock::LogLock;
pub use people::{People, Who};
pub use published::{stream_becomes_log, stream_equals_log};
pub use randomness::Randomness;
pub use search::{Place, database_of, in_database, in_files};
pub use stage::Stage;
pub use tables::in_file_or_database;
pub use whole_log::{Event, head, read_log};
pub use world::{World, criteria, discovery, registration, wait_for_view};
