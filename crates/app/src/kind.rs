//! A kind without its type: what the registry lists, and what handling a command needs of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use kernel::ParseError;
use kernel::aggregate::{PersonalSpec, SimilarSpec};
use kernel::facts::SealedPerson;
use kernel::likeness::Told;
use kernel::{
    Actor, Aggregate, Allowed, AnyEvent, Canonical, Command, Context, Difference, Entropy, Event, EventSpec, Family,
    Needs, Place, Recorded, Refusal, Step, VerbSpec, Version,
};
use schemars::Schema;
use serde_json::Value;
use uuid::Uuid;

use crate::Error;
use crate::adapter::{self, Recording};
use crate::door;
use crate::event::{Unreadable, read_as};
use crate::memory::{Memory, Seen};
use crate::port::{EventLog, Part, Receipt};

/// A kind.
#[async_trait]
pub trait Kind: Send + Sync {
    /// The category of its streams, for example `case`; one of it is called so.
    fn category(&self) -> &'static str;
    /// The first segment of its routes.
    fn plural(&self) -> &'static str;
    /// What it is, in a line.
    fn about(&self) -> &'static str;
    /// Whether there is exactly one.
    fn is_single(&self) -> bool;
    /// Most bytes of a command's body.
    fn body_bytes_max(&self) -> usize;
    /// The steps for which it asks due times.
    fn steps(&self) -> &'static [Step];
    /// Its verbs.
    fn verbs(&self) -> &'static [VerbSpec];
    /// Its events.
    fn events(&self) -> &'static [EventSpec];
    /// Its refusals.
    fn refusals(&self) -> &'static [(&'static str, Family)];
    /// Who may read its history.
    fn read(&self) -> Allowed;
    /// The action of reading its history in the table of authorisation, for example `read-history-of-cases`.
    fn read_action(&self) -> &'static str;
    /// The personal data that it holds.
    fn personal(&self) -> Option<PersonalSpec>;
    /// How others that may be the same thing are shown.
    fn similar(&self) -> Option<SimilarSpec>;
    /// What is shown of it as documents.
    fn documents(&self) -> Vec<Document>;
    /// Reads one of its events.
    fn decode(&self, recorded: &Recorded) -> Result<AnyEvent, Unreadable>;
    /// Reads one of its commands.
    fn parse(&self, verb: &str, body: &Value) -> Result<Box<dyn Asked>, ParseError>;
    /// Its version, as remembered or as it is in the log.
    async fn version(&self, sight: Sight<'_>, id: Uuid) -> Result<Version, Error>;
    /// Where one is and what personal data it holds, as it is in the log; `None` where it never began.
    async fn look(&self, sight: Sight<'_>, id: Uuid) -> Result<Option<(Place, Vec<SealedPerson>)>, Error>;
    /// The personal data of one that may be shown to somebody who may read any of it.
    async fn sealed_for(&self, sight: Sight<'_>, id: Uuid, by: &Actor) -> Result<Vec<SealedPerson>, Error>;
    /// Whether whoever reaches one may still read its history and files.
    async fn is_open_to(&self, sight: Sight<'_>, id: Uuid, by: &Actor, until: Until) -> Result<bool, Error>;
    /// Where one is, and what was told of it; `None` before it began.
    async fn told(&self, sight: Sight<'_>, id: Uuid) -> Result<Option<(Place, Option<Told>)>, Error>;
    /// The refusal of what never began.
    fn missing(&self) -> Error;
    /// One of its documents as of a moment.
    async fn show(&self, sight: Sight<'_>, id: Uuid, path: &str, at: DateTime<Utc>) -> Result<Option<Value>, Error>;
    /// Whom an event of it is about and for, read from its data: for coverage.
    fn department(&self, event: &AnyEvent) -> Option<String>;
}

/// What is shown of a kind as one document.
#[derive(Clone, Copy, Debug)]
pub struct Document {
    /// Its route without the slash.
    pub path: &'static str,
    /// The action in the table of authorisation.
    pub action: &'static str,
    /// What it shows, in a line.
    pub about: &'static str,
    /// Who may read it.
    pub read: Allowed,
    /// Its JSON Schema.
    pub schema: fn() -> Schema,
}

/// Where aggregates are looked at, and whether what is remembered will do.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// What this process remembers.
    pub memory: &'a Memory,
    /// The log.
    pub log: &'a dyn EventLog,
    /// Whether what is remembered will do: it is checked again when the command is appended.
    pub may_recall: bool,
}

/// When somebody asks, and for how many days after a duty they may.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// The moment.
    pub at: DateTime<Utc>,
    /// In days.
    pub days_after: u32,
}

/// A command, read.
#[async_trait]
pub trait Asked: fmt::Debug + Send + Sync {
    /// What it says, whatever way it was written.
    fn canonical(&self) -> Canonical;
    /// What names the aggregate that it begins.
    fn natural_key(&self) -> Option<String>;
    /// Looks at the aggregate.
    async fn look(&self, sight: Sight<'_>, id: Uuid) -> Result<Box<dyn Looked>, Error>;
}

/// A command and the aggregate it is about.
#[async_trait]
pub trait Looked: Send + Sync {
    /// Whether the aggregate was looked at in the log just now, and not only remembered.
    fn is_fresh(&self) -> bool;
    /// Where the aggregate is; `None` before it began.
    fn place(&self) -> Option<Place>;
    /// The version of the aggregate; 0 before it began.
    fn version(&self) -> Version;
    /// What must be known to decide.
    fn needs(&self) -> Needs;
    /// What it leads to.
    async fn decide(
        self: Box<Self>,
        context: Context,
        recording: &Recording,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Decided, Error>;
}

/// What a command leads to on one aggregate.
pub struct Decided {
    /// What is to be recorded.
    pub part: Part,
    /// What that changes, where it describes how everything is to be.
    pub differences: Vec<Difference>,
    /// Called when it has been.
    pub recorded: Remember,
}

/// Remembers what became of an aggregate.
pub type Remember = Box<dyn FnOnce(&Memory, &Receipt) + Send>;

/// The kind of an aggregate.
pub(crate) struct Of<A> {
    aggregate: std::marker::PhantomData<fn() -> A>,
    /// The schemas of the bodies of its verbs, by name.
    bodies: LazyLock<BTreeMap<&'static str, Value>>,
}

impl<A: Aggregate> Of<A> {
    pub(crate) fn new() -> Self {
        Self { aggregate: std::marker::PhantomData, bodies: LazyLock::new(bodies_of::<A>) }
    }
}

fn bodies_of<A: Aggregate>() -> BTreeMap<&'static str, Value> {
    A::Command::VERBS.iter().map(|verb| (verb.name, (verb.schema)().to_value())).collect()
}

#[async_trait]
impl<A: Aggregate> Kind for Of<A> {
    fn category(&self) -> &'static str {
        A::Event::CATEGORY
    }
    fn plural(&self) -> &'static str {
        A::PLURAL
    }
    fn about(&self) -> &'static str {
        A::ABOUT
    }
    fn is_single(&self) -> bool {
        A::IS_SINGLE
    }
    fn body_bytes_max(&self) -> usize {
        A::BODY_BYTES_MAX
    }
    fn steps(&self) -> &'static [Step] {
        A::STEPS
    }
    fn verbs(&self) -> &'static [VerbSpec] {
        A::Command::VERBS
    }
    fn events(&self) -> &'static [EventSpec] {
        A::Event::EVENTS
    }
    fn refusals(&self) -> &'static [(&'static str, Family)] {
        A::Refusal::ALL
    }
    fn read(&self) -> Allowed {
        A::READ
    }
    fn read_action(&self) -> &'static str {
        A::READ_ACTION
    }
    fn personal(&self) -> Option<PersonalSpec> {
        A::PERSONAL
    }
    fn similar(&self) -> Option<SimilarSpec> {
        A::SIMILAR
    }
    fn documents(&self) -> Vec<Document> {
        let document = |spec: &kernel::aggregate::DocumentSpec<A>| Document {
            path: spec.path,
            action: spec.action,
            about: spec.about,
            read: spec.read,
            schema: spec.schema,
        };
        A::DOCUMENTS.iter().map(document).collect()
    }
    fn decode(&self, recorded: &Recorded) -> Result<AnyEvent, Unreadable> {
        Ok(Box::new(read_as::<A::Event>(recorded)?))
    }
    fn parse(&self, verb: &str, body: &Value) -> Result<Box<dyn Asked>, ParseError> {
        door::check(verb, self.bodies.get(verb), body)?;
        Ok(Box::new(AskedOf::<A>(A::Command::parse(verb, body)?)))
    }
    async fn version(&self, sight: Sight<'_>, id: Uuid) -> Result<Version, Error> {
        Ok(seen::<A>(sight, id).await?.0.version)
    }
    async fn look(&self, sight: Sight<'_>, id: Uuid) -> Result<Option<(Place, Vec<SealedPerson>)>, Error> {
        let (seen, _) = seen::<A>(sight, id).await?;
        Ok(seen.state.place().map(|place| (place, seen.state.sealed())))
    }
    async fn sealed_for(&self, sight: Sight<'_>, id: Uuid, by: &Actor) -> Result<Vec<SealedPerson>, Error> {
        Ok(seen::<A>(sight, id).await?.0.state.sealed_for(by))
    }
    async fn is_open_to(&self, sight: Sight<'_>, id: Uuid, by: &Actor, until: Until) -> Result<bool, Error> {
        Ok(seen::<A>(sight, id).await?.0.state.is_open_to(by, until.at, until.days_after))
    }
    async fn told(&self, sight: Sight<'_>, id: Uuid) -> Result<Option<(Place, Option<Told>)>, Error> {
        let (seen, _) = seen::<A>(sight, id).await?;
        Ok(seen.state.place().map(|place| (place, seen.state.told())))
    }
    fn missing(&self) -> Error {
        Error::refused(&A::missing())
    }
    async fn show(&self, sight: Sight<'_>, id: Uuid, path: &str, at: DateTime<Utc>) -> Result<Option<Value>, Error> {
        let Some(document) = A::DOCUMENTS.iter().find(|document| document.path == path) else { return Ok(None) };
        let (seen, _) = seen::<A>(sight, id).await?;
        let shown = (document.show)(&seen.state, at);
        shown.map(Some).map_err(|error| Error::Unreadable(error.to_string()))
    }
    fn department(&self, event: &AnyEvent) -> Option<String> {
        event.downcast_ref::<A::Event>()?.department().map(ToString::to_string)
    }
}

