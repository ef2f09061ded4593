//! For development only: given some events, when a command is decided, then these events, nothing, or a refusal. The same for
//! every kind; and the test that nothing of a kind is forgotten ([`covered`]).
//!
//! ```ignore
//! given::<Pledge>([]).when(MakePledge::example()).then([made()]);
//! given::<Pledge>([made().into()]).when(other()).then_refused(Refusal::AlreadyMade);
//! ```
//!
//! INVARIANT: a command that was taken is decided again with each of its fields changed, in every test: other content is an event or a
//! refusal, and never silently nothing ([`changed`]).
//! INVARIANT: it is also decided again with each of its texts and lists as long as its schema allows, which is never too long, and with
//! one more, which is refused ([`unbounded`] names what has no bound).
//! INVARIANT: every event that is given, and every one that a command leads to, fits the schema of its stored name.
//! INVARIANT: a decision sees the facts that its command asks for ([`kernel::Needs`]) and no others.

#![expect(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test may panic")]

mod bounds;
mod changed;
mod covered;
mod facts;
mod given;
mod refused;
mod schema;

pub use bounds::unbounded;
pub use changed::changed;
pub use covered::covered;
pub use facts::{
    ASSIST, CENTRE, GRID, LEAD, MATTER, NOW, department, due, evidence, facts, grid, grid_facts, matter, matter_facts,
    step_due,
};
pub use given::{Given, When, given};
pub use refused::refused;
pub use schema::fits;
