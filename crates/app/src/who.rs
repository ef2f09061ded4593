//! Who asks: a token proves a subject, and the register says in which role, where, and whether at all, as of now.
//!
//! What is known of the register is at most half a second old. A process that cannot read it lets nobody in.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Actor, Recorded, Role, Scope};
use people::persons::NotActing;

pub use crate::not_who::NotWho;
pub use people::persons::InvalidPersonCode;
use people::{GrantedAudience, PersonCode, ProgramId};

use crate::reference::Known;
use crate::{App, Error, authorise};

/// A registered person or program, as the subject of a token names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubjectId {
    /// A person, by the staff id.
    Person(PersonCode),
    /// A program: `department/CODE`, `integrator/NAME` or `connector/NAME`.
    Program(ProgramId),
}

impl SubjectId {
    /// Reads the subject of a token.
    ///
    /// # Errors
    /// Where it is neither a staff id nor the name of a program.
    pub fn try_new(text: &str) -> Result<Self, InvalidPersonCode> {
        match ProgramId::of_subject(text) {
            Ok(program) => Ok(Self::Program(program)),
            Err(_) => PersonCode::try_new(text).map(Self::Person),
        }
    }

    /// Whether it is a program.
    pub const fn is_program(&self) -> bool {
        matches!(self, Self::Program(_))
    }

    /// The text, as in a token and as the actor of an event.
    pub fn text(&self) -> String {
        match self {
            Self::Person(person) => person.to_string(),
            Self::Program(program) => program.subject(),
        }
    }
}

/// What a token proves: who, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Who.
    pub id: SubjectId,
    /// When the token was issued. What the register ended since then is not revived by it.
    pub issued_at: DateTime<Utc>,
}

impl App {
    /// The actor that a subject is now: a person in the named post, or in the only one that they hold; a program as itself.
    ///
    /// # Errors
    /// [`Error::NotWho`] where the register says no, [`Error::NoRegister`] where it cannot be read.
    pub async fn who(&self, subject: &Subject, post: Option<&str>) -> Result<Actor, Error> {
        let known = self.register().await?;
        let actor = match &subject.id {
            SubjectId::Person(person) => {
                let now = self.clock().now();
                let acting = known.persons().acting(person.as_str(), post, subject.issued_at, now);
                acting.map(Actor::from).map_err(NotWho::Person)
            }
            SubjectId::Program(_) if post.is_some() => Err(NotWho::PostOfProgram),
            SubjectId::Program(program) => self.of_program(&known, program, Some(subject.issued_at)),
        };
        Ok(actor?)
    }

    /// The actor that a program is whose connection proves who it is: its account on NATS. The file of programs may let one in
    /// that nobody registered; one that was closed is out whatever let it in.
    ///
    /// # Errors
    /// As [`App::who`].
    pub async fn connected(&self, program: &ProgramId) -> Result<Actor, Error> {
        let known = self.register().await?;
        if known.programs().standing(program).is_none() {
            return Ok(actor_of(program));
        }
        Ok(self.of_program(&known, program, None)?)
    }

    /// Why nobody should get a token for this subject now: they are not in the register, or cannot act. Somebody who holds several posts
    /// names one with each request.
    ///
    /// # Errors
    /// [`Error::NoRegister`] where the register cannot be read.
    pub async fn may_have_token(&self, subject: &SubjectId) -> Result<Option<NotWho>, Error> {
        let subject = Subject { id: subject.clone(), issued_at: DateTime::<Utc>::MAX_UTC };
        match self.who(&subject, None).await {
            Ok(_) | Err(Error::NotWho(NotWho::Person(NotActing::SeveralPosts(_)))) => Ok(None),
            Err(Error::NotWho(reason)) => Ok(Some(reason)),
            Err(error) => Err(error),
        }
    }

    fn of_program(
        &self,
        known: &Known,
        program: &ProgramId,
        issued_at: Option<DateTime<Utc>>,
    ) -> Result<Actor, NotWho> {
        let name = || program.subject();
        let standing = known.programs().standing(program).ok_or_else(|| NotWho::UnknownProgram(name()))?;
        standing.map_err(|_| NotWho::ClosedProgram(name()))?;
        let is_older =
            |issued: DateTime<Utc>| known.programs().registered_again(program).is_some_and(|since| issued < since);
        if issued_at.is_some_and(is_older) {
            return Err(NotWho::OlderThanProgram(name()));
        }
        if let (ProgramId::Department(code), Some(_)) = (program, issued_at)
            && known.district().department(code, self.clock().now()).is_none()
        {
            return Err(NotWho::ClosedDepartment(name()));
        }
        Ok(actor_of(program))
    }

    async fn register(&self) -> Result<Known, Error> {
        self.known().await.map_err(|error| Error::NoRegister(Box::new(error)))
    }
}

/// Which events somebody may hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearing(Option<BTreeSet<GrantedAudience>>);

impl Hearing {
    /// Whether it is the whole log.
    pub const fn is_of_all(&self) -> bool {
        self.0.is_none()
    }

    /// Whether an event is among them. One whose audience cannot be read is heard by those who hear everything.
    pub fn hears(&self, event: &Recorded) -> bool {
        let Some(granted) = &self.0 else { return true };
        let contents = kernel::envelope::contents(&event.bytes).ok();
        let audience = contents.and_then(|contents| contents.audience);
        audience.is_some_and(|audience| granted.iter().any(|granted| granted.covers(&audience)))
    }
}

impl App {
    /// Which events somebody may hear: an integrator those of the audiences that it was granted, whoever else may read events all.
    ///
    /// # Errors
    /// [`Error::Forbidden`] where they may hear none, [`Error::NoRegister`] where the register cannot be read.
    pub async fn hearing(&self, by: &Actor) -> Result<Hearing, Error> {
        Self::may_read_events(by)?;
        if !authorise::hears_what_is_granted(by) {
            return Ok(Hearing(None));
        }
        let known = self.register().await?;
        let program = ProgramId::of_subject(&by.id).ok();
        let granted = program.and_then(|program| known.programs().standing(&program)?.ok().cloned());
        Ok(Hearing(Some(granted.unwrap_or_default())))
    }
}

/// A program as the register knows programs.
fn actor_of(program: &ProgramId) -> Actor {
    let (role, scope) = match program {
        ProgramId::Department(code) => (Role::DepartmentClerk, Scope::Department(code.clone())),
        ProgramId::Integrator(_) => (Role::Integrator, Scope::Everywhere),
        ProgramId::Connector(_) => (Role::Connector, Scope::Everywhere),
    };
    Actor { id: program.subject(), role, scope, seconded_by: None }
}
