//! Floor 0: who may do what on NATS. Keys, the names of accounts and consumers, and the whole configuration of nats-server.
//!
//! | module | what |
//! |---|---|
//! | [`key`] | nkeys: the seed that a program keeps secret, and the public key that nats-server knows it by |
//! | [`member`] | departments and integrators: the names of their accounts and consumers, and what they may do |
//! | [`configuration`] | the text of the configuration file of nats-server |
//! | [`in_force`] | who is let in by a text that was written before |
//!
//! Every department and every integrator has an account of its own and reaches the core through service imports only. In one
//! shared account nats-server answers a permitted request to any reply subject with its own rights: a department that asks for
//! the next message and names `$JS.API.STREAM.DELETE.DUALGRID` as the reply subject would delete the stream.
//!
//! INVARIANT: a name that becomes part of a subject is letters, digits and hyphens: no name widens a right.
//! INVARIANT: a member publishes to subjects that its account imports, and listens in its own account only.
//! INVARIANT: nothing here holds, prints or writes a secret but [`key::Seed::secret`].

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod configuration;
pub mod in_force;
pub mod key;
pub mod member;

pub use configuration::{Configuration, DuplicateKey, Grant, Server, Tls};
pub use in_force::members_in;
pub use key::{InvalidKey, PublicKey, Seed};
pub use member::{
    CORE, DOMAIN, InvalidName, Member, STREAM, SYSTEM, consumer_of_department, consumer_of_integrator,
    member_of_account, member_of_consumer,
};
