//! What a process is.

use chrono::{DateTime, Utc};
use kernel::needs::Also;
use kernel::{Key, Read};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A command that follows from an event or a moment.
pub type FollowUp = Also;

/// A process: a fold like a view, which also answers with commands.
///
/// It folds the whole history; what it answers before its activation is never sent. The id of a follow-up is made from the
/// process, the position of its event and its number, so that it has one effect however often it is sent.
pub trait Process: Send + Sync + 'static {
    /// Its name: of its table, and of the actor who gives its commands (`system/<name>`).
    const NAME: &'static str;
    /// Raise it whenever its state or a reaction changes. It is then activated again.
    const VERSION: u32 = 1;
    /// The first segment of the routes on which it is shown.
    const PATH: &'static str;
    /// The action of reading it in the table of authorisation.
    const ACTION: &'static str;
    /// What it does, in a line.
    const ABOUT: &'static str;
    /// The categories whose events it folds, `process` among them. It never sees others.
    const FROM: &'static [&'static str];
    /// The stored names of the events in [`Process::FROM`] that touch no key.
    const NONE: &'static [&'static str];
    /// What it remembers under one key.
    type State: Clone + Serialize + DeserializeOwned + schemars::JsonSchema + Send + Sync + 'static;

    /// Names the keys that the event touches. Events of category `process` are not asked for.
    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key));
    /// Updates what is remembered under the key, and says what follows; `None` means that nothing is remembered.
    fn react(key: &Key, state: &mut Option<Self::State>, event: &Read<'_>) -> Vec<FollowUp>;
    /// The moment at which it wants to be woken for this key: for a process that is [`Timed`].
    fn next(_state: &Self::State) -> Option<DateTime<Utc>> {
        None
    }
    /// Called once the moment has come. It moves [`Process::next`] on, or is woken again at once.
    fn wake(_key: &Key, _state: &mut Self::State, _moment: DateTime<Utc>) -> Vec<FollowUp> {
        Vec::new()
    }
}

/// A process that asks to be woken. Its moments have a table of their own, in their order.
pub trait Timed: Process {
    /// The name of that table.
    const ALARMS: &'static str;
    /// The first segment of the routes on which it is shown.
    const ALARMS_PATH: &'static str;
    /// The action of reading it in the table of authorisation.
    const ALARMS_ACTION: &'static str;
}
