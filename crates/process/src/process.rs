//! What a process is.

use chrono::{DateTime, Utc};
use kernel::{Aggregate, DepartmentCode, Event, GridCode, Key, Read, Verb};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// A command that follows from an event or a moment.
#[derive(Clone, Debug, PartialEq)]
pub struct FollowUp {
    /// The category of the aggregates that it is for.
    pub category: &'static str,
    /// Which of them.
    pub on: On,
    /// The verb.
    pub verb: &'static str,
    /// Its body.
    pub body: Value,
}

/// Which aggregates a follow-up is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// One.
    One(Uuid),
    /// Each on which somebody must still act, in that grid and in every grid below it, when the follow-up is sent: as many commands, each
    /// under an id of its own.
    EachOpenIn(GridCode),
    /// Each on which that department must still act when the follow-up is sent.
    EachOpenAt(DepartmentCode),
}

impl FollowUp {
    /// `verb` on the aggregate `id`.
    pub fn new<V: Verb>(id: Uuid, verb: &V) -> Self {
        Self::on(On::One(id), verb)
    }

    /// `verb` on each aggregate that is open in the grid or below.
    pub fn each_open_in<V: Verb>(grid: &GridCode, verb: &V) -> Self {
        Self::on(On::EachOpenIn(grid.clone()), verb)
    }

    /// `verb` on each aggregate on which the department must act.
    pub fn each_open_at<V: Verb>(department: &DepartmentCode, verb: &V) -> Self {
        Self::on(On::EachOpenAt(department.clone()), verb)
    }

    fn on<V: Verb>(on: On, verb: &V) -> Self {
        let category = <<V::Of as Aggregate>::Event as Event>::CATEGORY;
        let body = serde_json::to_value(verb).expect("a verb is JSON");
        Self { category, on, verb: V::NAME, body }
    }
}

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
