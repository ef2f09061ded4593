use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::view::{Order, words_of};
use kernel::{Allowed, DepartmentCode, Key, Obligation, OrderId, Place, Position, Read, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::ORDER_READERS;
use crate::standing::order_after;
use crate::{CaseEvent, OrderDispatched, OrderStatus};

/// One order of a department.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentOrder {
    pub id: OrderId,
    pub department: DepartmentCode,
    pub status: OrderStatus,
    /// What must be done next on it. Absent once it is disposed or returned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Obligation>,
    /// As it was sent: everything that the department needs.
    pub sent: Box<OrderDispatched>,
    pub sent_at: DateTime<Utc>,
    /// When it last moved.
    pub updated_at: DateTime<Utc>,
    /// Whether it was accepted late.
    #[serde(default)]
    pub accepted_late: bool,
    /// Whether it was disposed late, at least once.
    #[serde(default)]
    pub disposed_late: bool,
    /// The newest progress that was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// The position of the event that sent it.
    pub position: Position,
}

/// The orders of every department.
pub struct DepartmentOrderView;

impl View for DepartmentOrderView {
    const NAME: &'static str = "department_order";
    const PATH: &'static str = "orders";
    const ABOUT: &'static str = "Orders of departments";
    const ACTION: &'static str = "read-orders";
    const READ: Allowed = ORDER_READERS;
    const FROM: &'static [&'static str] = &["case"];
    const NONE: &'static [&'static str] = &[
        "cn.dualgrid.case.case_closed.v1",
        "cn.dualgrid.case.case_dispatched.v1",
        "cn.dualgrid.case.case_disposed.v1",
        "cn.dualgrid.case.case_filed.v1",
        "cn.dualgrid.case.case_left.v1",
        "cn.dualgrid.case.case_reopened.v1",
        "cn.dualgrid.case.deliberation_concluded.v1",
        "cn.dualgrid.case.deliberation_opened.v1",
        "cn.dualgrid.case.deliberation_waived.v1",
        "cn.dualgrid.case.duplicate_suspected.v1",
        "cn.dualgrid.case.feedback_recorded.v1",
        "cn.dualgrid.case.filing_refused.v1",
        "cn.dualgrid.case.grid_handling_done.v1",
        "cn.dualgrid.case.grid_handling_started.v1",
        "cn.dualgrid.case.grid_progress_recorded.v1",
        "cn.dualgrid.case.grid_rework_required.v1",
        "cn.dualgrid.case.issue_discovered.v1",
        "cn.dualgrid.case.issue_escalated.v1",
        "cn.dualgrid.case.issue_merged.v1",
        "cn.dualgrid.case.issue_registered.v1",
        "cn.dualgrid.case.issue_taken_in.v1",
        "cn.dualgrid.case.issue_voided.v1",
        "cn.dualgrid.case.meeting_held.v1",
        "cn.dualgrid.case.merged_case_reopened.v1",
        "cn.dualgrid.case.merged_finder_heard.v1",
        "cn.dualgrid.case.merged_issue_answered.v1",
        "cn.dualgrid.case.proposal_revised.v1",
        "cn.dualgrid.case.reader_named.v1",
        "cn.dualgrid.case.report_added.v1",
        "cn.dualgrid.case.reporter_read.v1",
        "cn.dualgrid.case.verification_failed.v1",
        "cn.dualgrid.case.verification_passed.v1",
        "cn.dualgrid.case.word_taken_in.v1",
    ];
    const FILTERS: &'static [&'static [&'static str]] = &[&["department"], &["department", "status"]];
    const ORDER: Order = Order::Descending;
    type Row = DepartmentOrder;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        match event.of::<CaseEvent>() {
            Some(CaseEvent::CaseMoved(moved)) => moved.orders.iter().for_each(|open| touch(open.order.uuid().into())),
            Some(kind) => kind.order().iter().for_each(|about| touch(about.order.uuid().into())),
            None => {}
        }
    }

    fn fold(key: &Key, row: &mut Option<DepartmentOrder>, event: &Read<'_>) {
        let Some(kind) = event.of::<CaseEvent>() else { return };
        if let (None, CaseEvent::OrderDispatched(sent)) = (&row, kind) {
            *row = Some(DepartmentOrder::new(sent, event));
        }
        let Some(row) = row else { return };
        match kind {
            CaseEvent::OrderAccepted(event) => row.accepted_late = event.late,
            CaseEvent::PartDisposed(event) => row.disposed_late |= event.late,
            CaseEvent::OrderProgressRecorded(event) => row.progress = Some(event.text.clone()),
            CaseEvent::CaseMoved(event) => {
                let open = event.orders.iter().find(|open| key.id() == Some(open.order.uuid()));
                row.next = open.map(|open| open.next.clone());
            }
            _ => {}
        }
        if let Some((_, status, next)) = order_after(kind) {
            (row.status, row.next) = (status, next.cloned());
        }
        row.updated_at = event.time();
    }

    fn place(row: &DepartmentOrder) -> Place {
        Place { departments: BTreeSet::from([row.department.clone()]), ..Place::in_grids(&row.sent.grids) }
    }

    fn sort(row: &DepartmentOrder) -> i64 {
        row.position.0.cast_signed()
    }

    fn words(filter: &str) -> Option<Vec<String>> {
        (filter == "status").then(words_of::<OrderStatus>)
    }

    fn values(row: &DepartmentOrder, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            "department" => give(row.department.as_str()),
            "status" => give(row.status.as_str()),
            _ => {}
        }
    }

    fn is_settled(row: &DepartmentOrder) -> bool {
        matches!(row.status, OrderStatus::Disposed | OrderStatus::Returned)
    }
}

