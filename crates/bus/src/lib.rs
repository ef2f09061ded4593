//! Floor 4: NATS. Publishes the log, keeps a consumer for each department, and takes commands from departments.
//!
//! | module | for whom | what |
//! |---|---|---|
//! | [`connection`] | everybody | connects, and reconnects without end; refuses a nats-server that is too old |
//! | [`subject`] | everybody | the subject of each event |
//! | [`rules`] | everybody | which verbs a department may send, and about what |
//! | [`stream`] | core | the stream `DUALGRID` |
//! | [`publisher`] | core | copies the log into the stream and notices if the stream differs from the log |
//! | [`server`] | core | keeps the configuration of nats-server, and has it read again while everybody stays connected |
//! | [`departments`] | core | keeps one durable pull consumer `dept-<CODE>` for each department |
//! | [`commands`] | core | the NATS service `dg.cmd.<CODE>.<verb>`, which ends in `App::submit` like HTTP |
//! | [`department`] | department | receives orders and answers them |
//!
//! INVARIANT: the stream is a copy. A message's sequence is the event's position and its payload the event's bytes; if they
//! differ, the stream is deleted and recreated from the log, never the other way round without an operator.
//! INVARIANT: nothing is deleted that only the stream has: events that the log lost stop publisher and log until an operator has
//! decided. A log of a lower epoch than the stream publishes nothing.
//! INVARIANT: a stream of another installation is neither changed nor published to.
//! INVARIANT: every publish is fenced with the sequence it expects to follow. A second publisher, a late message or a
//! resumed process can do no harm: whatever is stored at a sequence is the event at that position.
//! INVARIANT: the stream's last sequence is the publisher's only checkpoint.
//! INVARIANT: an event's subject begins with its audience, and each event has exactly one.
//! INVARIANT: a command counts for the department whose account it came through, as nats-server says.
//! INVARIANT: no task is detached; every `run` is a future that the caller supervises, and ends by dropping it or with
//! its `shutdown`.
//!
//! **Delivery is at least once.** A department acknowledges an event after it has answered; an event that is not
//! acknowledged is delivered again. When a consumer or the stream is deleted, or NATS is wiped, each department continues after the last
//! event that it is known to have acknowledged, as far as stream and log agreed: what it acknowledged in the last moments may
//! come again. So departments must be idempotent by event id;
//! [`department::Department`] derives its command ids from event ids, which makes every repetition harmless.
//!
//! Absent: files larger than a message of nats-server may be. They go over HTTP with a clerk's token.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod commands;
pub mod connection;
pub mod department;
pub mod departments;
pub mod publisher;
pub mod rules;
pub mod server;
pub mod stream;
pub mod subject;

mod deletions;
mod error;
mod floors;
mod header;
mod permissions;

pub use connection::{Connection, ConnectionOptions, Credentials, TooOld};
pub use error::Error;
pub use permissions::check_permissions;
