//! Floor 2: the use cases of dualgrid.
//!
//! One door for every command ([`intake`]), one table of who may do what ([`authorise`]), one way from a command to
//! its events ([`handle`]), views as pure folds ([`view`]) with one generic runner ([`projector`]), and the ports that
//! floor 3 implements ([`port`]).
//!
//! INVARIANT: nothing here knows SQL, NATS or HTTP.
//! INVARIANT: a command from HTTP and the same command from NATS end in the same [`App::submit`].
//! INVARIANT: personal data is sealed before a command reaches a decision; events never hold it in clear.

pub mod port;
