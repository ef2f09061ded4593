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
/// It folds the whole history; what it answers before its activation is dropped. The id of a follow-up is made from the
/// process, the position (or key and moment) and its number, so that it has one effect however often it is sent.
pub trait Process: Send + Sync + 'static {
    /// Its name: of its table, and of the actor who gives its commands (`system/<name>`).
    const NAME: &'static str;
    /// Raise it whenever its state or a reaction changes. It is then activated anew.
    const VERSION: u32 = 1;
    /// What it does, in a line.
    const ABOUT: &'static str;
    /// The categories whose events it folds. It never sees others.
    const FROM: &'static [&'static str];
    /// The stored names of the events in [`Process::FROM`] that touch no key.
    const NONE: &'static [&'static str];
    /// What it remembers under one key.
    type State: Clone + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// Names the keys that the event touches.
    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key));
    /// Updates what is remembered under the key, and says what follows; `None` means that nothing is remembered.
    fn react(key: &Key, state: &mut Option<Self::State>, event: &Read<'_>) -> Vec<FollowUp>;
    /// The moment at which it wants to be woken for this key.
    fn next(_state: &Self::State) -> Option<DateTime<Utc>> {
        None
    }
    /// Called once the moment has come. Must move [`Process::next`] on, or it is called again.
    fn wake(_key: &Key, _state: &mut Self::State, _moment: DateTime<Utc>) -> Vec<FollowUp> {
        Vec::new()
    }
}
