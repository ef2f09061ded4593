use std::mem;

use chrono::{DateTime, Utc};
use kernel::view::{Order, words_of};
use kernel::{Allowed, CaseId, GridCode, Key, MatterCode, Obligation, Place, Position, Read, Version, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::CASE_READERS;
use crate::{CaseEvent, IssueDiscovered, OrderPart, Outcome, Parts, Source, Stage, Standing, Urgency};

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseSummary {
    pub case: CaseId,
    /// The case number for people, once it is filed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    pub title: String,
    /// Derived from the parts.
    pub stage: Stage,
    /// The round of work: 1, and one more for each reopening.
    pub cycle: u32,
    /// What is worked on, each part with its state and what must be done next on it.
    pub parts: Parts,
    /// What must be done next in the part that gives the case its stage. Absent once nobody must act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
    pub source: Source,
    /// The grid in which it is and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    /// The matter, once it is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<MatterCode>,
    /// The name of the matter as pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter_name: Option<String>,
    pub urgency: Urgency,
    /// The line of a problem list it comes from, as `LIST/LINE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_line: Option<String>,
    /// The current version of its proposal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_version: Option<u32>,
    /// How often its source told of it: 1, and one more for each report that was added.
    pub reports: u32,
    /// How many words of cases that were merged into it were passed on to it.
    pub words: u32,
    /// How many meetings were held.
    pub meetings: u32,
    /// How often its verification failed.
    pub rework: u32,
    /// How it ended, while it is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The case in which it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<CaseId>,
    /// Other cases that ended in this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_in: Vec<CaseId>,
    /// When it was recorded.
    pub discovered_at: DateTime<Utc>,
    /// When its newest event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The number of its events.
    pub version: Version,
    /// The position of its first event.
    pub position: Position,
}

/// The cases, as they stand.
pub struct CaseSummaryView;

impl View for CaseSummaryView {
    const NAME: &'static str = "case_summary";
    const PATH: &'static str = "cases";
    const ABOUT: &'static str = "Cases, as they stand";
    const ACTION: &'static str = "read-cases";
    const READ: Allowed = CASE_READERS;
    const FROM: &'static [&'static str] = &["case"];
    const FILTERS: &'static [&'static [&'static str]] = &[&["grid"], &["grid", "stage"], &["open_in"], &["open_at"]];
    const ORDER: Order = Order::Descending;
    const IS_OF_ONE: bool = true;
    type Row = CaseSummary;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        if event.of::<CaseEvent>().is_some() {
            touch(event.id().into());
        }
    }

    fn fold(_key: &Key, row: &mut Option<CaseSummary>, event: &Read<'_>) {
        let Some(kind) = event.of::<CaseEvent>() else { return };
        if let (None, CaseEvent::IssueDiscovered(discovered)) = (&row, kind) {
            *row = Some(CaseSummary::new(discovered, event));
        }
        let Some(row) = row else { return };
        row.stand(kind);
        row.note(kind);
        row.version = event.recorded.version;
        row.updated_at = event.time();
    }

    fn place(row: &CaseSummary) -> Place {
        let departments = row.parts.orders.iter().map(|order| order.department.clone()).collect();
        Place { departments, ..Place::in_grids(&row.grids) }
    }

    fn sort(row: &CaseSummary) -> i64 {
        row.position.0.cast_signed()
    }

    fn words(filter: &str) -> Option<Vec<String>> {
        (filter == "stage").then(words_of::<Stage>)
    }

    fn values(row: &CaseSummary, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            "grid" => row.grids.iter().for_each(|grid| give(grid.as_str())),
            "stage" => give(row.stage.as_str()),
            // Where somebody must still act, in exactly this grid: what follows the grid when that is closed or moved.
            // The departments that must still act on an order, or wait for the answer to its return: what is taken back from one that
            // is closed.
            "open_at" => row.open_orders().for_each(|order| give(order.department.as_str())),
            "open_in" if row.next.is_some() => row.grids.first().iter().for_each(|grid| give(grid.as_str())),
            _ => {}
        }
    }

    fn is_settled(row: &CaseSummary) -> bool {
        row.stage.is_final()
    }
}