impl DepartmentOrder {
    fn new(sent: &OrderDispatched, event: &Read<'_>) -> Self {
        Self {
            id: sent.order.order,
            department: sent.order.department.clone(),
            status: OrderStatus::Sent,
            next: None,
            sent: Box::new(sent.clone()),
            sent_at: event.time(),
            updated_at: event.time(),
            accepted_late: false,
            disposed_late: false,
            progress: None,
            position: event.position(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        ASSIST, LEAD, accepted, dispatched_case, disposed_case, failed, order_id, return_approved, return_refused,
        return_requested, rework, rows,
    };
    use kernel::Step;

    fn order(events: impl IntoIterator<Item = CaseEvent>, department: &str) -> DepartmentOrder {
        rows::<DepartmentOrderView>(events).remove(&Key::Id(order_id(department).uuid())).unwrap()
    }

    fn stands(row: &DepartmentOrder) -> (OrderStatus, Option<Step>) {
        (row.status, row.next.as_ref().map(|next| next.step.clone()))
    }

    #[test]
    fn an_order_is_shown_as_it_stands() {
        let sent = || dispatched_case();
        let asked = || [sent(), vec![return_requested(LEAD)]].concat();
        let again = [disposed_case(), vec![failed(), rework(LEAD)]].concat();
        for (events, department, expected) in [
            (sent(), LEAD, (OrderStatus::Sent, Some(Step::ACCEPT))),
            (sent(), ASSIST, (OrderStatus::Sent, Some(Step::ACCEPT))),
            ([sent(), vec![accepted(ASSIST)]].concat(), ASSIST, (OrderStatus::Accepted, Some(Step::DISPOSE))),
            (asked(), LEAD, (OrderStatus::ReturnReview, Some(Step::DECIDE_RETURN))),
            ([asked(), vec![return_refused(LEAD)]].concat(), LEAD, (OrderStatus::Sent, Some(Step::ACCEPT))),
            ([asked(), return_approved()].concat(), LEAD, (OrderStatus::Returned, None)),
            ([asked(), return_approved()].concat(), ASSIST, (OrderStatus::Returned, None)),
            (disposed_case(), ASSIST, (OrderStatus::Disposed, None)),
            (again, LEAD, (OrderStatus::Rework, Some(Step::REWORK))),
        ] {
            assert_eq!(stands(&order(events, department)), expected);
        }
    }

    #[test]
    fn it_is_found_by_its_department_and_status() {
        let row = order(dispatched_case(), ASSIST);
        let mut values = Vec::new();
        for filter in ["department", "status", "grid"] {
            DepartmentOrderView::values(&row, filter, &mut |value| values.push(value.to_owned()));
        }
        assert_eq!(values, [ASSIST, "sent"]);
    }
}