/// An aggregate, and whether it was looked at in the log.
async fn seen<A: Aggregate>(sight: Sight<'_>, id: Uuid) -> Result<(Arc<Seen<A>>, bool), Error> {
    match sight.memory.recall::<A>(A::Event::CATEGORY, id).filter(|_| sight.may_recall) {
        Some(seen) => Ok((seen, false)),
        None => Ok((sight.memory.look::<A>(sight.log, id).await?, true)),
    }
}

#[derive(Debug)]
struct AskedOf<A: Aggregate>(A::Command);

#[async_trait]
impl<A: Aggregate> Asked for AskedOf<A> {
    fn canonical(&self) -> Canonical {
        self.0.canonical()
    }

    fn natural_key(&self) -> Option<String> {
        self.0.natural_key()
    }

    async fn look(&self, sight: Sight<'_>, id: Uuid) -> Result<Box<dyn Looked>, Error> {
        let command = self.0.clone();
        let begins = A::Command::verb(command.name()).is_some_and(|verb| verb.begins);
        let is_known = !sight.may_recall || sight.memory.recall::<A>(A::Event::CATEGORY, id).is_some();
        // What begins something is taken to be the first until the log says otherwise; not where it brings personal data,
        // because sealing asks the vault, and there a repeat must not look like a first time.
        if begins && !is_known && command.needs(&A::default()).seal.is_none() {
            return Ok(Box::new(LookedOf::<A> { command, seen: sight.memory.unread(), is_fresh: false }));
        }
        let (seen, is_fresh) = seen::<A>(sight, id).await?;
        Ok(Box::new(LookedOf { command, seen, is_fresh }))
    }
}

