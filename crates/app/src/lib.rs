//! Floor 3: the use cases of dualgrid.
//!
//! One list of kinds and views ([`registry`]), one door for every command ([`intake`]), one table of who may do what
//! ([`authorise`]), one way from a command to its events (`handle`), one reader that keeps all views up to date
//! ([`projector`]), queries ([`query`]), and the ports that floor 4 implements ([`port`]).
//!
//! INVARIANT: nothing here knows SQL, NATS or HTTP; only [`adapter`] knows esrs, and only [`registry`] names a kind.
//! INVARIANT: a command from HTTP and the same command from NATS end in the same [`App::submit`].
//! INVARIANT: personal data is sealed before a command reaches a decision; events never hold it in clear.
//! INVARIANT: an event of an unknown type stops its reader; it is never skipped.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod adapter;
mod app;
pub mod authorise;
pub mod batch;
mod calendars;
pub mod content;
mod door;
mod erased;
mod erasure;
mod error;
pub mod event;
pub mod evidence;
mod facts;
pub mod fault;
pub mod fingerprint;
pub mod following;
mod handle;
pub mod health;
pub mod intake;
pub mod kind;
pub mod lanes;
mod lately;
mod limiter;
pub mod losses;
pub mod memory;
mod nameable;
mod not_who;
pub mod pace;
pub mod peer;
mod personal;
pub mod port;
mod prepare;
mod problem;
pub mod processor;
pub mod projector;
pub mod query;
pub mod read_ahead;
mod readings;
mod ready;
pub mod rebuild;
mod recording;
mod reference;
pub mod refusals;
pub mod registry;
pub mod shown;
pub mod similar;
mod stores;
mod trial;
mod turns;
pub mod view;
pub mod who;

pub use app::{App, Settings};
pub use error::Error;
pub use personal::{ClearPerson, ClearPersons};
pub use port::Ports;
pub use problem::Problem;
