//! Floor 2: the use cases of dualgrid.
//!
//! One door for every command ([`intake`]), one table of who may do what ([`authorise`]), one way from a command to
//! its events (`handle`), views as pure folds ([`view`]) with one generic runner ([`projector`]), queries ([`query`]),
//! and the ports that floor 3 implements ([`port`]).
//!
//! INVARIANT: nothing here knows SQL, NATS or HTTP.
//! INVARIANT: a command from HTTP and the same command from NATS end in the same [`App::submit`].
//! INVARIANT: personal data is sealed before a command reaches a decision; events never hold it in clear.
//! INVARIANT: an event of an unknown type stops its reader; it is never skipped.

mod app;
pub mod authorise;
mod error;
pub mod event;
mod facts;
pub mod fault;
mod handle;
pub mod health;
pub mod intake;
mod personal;
pub mod port;
mod problem;
pub mod projector;
pub mod query;
pub mod read_ahead;
pub mod rebuild;
mod reference;
pub mod seen;
pub mod view;

pub use app::{App, Ports, Settings};
pub use error::Error;
pub use personal::ClearReporter;
pub use problem::Problem;
