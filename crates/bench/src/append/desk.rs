//! The aggregate of this benchmark, as dualgrid and as esrs have one: it notes what it is told, and refuses nothing.

use kernel::{Aggregate, Allowed, Context, Decision, Place, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{DeskEvent, Noted};

/// Something to note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[expect(unreachable_pub, reason = "the enum of commands holds it, and is public")]
pub struct Note {
    note: String,
}

impl Note {
    /// The command of [`Noted::sample`].
    pub(crate) fn sample() -> Self {
        Self { note: Noted::sample().note }
    }
}

impl Verb for Note {
    const NAME: &'static str = "note";
    const BY: Allowed = &[];
    type Of = Desk;

    fn example() -> Self {
        Self::sample()
    }
}

kernel::commands! {
    /// What can be asked of a desk.
    pub enum DeskCommand of Desk { Note, }
}

kernel::refusals! {
    /// No command is refused; every kind has a refusal of what never began.
    pub enum Never {
        /// There is no such desk.
        #[error("there is no such desk")]
        Missing = Missing "unknown-desk",
    }
}

/// How much was noted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(unreachable_pub, reason = "the enum of its commands names it, and is public")]
pub struct Desk {
    notes: u32,
}

impl Aggregate for Desk {
    const PLURAL: &'static str = "desks";
    const ABOUT: &'static str = "The aggregate of a benchmark";
    const READ_ACTION: &'static str = "read-desk-history";
    type Command = DeskCommand;
    type Event = DeskEvent;
    type Refusal = Never;

    fn place(&self) -> Option<Place> {
        (self.notes > 0).then(Place::default)
    }

    fn missing() -> Never {
        Never::Missing
    }

    fn decide(&self, DeskCommand::Note(note): &DeskCommand, _: &Context) -> Decision<Self> {
        Ok(vec![Noted { note: note.note.clone() }.into()])
    }

    fn evolve(self, DeskEvent::Noted(_): DeskEvent) -> Self {
        Self { notes: self.notes + 1 }
    }
}

impl esrs::Aggregate for Desk {
    const NAME: &'static str = "desk";
    type State = u32;
    type Command = Note;
    type Event = DeskEvent;
    type Error = Never;

    fn handle_command(_: &u32, note: Note) -> Result<Vec<DeskEvent>, Never> {
        Ok(vec![Noted { note: note.note }.into()])
    }

    fn apply_event(notes: u32, DeskEvent::Noted(_): DeskEvent) -> u32 {
        notes + 1
    }
}