struct LookedOf<A: Aggregate> {
    command: A::Command,
    seen: Arc<Seen<A>>,
    is_fresh: bool,
}

#[async_trait]
impl<A: Aggregate> Looked for LookedOf<A> {
    fn is_fresh(&self) -> bool {
        self.is_fresh
    }
    fn place(&self) -> Option<Place> {
        self.seen.state.place()
    }
    fn version(&self) -> Version {
        self.seen.version
    }
    fn needs(&self) -> Needs {
        self.command.needs(&self.seen.state)
    }

    async fn decide(
        self: Box<Self>,
        context: Context,
        recording: &Recording,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Decided, Error> {
        let Self { command, seen, .. } = *self;
        let id = context.id;
        let (state, part, differences) = adapter::decide(&seen, command, context, recording, entropy).await?;
        let time = part.events.last().map(|event| event.time);
        let events = u32::try_from(part.events.len()).unwrap_or(u32::MAX);
        let recorded = move |memory: &Memory, receipt: &Receipt| {
            if receipt.replayed {
                // Recorded earlier: what was decided now is not what happened.
                memory.forget(A::Event::CATEGORY, id);
            } else {
                memory.moved(id, &seen, state, events, time);
            }
        };
        Ok(Decided { part, differences, recorded: Box::new(recorded) })
    }
}
