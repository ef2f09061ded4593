//! What a decision may know beside its own aggregate: asked for by [`Needs`], looked up by the application as of one
//! moment, and pinned by the events that come of it, so that a history can be read without today's tables.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Months, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::consent::ConsentRule;
use crate::digest::Digest;
use crate::likeness::Similar;
use crate::refusal::{NoDue, PAST_YEARS_MAX, Unfit};
use crate::separation::Incompatible;
use crate::{
    Actor, DepartmentCode, Due, Evidence, GridCode, LimitOf, MatterCode, Obligation, Party, PartyOrgCode, PersonId,
    PersonalField, Position, Role, Sealed, Step,
};

/// When a command is decided, by whom it was given, about what, and what is known.
#[derive(Clone, Debug)]
pub struct Context {
    /// The aggregate.
    pub id: Uuid,
    /// Now.
    pub at: DateTime<Utc>,
    /// Today, as the district counts its days.
    pub today: NaiveDate,
    /// Who gave the command.
    pub by: Actor,
    /// What was looked up.
    pub facts: Facts,
}

/// What was looked up. Only what the command's [`Needs`] name is here; absent means unknown.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Active grids.
    pub grids: BTreeMap<GridCode, GridFacts>,
    /// Active matters of the catalogue.
    pub matters: BTreeMap<MatterCode, MatterFacts>,
    /// Active departments.
    pub departments: BTreeMap<DepartmentCode, DepartmentFacts>,
    /// Due times of limits that begin now; the reason where none can be derived.
    pub dues: BTreeMap<LimitOf, Result<Due, String>>,
    /// Consent rules in force.
    pub consent_rules: BTreeMap<String, ConsentRule>,
    /// What the rules ask when a case is filed, in their words.
    pub filing_criteria: Vec<String>,
    /// The least score, of 100, with which a review lets a case be closed as solved; `None` where the rules ask for none.
    pub review_score_min: Option<u8>,
    /// Files in the evidence store.
    pub evidence: BTreeMap<Digest, Evidence>,
    /// For how long and how often personal data may be read.
    pub reading_limits: ReadingLimits,
    /// The steps that one person does not take together.
    pub incompatible: Vec<Incompatible>,
    /// The personal data of the command, sealed.
    pub sealed: Option<SealedPerson>,
    /// What may be the same thing, as far as the views know: the likest first.
    pub similar: Vec<Similar>,
    /// The steps that some kind may ask a limit for.
    pub steps: BTreeSet<Step>,
    /// Where every place of the district lies, where the district says so.
    pub bounds: Option<Bounds>,
    /// The position of the aggregate's first event; `None` before it began.
    pub began: Option<Position>,
    /// Where what is open in a grid belongs.
    pub seat: Option<Seat>,
    /// Whether the caller hands in the numbers of the source that was asked about: the connector that is registered for it.
    pub may_number: bool,
    /// What the vault has of persons; nothing of whom it has never had a key.
    pub person_keys: BTreeMap<PersonId, KeyState>,
    /// The public name of the wrapping key under which the vault keeps what is new.
    pub generation: Option<String>,
}

/// For how long and how often personal data may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadingLimits {
    /// For how many days after a duty has ended whoever had it may read them.
    pub days_after: u32,
    /// How many readings a person may make in a day.
    pub readings_a_day_max: u32,
}

impl Default for ReadingLimits {
    /// What holds where the rules say nothing: 30 days, and 50 readings a day.
    fn default() -> Self {
        Self { days_after: 30, readings_a_day_max: 50 }
    }
}

/// What the vault has of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// Their key.
    Held,
    /// The mark that their key was deleted.
    Erased,
}

/// Where what is open in a grid belongs: the grid itself, or the one that took over after it was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The grid, which is active.
    pub grid: GridFacts,
    /// The roles in which somebody holds a post, for each grid on its path that has any.
    pub posts: BTreeMap<GridCode, BTreeSet<Role>>,
}

/// A grid as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GridFacts {
    /// The grid and every grid above it, itself first, the root last.
    pub path: Vec<GridCode>,
    /// Its name.
    pub name: String,
    /// Whether issues are located in it: a grid of the party network with no grid below.
    pub lowest: bool,
    /// The grid on the path that has the grid centre (街道网格中心).
    pub centre: GridCode,
    /// The party organisation that owns its issues (一切工作到支部).
    pub party_org: Option<PartyOrgCode>,
    /// The grids of the administrative network that belong to it.
    pub administrative: Vec<GridCode>,
}