impl CaseSummary {
    fn new(discovered: &IssueDiscovered, event: &Read<'_>) -> Self {
        Self {
            case: discovered.case,
            number: None,
            title: discovered.title.clone(),
            stage: Stage::Discovered,
            cycle: Standing::default().cycle,
            parts: Parts::default(),
            next: None,
            source: discovered.source,
            grids: discovered.grid.path.clone(),
            matter: None,
            matter_name: None,
            urgency: Urgency::Ordinary,
            list_line: discovered.list_line.as_ref().map(|line| format!("{}/{}", line.list, line.line)),
            proposal_version: None,
            reports: 1,
            words: 0,
            meetings: 0,
            rework: 0,
            outcome: None,
            merged_into: None,
            taken_in: Vec::new(),
            discovered_at: event.time(),
            updated_at: event.time(),
            version: event.recorded.version,
            position: event.position(),
        }
    }

    fn open_orders(&self) -> impl Iterator<Item = &OrderPart> {
        self.parts.orders.iter().filter(|order| order.cycle == self.cycle && order.next.is_some())
    }

    fn stand(&mut self, event: &CaseEvent) {
        let mut standing = Standing { cycle: self.cycle, parts: mem::take(&mut self.parts) };
        standing.apply(event);
        self.stage = standing.stage();
        if standing.next() != self.next.as_ref() {
            self.next = standing.next().cloned();
        }
        Standing { cycle: self.cycle, parts: self.parts } = standing;
    }

    fn note(&mut self, event: &CaseEvent) {
        match event {
            CaseEvent::IssueRegistered(event) => {
                self.matter = Some(event.matter.code.clone());
                self.matter_name = Some(event.matter.name.clone());
                self.urgency = self.urgency.max(event.urgency);
            }
            CaseEvent::CaseFiled(event) => {
                self.number = Some(event.number.clone());
                self.matter = Some(event.matter.code.clone());
                self.matter_name = Some(event.matter.name.clone());
            }
            CaseEvent::IssueMerged(event) => self.merged_into = Some(event.into),
            CaseEvent::IssueTakenIn(event) => {
                self.urgency = self.urgency.max(event.urgency);
                self.taken_in.push(event.from);
            }
            CaseEvent::ProposalRevised(event) => self.proposal_version = Some(event.version),
            CaseEvent::ReportAdded(event) => self.reports = event.number,
            CaseEvent::WordTakenIn(event) => self.words = event.number,
            CaseEvent::MeetingHeld(_) => self.meetings += 1,
            CaseEvent::VerificationFailed(_) => self.rework += 1,
            CaseEvent::CaseClosed(event) => self.outcome = Some(event.outcome),
            CaseEvent::CaseReopened(_) => self.outcome = None,
            CaseEvent::CaseMoved(event) => self.grids.clone_from(&event.grid.path),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        CASE, GRID, discovered, dispatched_case, filed_case, matter_code, merged, rows, second_cycle, voided,
    };

    fn summary(events: impl IntoIterator<Item = CaseEvent>) -> CaseSummary {
        let mut rows = rows::<CaseSummaryView>(events);
        assert_eq!(rows.len(), 1);
        rows.remove(&Key::Id(CASE.uuid())).unwrap()
    }

    fn values(row: &CaseSummary, filter: &str) -> Vec<String> {
        let mut values = Vec::new();
        CaseSummaryView::values(row, filter, &mut |value| values.push(value.to_owned()));
        values
    }

    #[test]
    fn a_case_is_shown_as_it_stands() {
        let found = summary([discovered()]);
        assert_eq!((found.stage, found.version, found.number), (Stage::Discovered, Version(1), None));
        let filed = summary(filed_case());
        assert_eq!(filed.number.as_deref(), Some("BZ-20260302-51806"));
        assert_eq!((filed.stage, filed.matter), (Stage::Filed, Some(matter_code())));
        let sent = summary(dispatched_case());
        assert_eq!(sent.parts.orders.len(), 2);
        assert!(sent.parts.orders.iter().all(|order| order.next.is_some()), "every part says what is next");
        assert_eq!(sent.next, sent.parts.orders[0].next, "the lead's order gives the case its stage");
        let again = summary(second_cycle(true));
        assert_eq!((again.cycle, again.outcome), (2, None), "the new round of work has no outcome yet");
    }

    #[test]
    fn it_is_found_by_every_grid_above_it_and_by_its_stage() {
        let row = summary(filed_case());
        assert_eq!(values(&row, "grid"), [GRID, "BZ-R01", "BZ"]);
        assert_eq!(values(&row, "stage"), ["filed"]);
        for over in [merged(CaseId::named("target")), voided()] {
            let over = summary([discovered(), over]);
            assert_eq!(over.next, None);
        }
    }
}
