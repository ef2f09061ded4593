//! The orders of every department: the row behind a department's inbox.

use case::{CaseEvent, OrderDispatched};
use chrono::{DateTime, Utc};
use kernel::{OrderId, Position};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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
    pub sent: Box<OrderDispatched>,
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

    fn keys(event: &Read<'_>) -> [Option<Uuid>; 2] {
        let Some((_, event)) = event.case() else { return [None, None] };
        let order = match event {
            CaseEvent::OrderProgressRecorded(event) => Some(event.order.order),
            event => order_after(event).map(|(order, _)| order),
        };
        [order.map(OrderId::uuid), None]
    }

    fn fold(_key: Uuid, row: &mut Option<DepartmentOrder>, event: &Read<'_>) {
        let Some((_, kind)) = event.case() else { return };
        if let (None, CaseEvent::OrderDispatched(sent)) = (&row, kind) {
            *row = Some(DepartmentOrder::new(sent, event));
        }
        let Some(row) = row else { return };
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
    }

    fn is_settled(row: &DepartmentOrder) -> bool {
        matches!(row.status.as_str(), "disposed" | "returned")
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

impl DepartmentOrder {
    fn new(sent: &OrderDispatched, event: &Read<'_>) -> Self {
        Self {
            id: sent.order.order,
            department: sent.order.department.to_string(),
            status: String::new(),
            sent: Box::new(sent.clone()),
            sent_at: event.recorded.time,
            updated_at: event.recorded.time,
            accepted_late: false,
            disposed_late: false,
            progress: None,
            position: event.recorded.position,
        }
    }
}
