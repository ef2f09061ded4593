//! The register of programs: who is let in, with which keys on NATS, what they receive, and whose numbers they hand in.

mod change_program_keys;
mod close_program;
mod document;
mod grant_audiences;
mod register_program;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use kernel::aggregate::DocumentSpec;
use kernel::{Aggregate, Allowed, Context, Decision, Place, Reach, Role, Unfit};
use uuid::Uuid;

use crate::{GrantedAudience, Nkey, ProgramId, SourceName};

pub use change_program_keys::{ChangeProgramKeys, ProgramKeysChanged};
pub use close_program::{CloseProgram, ProgramClosed};
pub use document::{Program, ProgramsDocument};
pub use grant_audiences::{AudiencesGranted, GrantAudiences};
pub use register_program::{ProgramRegistered, RegisterProgram};

/// Security administrators (安全管理员): they say who is let in.
const ADMINISTRATORS: Allowed = &[(Role::SecurityAdministrator, Reach::Everywhere)];
/// Who reads the register.
const READERS: Allowed = &[
    (Role::SecurityAdministrator, Reach::Everywhere),
    (Role::AuditAdministrator, Reach::Everywhere),
    (Role::Auditor, Reach::Everywhere),
];

/// Most keys that a program has at a time: the old and the new one of each of two machines.
const KEYS_MAX: usize = 4;
/// Most sources of a connector.
const SOURCES_MAX: usize = 8;
/// Most audiences of an integrator.
const AUDIENCES_MAX: usize = 200;

/// The id of the one register of an installation.
pub fn programs_id() -> Uuid {
    Uuid::new_v5(&kernel::id::NAMESPACE, b"programs")
}

kernel::commands! {
    /// What can be asked of the register of programs.
    pub enum ProgramsCommand of Programs { RegisterProgram, ChangeProgramKeys, GrantAudiences, CloseProgram, }
}

kernel::events! {
    /// What has happened to the register of programs.
    pub enum ProgramsEvent in "programs" {
        ProgramRegistered = "cn.dualgrid.programs.program_registered.v1" to Internal,
        ProgramKeysChanged = "cn.dualgrid.programs.program_keys_changed.v1" to Internal,
        AudiencesGranted = "cn.dualgrid.programs.audiences_granted.v1" to Internal,
        ProgramClosed = "cn.dualgrid.programs.program_closed.v1" to Internal,
    }
}

kernel::refusals! {
    /// Why the register of programs says no.
    pub enum Refusal {
        /// Nothing of that name was ever registered.
        #[error("there is no such program in the register; register it first")]
        UnknownProgram = Unfit "unknown-program",
        /// It is registered with other keys or audiences.
        #[error("the program is registered already, with other keys or audiences; change its keys or grant audiences instead")]
        AlreadyRegistered = Refused "program-registered",
        /// It was closed.
        #[error("the program is closed; register it again, with new keys")]
        Closed = Refused "program-closed",
        /// The key is, or was, a program's.
        #[error("the key {key} is or was in use by a program; make a new one with `dualgrid nats key FILE`")]
        KeyUsed {
            /// The key.
            key: Nkey,
        } = Refused "key-used",
        /// A department receives its own orders and nothing else.
        #[error("a department receives its own orders; leave `audiences` out, or register an integrator")]
        DepartmentAudiences = Unfit "department-audiences",
        /// Another connector hands in the numbers of that source.
        #[error("{program} numbers the source {} already; close it first", taken.as_str())]
        SourceTaken {
            /// The source.
            taken: SourceName,
            /// Whose it is.
            program: ProgramId,
        } = Refused "source-taken",
        /// A connector does not come over NATS.
        #[error("a connector comes over HTTP with a token and has no keys; close it to shut it out")]
        ConnectorKeys = Unfit "connector-keys",
        ..Unfit(Unfit),
    }
}

/// The register with its history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Programs {
    /// How each program stood from a moment on, in order.
    programs: BTreeMap<ProgramId, Vec<(DateTime<Utc>, Standing)>>,
    /// Every key that was ever registered.
    used: BTreeSet<Nkey>,
}

