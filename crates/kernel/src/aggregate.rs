//! A kind: its aggregate, its verbs, and what a command leads to.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use schemars::{JsonSchema, Schema};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::access::{Allowed, Place, Reach};
use crate::canonical::Canonical;
use crate::difference::Difference;
use crate::facts::{Context, SealedPerson};
use crate::likeness::Told;
use crate::needs::{Also, Depends, Needs};
use crate::text::Flaw;
use crate::{Actor, Event, Refusal, Role, Step};

/// Most bytes of a command's body, unless its kind takes more: 256 KiB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// What a command leads to: its events (none where nothing had to happen), or why not.
pub type Decision<A> = Result<Vec<<A as Aggregate>::Event>, <A as Aggregate>::Refusal>;

/// One aggregate: a state that is folded from its events and decides commands. Pure.
pub trait Aggregate: Clone + Debug + Default + PartialEq + Send + Sync + 'static {
    /// The first segment of its routes, for example `cases`; of a single aggregate its name, for example `district`.
    const PLURAL: &'static str;
    /// What it is, in a line, for the documents that are generated.
    const ABOUT: &'static str;
    /// Whether an installation has exactly one of it. Its paths name no id then, and no verb begins it.
    const IS_SINGLE: bool = false;
    /// Most bytes of the body of one of its commands.
    const BODY_BYTES_MAX: usize = BODY_BYTES_MAX;
    /// The steps for which it asks due times. Rules without a limit for one of them are refused.
    const STEPS: &'static [Step] = &[];
    /// The action of reading its history in the table of authorisation, for example `read-case-history`.
    const READ_ACTION: &'static str;
    /// Who may read its history, event by event.
    const READ: Allowed = &[(Role::Auditor, Reach::Everywhere), (Role::AuditAdministrator, Reach::Everywhere)];
    /// The personal data that it holds and who may read them in clear, where it holds any.
    const PERSONAL: Option<PersonalSpec> = None;
    /// How others that may be the same thing are shown, where they are.
    const SIMILAR: Option<SimilarSpec> = None;
    /// What is shown of it as one document, as of any moment: for a single aggregate, which has no rows.
    const DOCUMENTS: &'static [DocumentSpec<Self>] = &[];
    /// Its commands.
    type Command: Command<Of = Self>;
    /// Its events.
    type Event: Event;
    /// Why it says no.
    type Refusal: Refusal;

    /// Where it is; `None` before it began.
    fn place(&self) -> Option<Place>;
    /// The personal data that it holds, sealed: each person once, in the order in which they came.
    fn sealed(&self) -> Vec<SealedPerson> {
        Vec::new()
    }
    /// Of the personal data that it holds, those that may be shown to somebody who may read any of it.
    fn sealed_for(&self, _by: &Actor) -> Vec<SealedPerson> {
        self.sealed()
    }
    /// Whether whoever reaches it may still read its history and files at that moment: a need to know ends so many days after a duty.
    fn is_open_to(&self, _by: &Actor, _at: DateTime<Utc>, _days_after: u32) -> bool {
        true
    }
    /// What was told of it, by which others that may be the same thing are found.
    fn told(&self) -> Option<Told> {
        None
    }
    /// The refusal of a verb on something that never began.
    fn missing() -> Self::Refusal;
    /// What the command leads to. The aggregate does not change.
    fn decide(&self, command: &Self::Command, context: &Context) -> Decision<Self>;
    /// The aggregate after the event.
    fn evolve(self, event: Self::Event) -> Self;
    /// What these events change, as rows for people. For kinds that are described as a whole ([`Verb::IS_DESCRIPTION`]).
    fn differences(&self, _events: &[Self::Event]) -> Vec<Difference> {
        Vec::new()
    }
}

