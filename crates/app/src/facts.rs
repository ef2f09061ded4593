//! What a decision on a case may know of everything else: looked up here, pinned by its events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use case::{
    Authority, Case, CaseCommand, ConsentRuleFacts, DepartmentFacts, Facts, GridFacts, MatterFacts, MergeTarget, Share,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::digest::Digest;
use kernel::{CaseId, DepartmentCode, Due, Evidence, GridCode, MatterCode, Step};

use rules::RulesError;

use crate::query::folded;
use crate::reference::Known;
use crate::{App, Error};

/// How many suspected duplicates are named.
const SIMILAR_MAX: u32 = 20;
/// How long a registration waits for the view that knows them.
const SIMILAR_PATIENCE: Duration = Duration::from_secs(1);

impl App {
    pub(crate) async fn facts(
        &self,
        id: CaseId,
        command: &CaseCommand,
        case: &Case,
        known: &Known,
        now: DateTime<Utc>,
    ) -> Result<Facts, Error> {
        let matter = matter_named(command)
            .or_else(|| case.file.as_ref().and_then(|file| file.matter()).map(|matter| matter.code.clone()));
        let mut without_due = BTreeMap::new();
        let mut due = |step, due: Result<Due, RulesError>| {
            due.inspect_err(|error| drop(without_due.insert(step, error.to_string()))).ok()
        };
        let steps = Step::ALL.into_iter().filter_map(|step| Some((step, due(step, known.rules.due(step, now))?)));
        let mut facts = Facts {
            steps: steps.collect(),
            grid: grid_named(command).and_then(|grid| known.grid(grid, now)),
            matter: matter.as_ref().and_then(|code| known.matter(code, now)),
            departments: known.departments(departments_named(command), matter.as_ref(), now),
            disposal: matter.as_ref().and_then(|code| due(Step::Dispose, known.rules.matter_due(code, now))),
            return_window: due(Step::DecideReturn, known.rules.return_window(now)),
            reopen_window: due(Step::RouteAgain, known.rules.reopen_window(now)),
            consent_rule: consent_rule_named(command).and_then(|id| known.consent_rule(id, now)),
            evidence: self.evidence_of(evidence_named(command)).await?,
            ..Facts::default()
        };
        facts.without_due = without_due;
        match command {
            CaseCommand::DiscoverIssue(discover) if case.file.is_none() => {
                if let Some(reporter) = &discover.reporter {
                    facts.reporter = Some(self.seal(id, reporter).await?);
                }
            }
            CaseCommand::FileCase(_) => facts.criteria = known.criteria(now),
            CaseCommand::RegisterIssue(register) => facts.similar = self.similar(id, case, &register.matter).await,
            CaseCommand::MergeIssue(merge) => facts.merge_target = self.merge_target(id, merge.into).await?,
            _ => {}
        }
        Ok(facts)
    }

    async fn evidence_of(&self, digests: Vec<Digest>) -> Result<BTreeMap<Digest, Evidence>, Error> {
        let mut found = BTreeMap::new();
        // More than any command takes is refused by the decision: no need to look all of them up.
        for sha256 in digests.into_iter().take(64) {
            let evidence = match self.evidence.get(&sha256) {
                Some(evidence) => Some(evidence),
                None => self.ports.evidence.find(sha256).await?,
            };
            if let Some(evidence) = evidence {
                self.evidence.insert(sha256, evidence.clone());
                found.insert(sha256, evidence);
            }
        }
        Ok(found)
    }

    async fn merge_target(&self, id: CaseId, into: CaseId) -> Result<Option<MergeTarget>, Error> {
        let (own, target) = (self.recorded(id).await?, self.recorded(into).await?);
        // The first event of each: the order of all cases, for ever.
        let (Some(own), Some(first)) = (own.first(), target.first()) else { return Ok(None) };
        let open = !folded(&target)?.stage.is_final();
        Ok(Some(MergeTarget { case: into, open, older: first.position < own.position }))
    }

    /// Open cases of the same matter in the same grid, as the view shows them: a hint for people. It may be late, and
    /// a view that is away or being built is no reason to refuse a command.
    async fn similar(&self, id: CaseId, case: &Case, matter: &MatterCode) -> BTreeSet<CaseId> {
        let Some(grid) = case.file.as_ref().and_then(|file| file.grids.first()) else { return BTreeSet::new() };
        // One more than is told: the case itself may be among them.
        let look = self.summaries_alike(grid, matter, SIMILAR_MAX + 1);
        let rows = match tokio::time::timeout(SIMILAR_PATIENCE, look).await {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => {
                tracing::warn!(case.id = %id, %error, "registered without a look for duplicates");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!(case.id = %id, "the view did not answer: registered without a look for duplicates");
                Vec::new()
            }
        };
        rows.into_iter().map(|row| row.case).filter(|case| *case != id).take(SIMILAR_MAX as usize).collect()
    }
}

