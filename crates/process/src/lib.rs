//! Floor 2: processes: what follows from events, as commands. Pure, like the kinds they react to.
//!
//! | process | reacts to | with |
//! |---|---|---|
//! | [`MergedAnswer`] | the answer to the finder of a case | the same answer to the finder of every case merged into it |
//!
//! INVARIANT: pure. No clock, no randomness, no I/O: time comes as the moment for which a process asked.
//! INVARIANT: a follow-up is a command like any other: the kind decides, and may refuse.
//! INVARIANT: a process acts only from its activation on, which is an event ([`activation::Activation`]).

pub mod activation;
mod merged_answer;
mod process;

pub use activation::Activation;
pub use merged_answer::MergedAnswer;
pub use process::{FollowUp, Process};
