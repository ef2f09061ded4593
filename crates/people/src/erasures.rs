//! Erasures (删除个人信息): who was erased, on which ground, and by whom. The key of an erased person is deleted from the vault; what was
//! sealed under it stays in the log and can never be read again.
//!
//! One stream for the installation, so that whoever opens a vault can tell at once whom it must not know: a vault that comes back from
//! a backup has the keys of people who were erased since. They are erased again before anything is served.

mod begin_generation;
mod destroy_generation;
mod erase_person;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kernel::aggregate::DocumentSpec;
use kernel::{Aggregate, Allowed, Context, Decision, PersonId, Place, Reach, Role, Step, Unfit};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub use begin_generation::{BeginGeneration, GenerationBegun};
pub use destroy_generation::{DestroyGeneration, ErasureCompleted, GenerationDestroyed};
pub use erase_person::{ErasePerson, Ground, PersonErased};

/// Whoever answers for keys, and whoever keeps the files.
const ERASERS: Allowed = &[(Role::SecurityAdministrator, Reach::Everywhere), (Role::Archivist, Reach::Everywhere)];
/// Whoever erases, and whoever checks them.
const READERS: Allowed = &[
    (Role::SecurityAdministrator, Reach::Everywhere),
    (Role::Archivist, Reach::Everywhere),
    (Role::AuditAdministrator, Reach::Everywhere),
    (Role::Auditor, Reach::Everywhere),
];

// Most characters of the public name of a wrapping key.
const GENERATION_MAX: usize = 64;

/// The id of the one list of erasures of an installation.
pub fn erasures_id() -> Uuid {
    Uuid::new_v5(&kernel::id::NAMESPACE, b"erasures")
}

kernel::commands! {
    /// What can be asked of the list of erasures.
    pub enum ErasuresCommand of Erasures { ErasePerson, BeginGeneration, DestroyGeneration, }
}

kernel::events! {
    /// What has happened to the list of erasures.
    pub enum ErasuresEvent in "erasures" {
        PersonErased = "cn.dualgrid.erasures.person_erased.v1" to Internal,
        GenerationBegun = "cn.dualgrid.erasures.generation_begun.v1" to Internal,
        GenerationDestroyed = "cn.dualgrid.erasures.generation_destroyed.v1" to Internal,
        ErasureCompleted = "cn.dualgrid.erasures.erasure_completed.v1" to Internal,
    }
}

kernel::refusals! {
    /// Why nobody is erased.
    pub enum Refusal {
        /// Nothing was ever sealed for them.
        #[error("nothing was ever sealed for person {person}; the id of a person is shown with the reporter of a case")]
        UnknownPerson {
            person: PersonId,
        } = Unfit "unknown-person",
        /// They were erased on another ground, or in other words.
        #[error("person {person} was erased already, on another ground or for another reason; nothing of them can be read")]
        AlreadyErased {
            person: PersonId,
        } = Refused "already-erased",
        /// The vault never used such a wrapping key.
        #[error("the vault never used a wrapping key of the name {generation}; `GET /erasures` lists those that it used")]
        UnknownGeneration {
            generation: String,
        } = Unfit "unknown-generation",
        /// What is in use is not destroyed.
        #[error("the vault uses the wrapping key {generation}; exchange it first with `dualgrid keys rewrap`")]
        GenerationInUse {
            generation: String,
        } = Refused "generation-in-use",
        /// It was destroyed, and otherwise.
        #[error("the generation {generation} was destroyed already, in other words")]
        AlreadyDestroyed {
            generation: String,
        } = Refused "already-destroyed",
        ..Unfit(Unfit),
    }
}

/// Who was erased.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Erasures {
    erased: BTreeMap<PersonId, PersonErased>,
    /// Every generation of the vault; how it was destroyed, where it was.
    generations: BTreeMap<String, Option<String>>,
    /// Of whom some generation that is left has the key, and which.
    left: BTreeMap<PersonId, BTreeSet<String>>,
}

