//! Floor 1: what a community does beside its cases. One folder a kind.
//!
//! | kind | what it is |
//! |---|---|
//! | [`pledge`] 承诺书 | what a party member promises to do first (四个带头), and the evidence that it was done |
//!
//! INVARIANT: pure. No clock, no randomness, no I/O.
//! INVARIANT: no kind imports another: what spans kinds is a view or a process, on floor 2.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod pledge;

pub use pledge::{Pledge, PledgeView};