/// Personal data of a kind. They are read by a verb of the kind, which decides who may and records each reading, and is given for
/// whoever asks for them.
#[derive(Clone, Copy, Debug)]
pub struct PersonalSpec {
    /// The last segment of their route, for example `reporter`.
    pub path: &'static str,
    /// The verb that records a reading, for example `read-reporter`: a part, which has no route. Its body is `{"purpose": …}`.
    pub action: &'static str,
    /// Who may read them, as the verb says.
    pub read: Allowed,
    /// The purposes for which they are read.
    pub purposes: fn() -> Vec<String>,
    /// The view that counts readings: its row `DAY:READER` has how many that reader made that day, as `count`.
    pub readings: &'static str,
}

/// Others of a kind that may be the same thing.
#[derive(Clone, Copy, Debug)]
pub struct SimilarSpec {
    /// The last segment of their route, for example `similar`.
    pub path: &'static str,
    /// The action in the table of authorisation, for example `read-similar-cases`.
    pub action: &'static str,
    /// Who may read them, each as far as they reach.
    pub read: Allowed,
    /// The route of the view whose rows they are. A row has the fields of [`Told`]; the view is found by `cell` ([`Told::cell`]) and by
    /// `sketch` ([`Told::sketch`]).
    pub view: &'static str,
}

/// A document that shows a single aggregate as of a moment: `GET /PATH?at=`.
#[derive(Clone, Copy)]
pub struct DocumentSpec<A> {
    /// Its route without the slash, for example `matters`.
    pub path: &'static str,
    /// The action in the table of authorisation, for example `read-matters`.
    pub action: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Who may read it.
    pub read: Allowed,
    /// The document as JSON.
    pub show: fn(&A, DateTime<Utc>) -> Result<Value, serde_json::Error>,
    /// Its JSON Schema.
    pub schema: fn() -> Schema,
}

/// One command of a kind. Its type is its body.
pub trait Verb: Clone + Debug + PartialEq + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// Its public name in kebab case, for example `accept-order`: a segment of URLs and a token of NATS subjects. No two
    /// verbs of all kinds share one.
    const NAME: &'static str;
    /// Who may give it, and how far they reach.
    const BY: Allowed;
    /// Whether it begins an aggregate: its path names no id, and it is authorised at [`Needs::place`].
    const BEGINS: bool = false;
    /// Whether it happens only as a part of another command ([`Needs::also`]): it has no route of its own.
    const IS_PART: bool = false;
    /// Whether it describes how everything is to be: only what differs is an event, and a description of what is so already is
    /// none.
    const IS_DESCRIPTION: bool = false;
    /// The kind.
    type Of: Aggregate;

    /// What must be known to decide it. The state of the aggregate may say.
    fn needs(&self, _of: &Self::Of) -> Needs {
        Needs::none()
    }
    /// What names the aggregate that it begins, where that is not the id of the command: the number of a source, the unit
    /// of a poll. The same key is the same aggregate.
    fn natural_key(&self) -> Option<String> {
        None
    }
    /// One that is well formed, for OpenAPI, golden files and property tests.
    fn example() -> Self;
}

/// Why the body of a command could not be read. The caller must change it.
#[derive(Debug, thiserror::Error)]
pub enum ParseError {
    /// No command has that name.
    #[error("no command is called `{0}`")]
    UnknownCommand(String),
    /// The body does not fit the command.
    #[error("the body of {name} does not fit: {reason}")]
    Body {
        /// The command's name.
        name: String,
        /// What serde found, with the place.
        reason: String,
    },
    /// A text of the body has a character that is never taken.
    #[error("{place} in the body of {name} has {flaw}; remove it")]
    Text {
        /// The command's name.
        name: String,
        /// Where in the body.
        place: String,
        /// What it has.
        flaw: Flaw,
    },
}