/// Everybody who was erased.
#[derive(Serialize, JsonSchema)]
struct ErasuresDocument {
    erasures: Vec<ErasureShown>,
    /// The generations of the vault that were not destroyed, by the public names of their wrapping keys.
    generations: BTreeSet<String>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
struct ErasureShown {
    #[serde(flatten)]
    erased: PersonErased,
    /// The generations that are left and have their key: the erasure is complete where there is none.
    left: BTreeSet<String>,
}

impl Erasures {
    /// Everybody who was erased.
    pub fn persons(&self) -> impl Iterator<Item = PersonId> {
        self.erased.keys().copied()
    }

    /// The erasures that are not complete, each with the moment by which it must be.
    pub fn open(&self) -> impl Iterator<Item = (PersonId, DateTime<Utc>)> {
        self.left.keys().filter_map(|person| Some((*person, self.erased.get(person)?.complete_by)))
    }

    /// Whether a generation of the vault is known.
    pub fn has_generation(&self, generation: &str) -> bool {
        self.generations.contains_key(generation)
    }
}

impl Aggregate for Erasures {
    const PLURAL: &'static str = "erasures";
    const ABOUT: &'static str = "Erasures of persons: whose key was deleted, on which ground, by whom";
    const IS_SINGLE: bool = true;
    const STEPS: &'static [Step] = &[erase_person::COMPLETE];
    const READ_ACTION: &'static str = "read-erasures-history";
    const READ: Allowed = READERS;
    const DOCUMENTS: &'static [DocumentSpec<Self>] = &[DocumentSpec {
        path: "erasures",
        action: "read-erasures",
        about: "Everybody who was erased, by their ids, with the grounds",
        read: READERS,
        show: |erasures, at| {
            let until = erasures.erased.values().filter(|erased| erased.since <= at).cloned();
            let left = |person: PersonId| erasures.left.get(&person).cloned().unwrap_or_default();
            let shown = until.map(|erased| ErasureShown { left: left(erased.person), erased });
            let in_use = erasures.generations.iter().filter(|(_, destroyed)| destroyed.is_none());
            let generations = in_use.map(|(name, _)| name.clone()).collect();
            serde_json::to_value(ErasuresDocument { erasures: shown.collect(), generations })
        },
        schema: || schemars::schema_for!(ErasuresDocument),
    }];
    type Command = ErasuresCommand;
    type Event = ErasuresEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        Some(Place::default())
    }

    fn missing() -> Refusal {
        Refusal::UnknownPerson { person: PersonId::named("nobody") }
    }

    fn decide(&self, command: &ErasuresCommand, context: &Context) -> Decision<Self> {
        match command {
            ErasuresCommand::ErasePerson(command) => command.decide(self, context),
            ErasuresCommand::BeginGeneration(command) => command.decide(self, context),
            ErasuresCommand::DestroyGeneration(command) => command.decide(self, context),
        }
    }

    fn evolve(mut self, event: ErasuresEvent) -> Self {
        match event {
            ErasuresEvent::PersonErased(event) => {
                if !event.generations.is_empty() {
                    self.left.insert(event.person, event.generations.clone());
                }
                self.erased.insert(event.person, *event);
            }
            ErasuresEvent::GenerationBegun(event) => drop(self.generations.insert(event.generation, None)),
            ErasuresEvent::GenerationDestroyed(event) => {
                for left in self.left.values_mut() {
                    left.remove(&event.generation);
                }
                self.generations.insert(event.generation, Some(event.reason));
            }
            ErasuresEvent::ErasureCompleted(event) => drop(self.left.remove(&event.person)),
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::{Command, Verb};

    use super::*;

    #[test]
    fn every_text_and_list_of_a_command_has_a_published_bound() {
        assert_eq!(given::unbounded(ErasuresCommand::VERBS), Vec::<String>::new());
    }

    #[test]
    fn nothing_of_the_erasures_is_forgotten() {
        let mut history = given::<Erasures>([]).when(BeginGeneration::example()).events();
        let erase = given::<Erasures>(history.clone()).knowing(erase_person::is_held).when(ErasePerson::example());
        history.extend(erase.events());
        let used = |facts: &mut kernel::Facts| facts.generation = Some("2".to_owned());
        let destroy = given::<Erasures>(history.clone()).knowing(used).when(DestroyGeneration::example());
        history.extend(destroy.events());
        given::covered::<Erasures>(concat!(env!("CARGO_MANIFEST_DIR"), "/src/erasures/golden"), history, &[]);
    }
}