/// A rectangle on the earth, in WGS 84, in which every place of the district lies.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// Least longitude in degrees.
    pub west: f64,
    /// Least latitude in degrees.
    pub south: f64,
    /// Greatest longitude in degrees.
    pub east: f64,
    /// Greatest latitude in degrees.
    pub north: f64,
}

impl Bounds {
    /// Whether it is a rectangle with an area and lies on the earth.
    pub fn is_sound(&self) -> bool {
        let Self { west, south, east, north } = *self;
        (-180.0..east).contains(&west) && east <= 180.0 && (-90.0..north).contains(&south) && north <= 90.0
    }

    /// Whether a place lies in it.
    pub fn contains(&self, longitude: f64, latitude: f64) -> bool {
        (self.west..=self.east).contains(&longitude) && (self.south..=self.north).contains(&latitude)
    }
}

/// Who must solve a matter in the first place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// 自治共治: the community; it deliberates before it escalates (网格先议).
    Community,
    /// 行政: a department.
    Administrative,
}

/// A matter of the catalogue as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MatterFacts {
    /// Its code.
    pub code: MatterCode,
    /// Its name that day.
    pub name: String,
    /// Who must solve it.
    pub authority: Authority,
    /// Version of the rules that it is part of.
    pub rules_version: u32,
}

/// A department as of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DepartmentFacts {
    /// Its name.
    pub name: String,
    /// The matters on its list (权责清单).
    pub matters: BTreeSet<MatterCode>,
}

/// Personal data, sealed under the key of its person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPerson {
    /// The person.
    pub person: PersonId,
    /// The data.
    pub values: Vec<Sealed>,
}

impl SealedPerson {
    /// One datum.
    pub fn value(&self, field: PersonalField) -> Option<Sealed> {
        self.values.iter().find(|sealed| sealed.field == field).cloned()
    }
}

impl Context {
    /// The due time of a limit that begins now.
    ///
    /// # Errors
    /// [`NoDue`] where the rules have none, or none can be derived.
    pub fn due(&self, of: impl Into<LimitOf>) -> Result<Due, NoDue> {
        let of = of.into();
        match self.facts.dues.get(&of) {
            Some(Ok(due)) => Ok(due.clone()),
            Some(Err(reason)) => Err(NoDue::NoDueTime { of, reason: reason.clone() }),
            None => Err(NoDue::NoLimit { of }),
        }
    }

    /// The obligation to take `step`, due from now by its limit.
    ///
    /// # Errors
    /// [`NoDue`] where the rules give no due time.
    pub fn oblige(&self, step: Step, by: Party) -> Result<Obligation, NoDue> {
        let due = self.due(step.clone())?;
        Ok(Obligation { step, by, due })
    }

    /// An active grid.
    pub fn grid(&self, grid: &GridCode) -> Result<&GridFacts, Unfit> {
        self.facts.grids.get(grid).ok_or_else(|| Unfit::UnknownGrid { grid: grid.clone() })
    }

    /// Where what is open in a grid belongs.
    pub fn seat(&self, grid: &GridCode) -> Result<&Seat, Unfit> {
        self.facts.seat.as_ref().ok_or_else(|| Unfit::UnknownGrid { grid: grid.clone() })
    }

    /// An active matter of the catalogue.
    pub fn matter(&self, matter: &MatterCode) -> Result<&MatterFacts, Unfit> {
        self.facts.matters.get(matter).ok_or_else(|| Unfit::UnknownMatter { matter: matter.clone() })
    }

    /// An active department.
    pub fn department(&self, department: &DepartmentCode) -> Result<&DepartmentFacts, Unfit> {
        let unknown = || Unfit::UnknownDepartment { department: department.clone() };
        self.facts.departments.get(department).ok_or_else(unknown)
    }

    /// The files with these digests. An unknown one is refused: nobody could look at it later.
    pub fn evidence(&self, digests: &[Digest]) -> Result<Vec<Evidence>, Unfit> {
        let known = |sha256: &Digest| {
            self.facts.evidence.get(sha256).cloned().ok_or(Unfit::UnknownEvidence { sha256: *sha256 })
        };
        digests.iter().map(known).collect()
    }

    /// Refuses a moment in the future, and one more than [`PAST_YEARS_MAX`] years ago: what is reported has happened, and not in
    /// another age.
    pub fn has_happened(&self, moment: DateTime<Utc>) -> Result<(), Unfit> {
        let floor = self.at.checked_sub_months(Months::new(PAST_YEARS_MAX * 12));
        match moment {
            _ if moment > self.at => Err(Unfit::InTheFuture { moment }),
            _ if floor.is_some_and(|floor| moment < floor) => Err(Unfit::TooLongAgo { moment }),
            _ => Ok(()),
        }
    }
}
