//! Private servers, a client and the sample stories, for tests and for `cargo xtask`.
//!
//! Stands beside the floors: a crate of the product uses it as a dev-dependency only.
//!
//! INVARIANT: a server that answers is the one we started; its identity is checked, never assumed from its port.
//! INVARIANT: nothing outlives the process that started it: neither a server nor, for private ones, its folder.
//! INVARIANT: servers are as durable as in production (fsync on), so that a test of durability means something.
//! INVARIANT: the product is driven from outside only, through its command line, HTTP and NATS.
//! Absent: any type of a case; the stories know commands and events only as JSON.

pub mod bus;
pub mod client;
pub mod contract;
pub mod mount;
pub mod nats;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod published;
pub mod random;
pub mod sample;
pub mod scratch;
pub mod stories;
pub mod system;
pub mod tls;
pub mod tools;

mod account;
mod port;
mod secret;
