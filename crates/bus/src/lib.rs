//! Floor 3: NATS. Publishes the log, keeps a consumer for each department, and takes commands from departments.
//!
//! | module | for whom | what |
//! |---|---|---|
//! | [`connection`] | everybody | connects, for ever; refuses a nats-server that is too old |
//! | [`stream`] | core | the stream `DUALGRID` and the subject of each event |
//! | [`publisher`] | core | brings the log into the stream and notices when the stream is not the log |
//! | [`departments`] | core | one durable pull consumer `dept-<CODE>` for each department |
//! | [`commands`] | core | the NATS service `dg.cmd.<CODE>.<verb>`, which ends in `App::submit` like HTTP |
//! | [`department`] | department | receives orders and answers them |
//!
//! INVARIANT: the stream is a copy. A message's sequence is the event's position and its payload the event's bytes;
//! where that is not so, the stream is deleted and made again from the log, never the other way round.
//! INVARIANT: a stream that another installation made is neither changed nor published to.
//! INVARIANT: every publish is fenced with the sequence it expects to follow, so that a second publisher, a late
//! message or a resumed process can do no harm: whatever gets in at a sequence is the event at that position.
//! INVARIANT: the stream's last sequence is the publisher's only checkpoint.
//! INVARIANT: who a department is, is read from the subject of its command, which NATS lets nobody else use.
//! INVARIANT: no task is detached; every `run` is a future that the caller supervises and ends by dropping it or with
//! its `shutdown`.
//!
//! **Delivery is at least once.** A department acknowledges an event after it has answered; an event that is not
//! acknowledged comes again. When a diverged stream is rebuilt, each department goes on after the last event it
//! acknowledged, as far as stream and log agreed. After an unexpected wipe of NATS nothing is known of what was
//! acknowledged: the department gets its events from the beginning. So departments are idempotent by event id;
//! [`department::Department`] derives its command ids from event ids, which makes every repetition harmless.
//!
//! Absent: files larger than a message of nats-server may be. They go over HTTP with a clerk's token.

pub mod commands;
pub mod connection;
pub mod department;
pub mod departments;
pub mod publisher;
pub mod stream;

mod error;
mod header;

pub use connection::{Connection, ConnectionOptions, Credentials, TooOld};
pub use error::Error;
