//! Floor 1: what a community does beside its cases. One folder a kind.
//!
//! | kind | what it is |
//! |---|---|
//! | [`pledge`] 承诺书 | what a party member promises to do first (四个带头), and the evidence that it was done |
//!
//! INVARIANT: pure. No clock, no randomness, no I/O.
//! INVARIANT: no kind imports another: what spans kinds is a view or a process, on floor 2.

pub mod pledge;

pub use pledge::{Pledge, PledgeView};
