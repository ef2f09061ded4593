//! The closed chain (闭合链): every case that is not closed, with who has to do what until when.

use kernel::{CaseId, GridCode, Obligation, Position};
use serde::{Deserialize, Serialize};

use super::View;
use super::after::obligation_after;
use crate::event::Read;
use crate::port::ViewSpec;

/// What has to be done next in one case.
///
/// The row of a closed case stays, with `open` at `no`: the case may be reopened, and a view never looks into the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenObligation {
    /// The case.
    pub case: CaseId,
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
        version: 1,
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

    fn keys(event: &Read<'_>) -> Vec<String> {
        let moved = event.case().filter(|(_, event)| obligation_after(event).is_some());
        moved.map(|(case, _)| vec![case.to_string()]).unwrap_or_default()
    }

    fn fold(_key: &str, row: Option<OpenObligation>, event: &Read<'_>) -> Option<OpenObligation> {
        let (case, kind) = event.case()?;
        let mut row = match (row, kind) {
            (Some(row), _) => row,
            (None, case::CaseEvent::IssueDiscovered(discovered)) => {
                let mut down = discovered.grid.path.iter().rev().cloned();
                OpenObligation {
                    case,
                    title: discovered.title.clone(),
                    grid_1: down.next()?,
                    grid_2: down.next(),
                    grid_3: down.next(),
                    grid_4: down.next(),
                    department: None,
                    open: String::new(),
                    next: None,
                    position: event.recorded.position,
                }
            }
            (None, _) => return None,
        };
        if let Some(next) = obligation_after(kind) {
            row.department = next.and_then(|next| next.by.department.as_ref()).map(ToString::to_string);
            row.next = next.cloned();
            row.open = if next.is_some() { "yes".into() } else { "no".into() };
        }
        Some(row)
    }

    fn sort(row: &OpenObligation) -> i64 {
        // The most urgent first; cases that are due in the same second in the order in which they were found.
        let due = row.next.as_ref().map_or(0, |next| next.due.at.timestamp());
        (due << 31) | (row.position.0 & 0x7fff_ffff).cast_signed()
    }
}
