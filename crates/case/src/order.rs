//! One department's part of a case (工单): what every event says of it, where it stands, and what was done on it.

use kernel::{CaseId, DepartmentCode, Obligation, OrderId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    CaseEvent, OrderAccepted, OrderDispatched, OrderProgressRecorded, PartDisposed, ReturnApproved, ReturnRefused,
    ReturnRequested,
};

/// Lead or assisting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// 主办
    Lead,
    /// 协办
    Assist,
}

/// What every event about an order says of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderRef {
    pub order: OrderId,
    pub case: CaseId,
    /// The case number for people.
    pub case_number: String,
    /// What the case is about.
    pub title: String,
    pub department: DepartmentCode,
    pub part: Part,
}

impl CaseEvent {
    /// What the event says of the order that it is about, if it is about one.
    pub fn order(&self) -> Option<&OrderRef> {
        Some(match self {
            Self::OrderDispatched(event) => &event.order,
            Self::OrderAccepted(event) => &event.order,
            Self::ReturnRequested(event) => &event.order,
            Self::ReturnApproved(event) => &event.order,
            Self::OrderWithdrawn(event) => &event.order,
            Self::ReturnRefused(event) => &event.order,
            Self::OrderProgressRecorded(event) => &event.order,
            Self::PartDisposed(event) => &event.order,
            Self::OrderReworkRequired(event) => &event.order,
            _ => return None,
        })
    }

    /// The department whose order the event is about. Such an event goes to that department's subject.
    pub(crate) fn department_of(&self) -> Option<&DepartmentCode> {
        self.order().map(|order| &order.department)
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// 待签收
    Sent,
    /// 已签收
    Accepted,
    /// 退单审核中
    ReturnReview,
    /// 已退单: by an approved return, or because the lead's order was returned.
    Returned,
    /// 已处置
    Disposed,
    /// 返工
    Rework,
}

impl OrderStatus {
    /// The stored name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::ReturnReview => "return_review",
            Self::Returned => "returned",
            Self::Disposed => "disposed",
            Self::Rework => "rework",
        }
    }
}

/// An order as a part of its case: where it stands, and what must be done next on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPart {
    pub order: OrderId,
    pub department: DepartmentCode,
    pub part: Part,
    /// The round of work in which it was sent.
    pub cycle: u32,
    pub status: OrderStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
}

impl OrderPart {
    /// Whether it is the order of the lead department.
    pub fn is_lead(&self) -> bool {
        self.part == Part::Lead
    }
}

/// An order and what was done on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub sent: OrderDispatched,
    pub accepted: Option<OrderAccepted>,
    /// The newest request for its return.
    pub return_requested: Option<ReturnRequested>,
    /// The approval of its return.
    pub return_approved: Option<ReturnApproved>,
    /// The refusal of its return. There is one at most: a second dispute goes to arbitration.
    pub return_refused: Option<ReturnRefused>,
    /// The newest progress.
    pub progress: Option<OrderProgressRecorded>,
    /// Every time it was disposed.
    pub disposed: Vec<PartDisposed>,
}

impl Order {
    /// An order that was sent.
    pub(crate) fn sent(sent: OrderDispatched) -> Self {
        Self {
            sent,
            accepted: None,
            return_requested: None,
            return_approved: None,
            return_refused: None,
            progress: None,
            disposed: Vec::new(),
        }
    }

    /// Keeps what an event about it says.
    pub(crate) fn note(&mut self, event: CaseEvent) {
        match event {
            CaseEvent::OrderAccepted(event) => self.accepted = Some(*event),
            CaseEvent::ReturnRequested(event) => self.return_requested = Some(*event),
            CaseEvent::ReturnApproved(event) => self.return_approved = Some(*event),
            CaseEvent::ReturnRefused(event) => self.return_refused = Some(*event),
            CaseEvent::OrderProgressRecorded(event) => self.progress = Some(*event),
            CaseEvent::PartDisposed(event) => self.disposed.push(*event),
            _ => {}
        }
    }
}
