//! What a decision may know beside the case itself. The caller looks it up and it goes into the events, so that a
//! history can be read without today's tables.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use kernel::digest::Digest;
use kernel::{
    Actor, CaseId, DepartmentCode, Due, Evidence, GridCode, MatterCode, Obligation, Party, PartyOrgCode, Role, Step,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CaseCommand, CaseFile, ConsentRuleFacts, Refusal, Reporter};

/// A command with everything its decision may know.
#[derive(Clone, Debug)]
pub struct Instruction {
    /// What is asked.
    pub command: CaseCommand,
    /// When, by whom, on which case, and what is known.
    pub context: Context,
}

/// When, by whom, on which case, and what is known.
#[derive(Clone, Debug)]
pub struct Context {
    /// The case.
    pub id: CaseId,
    /// Now.
    pub at: DateTime<Utc>,
    /// Today, as the district counts its days.
    pub today: NaiveDate,
    /// Who asks.
    pub by: Actor,
    /// What other aggregates know.
    pub facts: Facts,
}

/// What other aggregates know as of now. Only what the command names is filled in; absent is unknown.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The grid that the command names.
    pub grid: Option<GridFacts>,
    /// The matter that the command names, or the one the case was registered under.
    pub matter: Option<MatterFacts>,
    /// The departments that the command names and that exist.
    pub departments: BTreeMap<DepartmentCode, DepartmentFacts>,
    /// For each step the due time if it begins now.
    pub steps: BTreeMap<Step, Due>,
    /// Steps whose limit gives no due time now, and why.
    pub without_due: BTreeMap<Step, String>,
    /// Due time of the disposal of the matter if it begins now.
    pub disposal: Option<Due>,
    /// Until when an order that is sent now can be returned.
    pub return_window: Option<Due>,
    /// Until when a case that is closed now can be reopened.
    pub reopen_window: Option<Due>,
    /// The consent rule that the command or the deliberation names.
    pub consent_rule: Option<ConsentRuleFacts>,
    /// What the rules ask when a case is filed, in their words.
    pub criteria: Vec<String>,
    /// The files that the command names and that are in the evidence store.
    pub evidence: BTreeMap<Digest, Evidence>,
    /// The reporter, already sealed.
    pub reporter: Option<Reporter>,
    /// The case into which this one is to be merged.
    pub merge_target: Option<MergeTarget>,
    /// Open cases of the same matter in the same grid, as far as the views know them.
    pub similar: BTreeSet<CaseId>,
}

/// A grid as of now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GridFacts {
    /// The grid and every grid above it, itself first, the street or town last.
    pub path: Vec<GridCode>,
    /// Its name.
    pub name: String,
    /// Whether issues are located in it: a grid of the party network with no grid below.
    pub lowest: bool,
    /// The party organisation that owns its issues (一切工作到支部).
    pub party_org: Option<PartyOrgCode>,
    /// The grids of the administrative network that belong to it.
    pub administrative: Vec<GridCode>,
}

/// Who has to solve a matter in the first place.
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
    /// Who has to solve it.
    pub authority: Authority,
    /// Version of the rules it stands in.
    pub rules_version: u32,
}

/// A department as of now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepartmentFacts {
    /// Its name.
    pub name: String,
    /// Whether the matter of the case is on its list.
    pub owns_matter: bool,
}

/// The case into which another is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeTarget {
    /// The case.
    pub case: CaseId,
    /// Whether it can still take one in.
    pub open: bool,
    /// Whether it was recorded before this one.
    pub older: bool,
}

impl Context {
    /// The obligation to take `step`, due from now by its limit.
    pub(crate) fn oblige(&self, step: Step, by: Party) -> Result<Obligation, Refusal> {
        let due = self.facts.steps.get(&step).ok_or_else(|| self.no_due(step))?.clone();
        Ok(Obligation { step, by, due })
    }

    /// The refusal for a step without a due time.
    pub(crate) fn no_due(&self, step: Step) -> Refusal {
        match self.facts.without_due.get(&step) {
            Some(reason) => Refusal::NoDueTime { step, reason: reason.clone() },
            None => Refusal::NoLimit { step },
        }
    }

    /// The files with these digests. An unknown one is refused: nobody could look at it later.
    pub(crate) fn evidence(&self, digests: &[Digest]) -> Result<Vec<Evidence>, Refusal> {
        let known = |sha256: &Digest| {
            self.facts.evidence.get(sha256).cloned().ok_or(Refusal::UnknownEvidence { sha256: *sha256 })
        };
        digests.iter().map(known).collect()
    }

    /// Refuses a moment that lies ahead: what is reported has happened.
    pub(crate) fn has_happened(&self, moment: DateTime<Utc>) -> Result<(), Refusal> {
        if moment > self.at { Err(Refusal::InTheFuture { moment }) } else { Ok(()) }
    }
}

/// The holder of `role` in `grid`.
pub(crate) fn in_grid(role: Role, grid: &GridCode) -> Party {
    Party { role, grid: Some(grid.clone()), department: None }
}

/// The clerks of `department`.
pub(crate) fn at_department(department: &DepartmentCode) -> Party {
    Party { role: Role::DepartmentClerk, grid: None, department: Some(department.clone()) }
}

impl CaseFile {
    /// The grid leader of the grid in which the issue is.
    pub(crate) fn grid_leader(&self) -> Party {
        in_grid(Role::GridLeader, &self.grids[0])
    }
    /// The secretary of the grid one level up: escalation walks actual parents.
    pub(crate) fn secretary(&self) -> Party {
        in_grid(Role::ResidentialSecretary, self.grids.get(1).unwrap_or(&self.grids[0]))
    }
    /// `role` at the grid centre of the street or town.
    pub(crate) fn centre(&self, role: Role) -> Party {
        in_grid(role, self.grids.last().unwrap_or(&self.grids[0]))
    }
}
