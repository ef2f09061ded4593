//! The closed chain (闭合链): every case that is not closed, with who has to do what until when.
//!
//! A case has one row, under its id; each order of an assisting department has one of its own, under the order's id.

use case::CaseEvent;
use kernel::{CaseId, GridCode, Obligation, OrderId, Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::View;
use super::after::{Next, assisting_obligation_after, obligation_after};
use crate::event::Read;
use crate::port::ViewSpec;

/// What has to be done next in one case.
///
/// The row of a closed case stays, with `open` at `no`: the case may be reopened, and a view never looks into the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenObligation {
    /// The case.
    pub case: CaseId,
    /// The order of an assisting department; absent in the row of the case itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// What it is about.
    pub title: String,
    /// The street or town.
    pub grid_1: GridCode,
    /// Level 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_2: Option<GridCode>,
    /// Level 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_3: Option<GridCode>,
    /// Level 4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid_4: Option<GridCode>,
    /// The department that has to act, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// `yes` or `no`.
    pub open: String,
    /// Who has to do what until when; absent once the case is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
    /// Position of the case's first event.
    pub position: Position,
}

/// The fold.
pub struct OpenObligationView;

impl View for OpenObligationView {
    const SPEC: ViewSpec = ViewSpec {
        name: "open_obligation",
        version: 2,
        indexes: &[
            &["open"],
            &["grid_1", "open"],
            &["grid_2", "open"],
            &["grid_3", "open"],
            &["grid_4", "open"],
            &["department", "open"],
        ],
    };
    type Row = OpenObligation;

    fn keys(event: &Read<'_>) -> [Option<Uuid>; 2] {
        let Some((case, event)) = event.case() else { return [None, None] };
        let moved = obligation_after(event).map(|_| case.uuid());
        [moved, assisting_obligation_after(event).map(|(order, _)| order.uuid())]
    }

    fn fold(key: Uuid, row: &mut Option<OpenObligation>, event: &Read<'_>) {
        let Some((case, kind)) = event.case() else { return };
        let position = event.recorded.position;
        let after = if key == case.uuid() {
            obligation_after(kind)
        } else {
            assisting_obligation_after(kind).map(|(_, next)| next)
        };
        // The event is not about this row, and then the row is not asked for.
        let Some(Next(next)) = after else { return };
        match (&row, kind) {
            (None, CaseEvent::IssueDiscovered(found)) => {
                *row = OpenObligation::new(case, None, &found.title, &found.grid.path, position);
            }
            (None, CaseEvent::OrderDispatched(sent)) => {
                *row = OpenObligation::new(case, Some(sent.order.order), &sent.order.title, &sent.grids, position);
            }
            _ => {}
        }
        let Some(row) = row else { return };
        row.department = next.and_then(|next| next.by.department.as_ref()).map(ToString::to_string);
        row.next = next.cloned();
        row.open = if next.is_some() { "yes".into() } else { "no".into() };
    }

    fn is_settled(row: &OpenObligation) -> bool {
        row.next.is_none()
    }

    fn sort(row: &OpenObligation) -> i64 {
        // The most urgent first; cases that are due in the same second in the order in which they were found.
        let due = row.next.as_ref().map_or(0, |next| next.due.at.timestamp());
        (due << 31) | (row.position.0 & 0x7fff_ffff).cast_signed()
    }

    fn field(row: &OpenObligation, name: &str) -> Option<String> {
        match name {
            "grid_1" => Some(row.grid_1.to_string()),
            "grid_2" => row.grid_2.as_ref().map(ToString::to_string),
            "grid_3" => row.grid_3.as_ref().map(ToString::to_string),
            "grid_4" => row.grid_4.as_ref().map(ToString::to_string),
            "department" => row.department.clone(),
            "open" => Some(row.open.clone()),
            _ => None,
        }
    }
}

impl OpenObligation {
    fn new(case: CaseId, order: Option<OrderId>, title: &str, grids: &[GridCode], position: Position) -> Option<Self> {
        let mut down = grids.iter().rev().cloned();
        Some(Self {
            case,
            order,
            title: title.to_owned(),
            grid_1: down.next()?,
            grid_2: down.next(),
            grid_3: down.next(),
            grid_4: down.next(),
            department: None,
            open: String::new(),
            next: None,
            position,
        })
    }
}
