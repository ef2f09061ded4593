//! What a command must know to be decided, as data: what it does not ask for is not looked up.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::digest::Digest;
use crate::likeness::Told;
use crate::sealed::{Personal, Sealed};
use crate::{DepartmentCode, GridCode, LimitOf, MatterCode, PersonId, PersonalField, Step};

/// What a command must know. Built by chaining:
///
/// ```ignore
/// Needs::grid(&self.grid).step(Step::REGISTER).evidence(&self.evidence)
/// ```
#[derive(Clone, Debug, Default)]
pub struct Needs {
    /// The grid in which something begins; a verb that begins something is authorised there.
    pub place: Option<GridCode>,
    /// Grids, the one above among them.
    pub grids: Vec<GridCode>,
    /// Matters of the catalogue.
    pub matters: Vec<MatterCode>,
    /// Departments.
    pub departments: Vec<DepartmentCode>,
    /// Due times that begin now.
    pub dues: Vec<LimitOf>,
    /// Consent rules, by id.
    pub consent_rules: Vec<String>,
    /// Whether the criteria for filing are asked for.
    pub filing_criteria: bool,
    /// Whether the least score of a review is asked for.
    pub review_score: bool,
    /// Whether it is asked for how long and how often personal data may be read.
    pub reading_limits: bool,
    /// Whether the steps that one person does not take together are asked for.
    pub incompatible: bool,
    /// Files.
    pub evidence: Vec<Digest>,
    /// Personal data to be sealed before the decision.
    pub seal: Option<PersonalInput>,
    /// What was told of the aggregate: others of its kind that may be the same thing, in the same grid, are asked for.
    pub similar: Option<Told>,
    /// Whether the steps that the kinds know are asked for.
    pub steps: bool,
    /// Whether the bounds of the district are asked for.
    pub bounds: bool,
    /// Whether the position at which the aggregate began is asked for.
    pub began: bool,
    /// Something open in a grid: where it belongs is asked for.
    pub seat: Option<SeatOf>,
    /// A source whose number is given: whether the caller hands in its numbers is asked for.
    pub numbered: Option<String>,
    /// Persons: whether the vault has their keys is asked for.
    pub person_keys: Vec<PersonId>,
    /// Whether the generation of the vault is asked for.
    pub generation: bool,
    /// What happens elsewhere under this command: all of it, or none.
    pub also: Vec<Also>,
    /// Streams that must not change before the command is recorded. Nothing is recorded on them.
    pub depends_on: Vec<Depends>,
}

/// Personal data in clear, on its way to be sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonalInput {
    /// Whose they are, where the kind itself knows (of a member of staff); never an id that the caller gives.
    pub person: Option<PersonId>,
    /// The data.
    pub values: Vec<(PersonalField, Personal<String>)>,
    /// What was sealed before: what says the same again is given back as it is, so that a repeat can be told.
    pub known: Vec<Sealed>,
}

/// A verb on another aggregate that is a part of the same command.
#[derive(Clone, Debug, PartialEq)]
pub struct Also {
    /// The category of the other aggregate's stream.
    pub category: &'static str,
    /// The other aggregate.
    pub id: Uuid,
    /// The verb.
    pub verb: &'static str,
    /// Its body.
    pub body: serde_json::Value,
    /// Whether the caller asked for it in so many words: it then happens also where nothing has to happen here, and what is wrong
    /// with its body is the caller's.
    pub is_asked: bool,
}

/// Something that is open in a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct SeatOf {
    /// The grid in which it was so far.
    pub grid: GridCode,
    /// Where it is in it, where that is known: longitude and latitude in WGS 84.
    pub point: Option<(f64, f64)>,
    /// Where it belongs is asked as of this moment, or as of now where that is later.
    pub since: DateTime<Utc>,
}

/// An aggregate on whose version a decision depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depends {
    /// The category of its stream.
    pub category: &'static str,
    /// Its id.
    pub id: Uuid,
}

impl Needs {
    /// Nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// The grid in which something begins.
    pub fn begins_in(grid: &GridCode) -> Self {
        Self { place: Some(grid.clone()), ..Self::none() }.grid(grid)
    }

    /// A grid.
    pub fn grid(mut self, grid: &GridCode) -> Self {
        self.grids.push(grid.clone());
        self
    }

    /// The bounds of the district.
    pub fn bounds(mut self) -> Self {
        self.bounds = true;
        self
    }

    /// A matter.
    pub fn matter(mut self, matter: &MatterCode) -> Self {
        self.matters.push(matter.clone());
        self
    }

    /// Departments.
    pub fn departments<'a>(mut self, departments: impl IntoIterator<Item = &'a DepartmentCode>) -> Self {
        self.departments.extend(departments.into_iter().cloned());
        self
    }

    /// The due time of a step that begins now.
    pub fn step(self, step: Step) -> Self {
        self.due(step)
    }

    /// The due time of a limit that begins now.
    pub fn due(mut self, of: impl Into<LimitOf>) -> Self {
        self.dues.push(of.into());
        self
    }

    /// A consent rule.
    pub fn consent_rule(mut self, id: &str) -> Self {
        self.consent_rules.push(id.to_owned());
        self
    }

    /// The least score of a review.
    pub fn review_score(self) -> Self {
        Self { review_score: true, ..self }
    }

    /// For how long and how often personal data may be read.
    pub fn reading_limits(self) -> Self {
        Self { reading_limits: true, ..self }
    }

    /// The steps that one person does not take together.
    pub fn incompatible(self) -> Self {
        Self { incompatible: true, ..self }
    }

    /// The criteria for filing.
    pub fn filing_criteria(self) -> Self {
        Self { filing_criteria: true, ..self }
    }

    /// Files.
    pub fn evidence(mut self, digests: &[Digest]) -> Self {
        self.evidence.extend_from_slice(digests);
        self
    }

    /// Personal data to be sealed.
    pub fn seal(self, input: PersonalInput) -> Self {
        Self { seal: Some(input), ..self }
    }

    /// Others that may be the same thing.
    pub fn similar(self, told: Told) -> Self {
        Self { similar: Some(told), ..self }
    }

    /// The position at which the aggregate began: a number that no other aggregate of the installation has.
    pub fn began(self) -> Self {
        Self { began: true, ..self }
    }

    /// Where something that is open in a grid belongs.
    pub fn seat(self, of: SeatOf) -> Self {
        Self { seat: Some(of), ..self }
    }

    /// Whether the vault has the key of a person.
    pub fn person_key(mut self, person: PersonId) -> Self {
        self.person_keys.push(person);
        self
    }

    /// The public name of the wrapping key that the vault uses.
    pub fn generation(self) -> Self {
        Self { generation: true, ..self }
    }

    /// Whether the caller hands in the numbers of a source.
    pub fn numbered(self, source: &str) -> Self {
        Self { numbered: Some(source.to_owned()), ..self }
    }

    /// The steps that the kinds know.
    pub fn steps(self) -> Self {
        Self { steps: true, ..self }
    }
}