/// Reads a body as the type of its verb.
///
/// # Errors
/// Where it does not fit, with the place in it.
pub fn read_body<T: DeserializeOwned>(name: &str, body: &Value) -> Result<T, ParseError> {
    T::deserialize(body).map_err(|error| {
        // Read again to find the place: whoever sends what fits does not pay for it.
        let traced = serde_path_to_error::deserialize::<_, T>(body);
        let place = traced.err().map(|traced| traced.path().to_string()).filter(|place| place != ".");
        let reason = place.map_or_else(|| error.to_string(), |place| format!("{place} does not fit: {error}"));
        ParseError::Body { name: name.to_owned(), reason }
    })
}

/// The commands of one aggregate. Made by [`commands!`](crate::commands).
pub trait Command: Sized + Clone + std::fmt::Debug + PartialEq + Send + Sync + 'static {
    /// The aggregate.
    type Of: Aggregate<Command = Self>;
    /// Every verb.
    const VERBS: &'static [VerbSpec];

    /// The name of this command.
    fn name(&self) -> &'static str;
    /// Reads the command called `name` from a JSON body.
    fn parse(name: &str, body: &Value) -> Result<Self, ParseError>;
    /// Its body as JSON.
    ///
    /// # Panics
    /// Where a command cannot be written as JSON, which a coverage test shows for every verb.
    fn body(&self) -> Value;
    /// What it says, whatever way it was written.
    fn canonical(&self) -> Canonical;
    /// What must be known to decide it.
    fn needs(&self, of: &Self::Of) -> Needs;
    /// What names the aggregate that it begins, where that is not the id of the command.
    fn natural_key(&self) -> Option<String>;
    /// One example of every command.
    fn examples() -> Vec<Self>;

    /// The verb that is called `name`.
    fn verb(name: &str) -> Option<&'static VerbSpec> {
        Self::VERBS.iter().find(|verb| verb.name == name)
    }
}

/// What the registry knows of a verb.
#[derive(Clone, Copy, Debug)]
pub struct VerbSpec {
    /// Its public name.
    pub name: &'static str,
    /// Who may give it.
    pub by: Allowed,
    /// Whether it begins an aggregate.
    pub begins: bool,
    /// Whether it happens only as a part of another command.
    pub is_part: bool,
    /// Whether it describes how everything is to be.
    pub is_description: bool,
    /// The JSON Schema of its body.
    pub schema: fn() -> Schema,
    /// Its example as JSON.
    pub example: fn() -> Value,
}

impl VerbSpec {
    /// What a verb says of itself.
    ///
    /// # Panics
    /// `example` does where an example cannot be written as JSON, which a coverage test shows for every verb.
    pub const fn of<V: Verb>() -> Self {
        Self {
            name: V::NAME,
            by: V::BY,
            begins: V::BEGINS,
            is_part: V::IS_PART,
            is_description: V::IS_DESCRIPTION,
            schema: || schemars::schema_for!(V),
            example: || serde_json::to_value(V::example()).expect("a coverage test writes every example"),
        }
    }
}

impl Also {
    /// `verb` on the aggregate `id`.
    ///
    /// # Panics
    /// Where a verb cannot be written as JSON, which a coverage test shows for every verb.
    pub fn new<V: Verb>(id: Uuid, verb: &V) -> Self {
        let category = <<V::Of as Aggregate>::Event as Event>::CATEGORY;
        let body = serde_json::to_value(verb).expect("a verb is JSON");
        Self { category, id, verb: V::NAME, body, is_asked: false }
    }
}

impl Depends {
    /// The aggregate `id` of kind `A`.
    pub fn on<A: Aggregate>(id: Uuid) -> Self {
        Self { category: A::Event::CATEGORY, id }
    }
}

impl Needs {
    /// Another verb that is a part of the same command.
    pub fn also<V: Verb>(mut self, id: Uuid, verb: &V) -> Self {
        self.also.push(Also::new(id, verb));
        self
    }

    /// An aggregate that must not change before the command is recorded.
    pub fn depends_on<A: Aggregate>(mut self, id: Uuid) -> Self {
        self.depends_on.push(Depends::on::<A>(id));
        self
    }
}
