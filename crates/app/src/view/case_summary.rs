//! Where every case stands: the row behind `GET /cases/{id}` and behind the board of a grid.

use std::collections::BTreeMap;

use case::{CaseEvent, Outcome, Part, Source, Stage, Urgency};
use chrono::{DateTime, Utc};
use kernel::{CaseId, DepartmentCode, GridCode, MatterCode, Obligation, OrderId, Position, Version};
use litemap::LiteMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::View;
use super::after::{Next, obligation_after, order_after, stage_after};
use crate::event::Read;
use crate::port::ViewSpec;

/// Where a case stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseSummary {
    /// The case.
    pub case: CaseId,
    /// The case number, once it is filed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// What it is about.
    pub title: String,
    /// Where it stands.
    pub stage: Stage,
    /// 1, and one more for each reopening.
    pub cycle: u32,
    /// How it was found.
    pub source: Source,
    /// The grid in which it is and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    /// The street or town.
    pub grid_1: GridCode,
    /// The grid one level below, and so on down to the one in which it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_2: Option<GridCode>,
    /// Level 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_3: Option<GridCode>,
    /// Level 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_4: Option<GridCode>,
    /// The matter, once it is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<MatterCode>,
    /// Its name as pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter_name: Option<String>,
    /// How urgent it is.
    pub urgency: Urgency,
    /// The line of a problem list it comes from, as `LIST/LINE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_line: Option<String>,
    /// Its orders of every cycle.
    // Most cases have one, for which a `BTreeMap` would take room for eleven.
    #[schemars(with = "BTreeMap<OrderId, SummaryOrder>")]
    pub orders: LiteMap<OrderId, SummaryOrder>,
    /// The current version of its proposal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal_version: Option<u32>,
    /// How many meetings were held.
    pub meetings: u32,
    /// How often its verification failed.
    pub rework: u32,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The case it was merged into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<CaseId>,
    /// Who has to do what until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
    /// When it was recorded.
    pub discovered_at: DateTime<Utc>,
    /// When its newest event was recorded.
    pub updated_at: DateTime<Utc>,
    /// Number of its events.
    pub version: Version,
    /// Position of its first event.
    pub position: Position,
}

/// One department's part, in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SummaryOrder {
    /// Whose it is.
    pub department: DepartmentCode,
    /// Lead or assisting.
    pub part: Part,
    /// The round of work.
    pub cycle: u32,
    /// Where it stands: sent, accepted, return_review, returned, disposed, rework.
    pub status: String,
}

/// The fold.
pub struct CaseSummaryView;

impl View for CaseSummaryView {
    const SPEC: ViewSpec = ViewSpec {
        name: "case_summary",
        version: 2,
        indexes: &[
            &["alike"],
            &["grid_1"],
            &["grid_2"],
            &["grid_3"],
            &["grid_4"],
            &["grid_1", "stage"],
            &["grid_2", "stage"],
            &["grid_3", "stage"],
            &["grid_4", "stage"],
        ],
    };
    type Row = CaseSummary;

    fn keys(event: &Read<'_>) -> [Option<Uuid>; 2] {
        [event.case().map(|(case, _)| case.uuid()), None]
    }

    fn fold(_key: Uuid, row: &mut Option<CaseSummary>, event: &Read<'_>) {
        let Some((case, kind)) = event.case() else { return };
        if let (None, CaseEvent::IssueDiscovered(discovered)) = (&row, kind) {
            *row = CaseSummary::new(case, discovered, event);
        }
        let Some(row) = row else { return };
        row.apply(kind);
        row.version = event.recorded.version;
        row.updated_at = event.recorded.time;
    }

    fn is_settled(row: &CaseSummary) -> bool {
        row.stage.is_final()
    }

    fn sort(row: &CaseSummary) -> i64 {
        row.position.0.cast_signed()
    }

    fn field(row: &CaseSummary, name: &str) -> Option<String> {
        match name {
            "grid_1" => Some(row.grid_1.to_string()),
            "grid_2" => row.grid_2.as_ref().map(ToString::to_string),
            "grid_3" => row.grid_3.as_ref().map(ToString::to_string),
            "grid_4" => row.grid_4.as_ref().map(ToString::to_string),
            "stage" => Some(row.stage.as_str().to_owned()),
            "alike" if row.stage.is_final() => None,
            "alike" => Some(CaseSummary::alike(row.grids.first()?, row.matter.as_ref()?)),
            _ => None,
        }
    }
}

impl CaseSummary {
    /// What open cases of one matter in one grid have in common: among them duplicates are looked for.
    pub(crate) fn alike(grid: &GridCode, matter: &MatterCode) -> String {
        format!("{grid}/{matter}")
    }

    fn new(case: CaseId, discovered: &case::IssueDiscovered, event: &Read<'_>) -> Option<Self> {
        let mut down = discovered.grid.path.iter().rev().cloned();
        Some(Self {
            case,
            number: None,
            title: discovered.title.clone(),
            stage: Stage::Discovered,
            cycle: 1,
            source: discovered.source,
            grids: discovered.grid.path.clone(),
            grid_1: down.next()?,
            grid_2: down.next(),
            grid_3: down.next(),
            grid_4: down.next(),
            matter: None,
            matter_name: None,
            urgency: Urgency::Ordinary,
            list_line: discovered.list_line.as_ref().map(|line| format!("{}/{}", line.list, line.line)),
            orders: LiteMap::with_capacity(1),
            proposal_version: None,
            meetings: 0,
            rework: 0,
            outcome: None,
            merged_into: None,
            next: None,
            discovered_at: event.recorded.time,
            updated_at: event.recorded.time,
            version: event.recorded.version,
            position: event.recorded.position,
        })
    }

    fn apply(&mut self, event: &CaseEvent) {
        self.apply_facts(event);
        self.apply_order(event);
        if let Some(stage) = stage_after(self.stage, event) {
            self.stage = stage;
        }
        if let Some(Next(next)) = obligation_after(event) {
            self.next = next.cloned();
        }
    }

    fn apply_facts(&mut self, event: &CaseEvent) {
        match event {
            CaseEvent::IssueRegistered(event) => {
                self.matter = Some(event.matter.code.clone());
                self.matter_name = Some(event.matter.name.clone());
                self.urgency = event.urgency;
            }
            CaseEvent::CaseFiled(event) => {
                self.number = Some(event.number.clone());
                self.matter = Some(event.matter.code.clone());
                self.matter_name = Some(event.matter.name.clone());
            }
            CaseEvent::IssueMerged(event) => self.merged_into = Some(event.into),
            CaseEvent::ProposalRevised(event) => self.proposal_version = Some(event.version),
            CaseEvent::MeetingHeld(_) => self.meetings += 1,
            CaseEvent::VerificationFailed(_) => self.rework += 1,
            CaseEvent::CaseClosed(event) => self.outcome = Some(event.outcome),
            CaseEvent::CaseReopened(event) => {
                self.cycle = event.cycle;
                self.outcome = None;
            }
            _ => {}
        }
    }

    fn apply_order(&mut self, event: &CaseEvent) {
        if let CaseEvent::OrderDispatched(sent) = event {
            let (department, part) = (sent.order.department.clone(), sent.order.part);
            let order = SummaryOrder { department, part, cycle: sent.cycle, status: String::new() };
            self.orders.insert(sent.order.order, order);
        }
        let Some((id, status)) = order_after(event) else { return };
        if let Some(order) = self.orders.get_mut(&id) {
            status.clone_into(&mut order.status);
        }
    }
}