impl Known {
    fn grid(&self, code: &GridCode, at: DateTime<Utc>) -> Option<GridFacts> {
        let node = self.district.grid(code, at)?;
        Some(GridFacts {
            path: self.district.path(code, at),
            name: node.name.clone(),
            lowest: node.network == grid::Network::Party && self.district.is_leaf(code, at),
            party_org: self.district.owning_party_org(code, at).map(|org| org.code.clone()),
            administrative: self.district.administrative_grids(code, at),
        })
    }

    fn matter(&self, code: &MatterCode, at: DateTime<Utc>) -> Option<MatterFacts> {
        let matter = self.rules.matter(code, at)?;
        let authority = match matter.authority {
            rules::Authority::Community => Authority::Community,
            rules::Authority::Administrative => Authority::Administrative,
        };
        let rules_version = self.rules.version();
        Some(MatterFacts { code: code.clone(), name: matter.name.clone(), authority, rules_version })
    }

    fn departments(
        &self,
        named: Vec<&DepartmentCode>,
        matter: Option<&MatterCode>,
        at: DateTime<Utc>,
    ) -> BTreeMap<DepartmentCode, DepartmentFacts> {
        let facts = |code: &DepartmentCode| {
            let department = self.district.department(code, at)?;
            let owns_matter = matter.is_some_and(|matter| department.owns(matter, at));
            Some((code.clone(), DepartmentFacts { name: department.name.clone(), owns_matter }))
        };
        named.into_iter().filter_map(facts).collect()
    }

    /// The day as the district counts it; as UTC does where no calendar was published.
    pub(crate) fn today(&self, at: DateTime<Utc>) -> NaiveDate {
        let minutes = self.rules.calendars().last().map_or(0, |calendar| calendar.utc_offset_minutes);
        (at + TimeDelta::minutes(i64::from(minutes))).date_naive()
    }

    fn criteria(&self, now: DateTime<Utc>) -> Vec<String> {
        self.rules.filing_criteria(now).iter().map(|criterion| criterion.text.clone()).collect()
    }

    /// The rule, if it applies to a decision of now and counts heads alone. Areas come with consent polls.
    fn consent_rule(&self, id: &str, now: DateTime<Utc>) -> Option<ConsentRuleFacts> {
        let rule = self.rules.consent_rule(id).filter(|rule| rule.applies(now) && rule.area.is_none())?;
        let share = |fraction: Option<rules::Fraction>| {
            fraction.map(|rules::Fraction { numerator, denominator, exceeded }| Share {
                numerator,
                denominator,
                exceeded,
            })
        };
        Some(ConsentRuleFacts {
            id: rule.id.clone(),
            participated_of_invited: share(rule.heads.participated_of_invited),
            agreed_of_invited: share(rule.heads.agreed_of_invited),
            agreed_of_participated: share(rule.heads.agreed_of_participated),
            rules_version: self.rules.version(),
        })
    }
}

fn grid_named(command: &CaseCommand) -> Option<&GridCode> {
    match command {
        CaseCommand::DiscoverIssue(command) => Some(&command.grid),
        _ => None,
    }
}

fn matter_named(command: &CaseCommand) -> Option<MatterCode> {
    match command {
        CaseCommand::RegisterIssue(command) => Some(command.matter.clone()),
        CaseCommand::FileCase(command) => command.matter.clone(),
        _ => None,
    }
}

fn departments_named(command: &CaseCommand) -> Vec<&DepartmentCode> {
    match command {
        CaseCommand::DispatchCase(command) => std::iter::once(&command.lead).chain(&command.assist).take(64).collect(),
        _ => Vec::new(),
    }
}

fn consent_rule_named(command: &CaseCommand) -> Option<&str> {
    match command {
        CaseCommand::OpenDeliberation(command) => command.consent_rule.as_deref(),
        _ => None,
    }
}

fn evidence_named(command: &CaseCommand) -> Vec<Digest> {
    match command {
        CaseCommand::DiscoverIssue(command) => command.evidence.clone(),
        CaseCommand::HandleInGrid(command) => {
            command.done.as_ref().map(|done| done.evidence.clone()).unwrap_or_default()
        }
        CaseCommand::HoldMeeting(command) => vec![command.minutes],
        CaseCommand::RecordProgress(command) => command.evidence.clone(),
        CaseCommand::SubmitDisposal(command) => command.evidence.clone(),
        CaseCommand::VerifyCase(command) => command.evidence.clone(),
        _ => Vec::new(),
    }
}