/// How a program stands.
#[derive(Clone, Debug, Default, PartialEq)]
struct Standing {
    keys: BTreeSet<Nkey>,
    audiences: BTreeSet<GrantedAudience>,
    sources: BTreeSet<SourceName>,
    /// Why it was closed, where it was.
    closed: Option<String>,
}

impl Programs {
    /// Every program that was registered by `at`, as it stood then; closed ones too.
    pub fn all(&self, at: DateTime<Utc>) -> Vec<Program> {
        let stood = |standings: &[(DateTime<Utc>, Standing)]| {
            standings.iter().rev().find(|(from, _)| *from <= at).map(|(_, standing)| standing.clone())
        };
        let program = |(program, standings): (&ProgramId, &Vec<_>)| {
            let Standing { keys, audiences, sources, closed } = stood(standings)?;
            Some(Program { id: program.clone(), keys, audiences, sources, closed })
        };
        self.programs.iter().filter_map(program).collect()
    }

    /// Every program as it stands now, whatever clock wrote it; closed ones too. Who is let in is decided by this.
    pub fn current(&self) -> Vec<Program> {
        self.all(DateTime::<Utc>::MAX_UTC)
    }

    /// Whether the key is, or ever was, a program's.
    pub fn is_used(&self, key: &accounts::PublicKey) -> bool {
        self.used.contains(&Nkey::from(key.clone()))
    }

    /// How a program stands now: what it receives, or `None` where nobody registered it, or why it was closed.
    ///
    /// # Errors
    /// Why it was closed.
    pub fn standing(&self, program: &ProgramId) -> Option<Result<&BTreeSet<GrantedAudience>, &str>> {
        let standing = self.last(program)?;
        Some(standing.closed.as_deref().map_or(Ok(&standing.audiences), Err))
    }

    /// When the program was registered after a closing, where it was: what was given to it before is not revived.
    pub fn registered_again(&self, program: &ProgramId) -> Option<DateTime<Utc>> {
        let standings = self.programs.get(program)?;
        let again = standings.windows(2).rev().find(|pair| pair[0].1.closed.is_some() && pair[1].1.closed.is_none());
        again.map(|pair| pair[1].0)
    }

    /// Whether the program of this subject hands in the numbers of a source now.
    pub fn may_number(&self, subject: &str, source: &str) -> bool {
        let known = ProgramId::of_subject(subject).ok().and_then(|program| self.last(&program));
        known.is_some_and(|known| known.sources.iter().any(|own| own.as_str() == source))
    }

    /// Who hands in the numbers of a source now.
    fn numbering(&self, source: &SourceName) -> Option<&ProgramId> {
        let known = self.programs.keys().map(|program| (program, self.last(program)));
        known.into_iter().find(|(_, known)| known.is_some_and(|known| known.sources.contains(source))).map(|(id, _)| id)
    }

    fn last(&self, program: &ProgramId) -> Option<&Standing> {
        self.programs.get(program)?.last().map(|(_, standing)| standing)
    }

    /// The program, which must be open.
    fn open(&self, program: &ProgramId) -> Result<&Standing, Refusal> {
        match self.last(program).ok_or(Refusal::UnknownProgram)? {
            Standing { closed: Some(_), .. } => Err(Refusal::Closed),
            standing => Ok(standing),
        }
    }

    /// Refuses a key that was ever used, unless it is among those of `own`.
    fn check_unused(&self, keys: &BTreeSet<Nkey>, own: &BTreeSet<Nkey>) -> Result<(), Refusal> {
        let used = keys.iter().find(|key| self.used.contains(*key) && !own.contains(*key));
        used.map_or(Ok(()), |key| Err(Refusal::KeyUsed { key: key.clone() }))
    }

    fn stands(&mut self, program: ProgramId, from: DateTime<Utc>, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.last(&program).cloned().unwrap_or_default();
        change(&mut standing);
        self.used.extend(standing.keys.iter().cloned());
        self.programs.entry(program).or_default().push((from, standing));
    }
}

