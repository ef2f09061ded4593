//! Floor 2: processes: what follows from events, as commands. Pure, like the kinds they react to.
//!
//! | process | reacts to | with |
//! |---|---|---|
//! | [`DepartmentWatch`] | a department that is closed, once that takes effect | taking back every order on which it must still act |
//! | [`GridWatch`] | a grid that is closed or moved, once that takes effect | letting every open case in it follow |
//! | [`MergedAnswer`] | the answer to the finder of a case, its closing, its reopening | the same answer to the finder of every case merged into it |
//!
//! INVARIANT: pure. No clock, no randomness, no I/O: time comes as the moment for which a process asked.
//! INVARIANT: a follow-up is a command like any other: the kind decides, and may refuse.
//! INVARIANT: everything that happens to a process is an event ([`run`]): its activation, from which on it acts; each moment at which
//! it is woken; each answer to one of its commands. What waits can be told from the log alone.

// Times come from outside: what may leave the range of moments is asked for and not assumed (clippy.toml).
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod department_watch;
mod grid_watch;
pub mod loss;
mod merged_answer;
mod named_evidence;
mod outbox;
mod process;
pub mod run;
#[cfg(test)]
mod testing;
mod to_come;

pub use department_watch::DepartmentWatch;
pub use grid_watch::GridWatch;
pub use loss::Losses;
pub use merged_answer::MergedAnswer;
pub use named_evidence::{NamedEvidence, NamedEvidenceRow};
pub use outbox::{Alarms, Entry, Outbox, Waiting};
pub use process::{FollowUp, On, Process, Timed};
pub use run::Run;
