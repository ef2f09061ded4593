//! The orders of every department: the row behind a department's inbox.

use case::{CaseEvent, OrderDispatched};
use chrono::{DateTime, Utc};
use kernel::{OrderId, Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::View;
use super::after::order_after;
use crate::event::Read;
use crate::port::ViewSpec;

/// One order of a department.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentOrder {
    /// The order.
    pub id: OrderId,
    /// Whose it is; what pages are filtered by.
    pub department: String,
    /// sent, accepted, return_review, returned, disposed or rework.
    pub status: String,
    /// As it was sent: everything that the department needs.
    pub sent: OrderDispatched,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
    /// When it last moved.
    pub updated_at: DateTime<Utc>,
    /// Whether it was accepted late.
    #[serde(default)]
    pub accepted_late: bool,
    /// Whether it was disposed late.
    #[serde(default)]
    pub disposed_late: bool,
    /// The last progress that was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Position of the event that sent it.
    pub position: Position,
}

/// The fold.
pub struct DepartmentOrderView;

impl View for DepartmentOrderView {
    const SPEC: ViewSpec =
        ViewSpec { name: "department_order", version: 2, indexes: &[&["department"], &["department", "status"]] };
    type Row = DepartmentOrder;

    fn keys(event: &Read<'_>) -> Vec<String> {
        let Some((_, event)) = event.case() else { return Vec::new() };
        let order = match event {
            CaseEvent::OrderProgressRecorded(event) => Some(event.order.order),
            event => order_after(event).map(|(order, _)| order),
        };
        order.map(|order| vec![order.to_string()]).unwrap_or_default()
    }

    fn fold(_key: &str, row: Option<DepartmentOrder>, event: &Read<'_>) -> Option<DepartmentOrder> {
        let (_, kind) = event.case()?;
        let mut row = match (row, kind) {
            (Some(row), _) => row,
            (None, CaseEvent::OrderDispatched(sent)) => DepartmentOrder {
                id: sent.order.order,
                department: sent.order.department.to_string(),
                status: String::new(),
                sent: sent.clone(),
                sent_at: event.recorded.time,
                updated_at: event.recorded.time,
                accepted_late: false,
                disposed_late: false,
                progress: None,
                position: event.recorded.position,
            },
            (None, _) => return None,
        };
        match kind {
            CaseEvent::OrderAccepted(event) => row.accepted_late = event.late,
            CaseEvent::PartDisposed(event) => row.disposed_late |= event.late,
            CaseEvent::OrderProgressRecorded(event) => row.progress = Some(event.text.clone()),
            _ => {}
        }
        if let Some((_, status)) = order_after(kind) {
            status.clone_into(&mut row.status);
        }
        row.updated_at = event.recorded.time;
        Some(row)
    }

    fn sort(row: &DepartmentOrder) -> i64 {
        row.position.0.cast_signed()
    }

    fn field(row: &DepartmentOrder, name: &str) -> Option<String> {
        match name {
            "department" => Some(row.department.clone()),
            "status" => Some(row.status.clone()),
            _ => None,
        }
    }
}