impl Aggregate for Programs {
    const PLURAL: &'static str = "programs";
    const ABOUT: &'static str =
        "The register of programs: departments, integrators and connectors, their keys, what they receive and number";
    const IS_SINGLE: bool = true;
    const READ_ACTION: &'static str = "read-programs-history";
    const READ: Allowed = READERS;
    const DOCUMENTS: &'static [DocumentSpec<Self>] = &[DocumentSpec {
        path: "programs",
        action: "read-programs",
        about: "The programs as they stand at a moment, with their public keys",
        read: READERS,
        show: |programs, at| serde_json::to_value(ProgramsDocument { at, programs: programs.all(at) }),
        schema: || schemars::schema_for!(ProgramsDocument),
    }];
    type Command = ProgramsCommand;
    type Event = ProgramsEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        Some(Place::default())
    }

    fn missing() -> Refusal {
        Refusal::UnknownProgram
    }

    fn decide(&self, command: &ProgramsCommand, context: &Context) -> Decision<Self> {
        match command {
            ProgramsCommand::RegisterProgram(command) => command.decide(self, context),
            ProgramsCommand::ChangeProgramKeys(command) => command.decide(self, context.at),
            ProgramsCommand::GrantAudiences(command) => command.decide(self, context.at),
            ProgramsCommand::CloseProgram(command) => command.decide(self, context.at),
        }
    }

    fn evolve(mut self, event: ProgramsEvent) -> Self {
        match event {
            ProgramsEvent::ProgramRegistered(event) => {
                let ProgramRegistered { program, keys, audiences, sources, since } = *event;
                let standing = Standing { keys, audiences, sources, closed: None };
                self.stands(program, since, |known| *known = standing);
            }
            ProgramsEvent::ProgramKeysChanged(event) => {
                let ProgramKeysChanged { program, keys, since } = *event;
                self.stands(program, since, |standing| standing.keys = keys);
            }
            ProgramsEvent::AudiencesGranted(event) => {
                let AudiencesGranted { integrator, audiences, since } = *event;
                self.stands(ProgramId::Integrator(integrator), since, |standing| standing.audiences = audiences);
            }
            ProgramsEvent::ProgramClosed(event) => {
                let ProgramClosed { program, reason, since } = *event;
                let closed = Standing { closed: Some(reason), ..Standing::default() };
                self.stands(program, since, |standing| *standing = closed);
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::{Command, Verb};

    use super::testing::registered;
    use super::*;

    #[test]
    fn every_text_and_list_of_a_command_has_a_published_bound() {
        assert_eq!(given::unbounded(ProgramsCommand::VERBS), Vec::<String>::new());
    }

    #[test]
    fn nothing_of_the_register_is_forgotten() {
        let mut history = vec![registered()];
        history.extend(given::<Programs>(history.clone()).when(ChangeProgramKeys::example()).events());
        history.extend(given::<Programs>(history.clone()).when(GrantAudiences::example()).events());
        history.extend(given::<Programs>(history.clone()).when(CloseProgram::example()).events());
        given::covered::<Programs>(concat!(env!("CARGO_MANIFEST_DIR"), "/src/programs/golden"), history, &[]);
    }

    #[test]
    fn the_register_is_shown_as_of_any_moment_and_a_closed_program_has_no_key() {
        let earlier = given::NOW - chrono::TimeDelta::days(1);
        let before = given::<Programs>([registered()]).at(given::NOW).state();
        assert_eq!(before.all(earlier), []);
        let [program] = before.all(given::NOW).try_into().expect("one program");
        assert_eq!((program.keys, program.closed), (RegisterProgram::example().keys, None));
        let closed = given::<Programs>([registered()]).when(CloseProgram::example()).state();
        let [program] = closed.all(given::NOW).try_into().expect("one program");
        let reason = CloseProgram::example().reason;
        assert_eq!((program.keys, program.audiences, program.closed), ([].into(), [].into(), Some(reason)));
    }
}
