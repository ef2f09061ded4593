use std::collections::BTreeSet;

use kernel::view::Order;
use kernel::{Allowed, CaseId, GridCode, Key, Obligation, OrderId, Place, Position, Read, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CaseEvent;
use crate::access::OBLIGATION_READERS;
use crate::standing::obligations_after;

/// What must be done next in a case, or on the order of an assisting department.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OpenObligation {
    pub case: CaseId,
    /// The order of an assisting department; absent in the row of the case itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderId>,
    /// What the case is about.
    pub title: String,
    /// The grid in which the case is and every grid above it, itself first.
    pub grids: Vec<GridCode>,
    pub next: Obligation,
    /// The position of the event that began it.
    pub position: Position,
}

/// The closed chain (闭合链): who must do what, and by when, in every case that is not over.
///
/// A case has one row, under its id, and each order of an assisting department one under the order's id. A row ends with its
/// obligation.
pub struct OpenObligationView;

/// How many bits of the sort key tell apart what is due in the same second.
const POSITION_BITS: u32 = 27;
const POSITION_MASK: u64 = (1 << POSITION_BITS) - 1;
/// The last second that a sort key tells from the ones after it.
const SECONDS_MAX: i64 = i64::MAX >> POSITION_BITS;

impl View for OpenObligationView {
    const NAME: &'static str = "open_obligation";
    const PATH: &'static str = "obligations";
    const ABOUT: &'static str = "Who must do what, and by when; the most urgent first";
    const ACTION: &'static str = "read-obligations";
    const READ: Allowed = OBLIGATION_READERS;
    const FROM: &'static [&'static str] = &["case"];
    const NONE: &'static [&'static str] = &[
        "cn.dualgrid.case.case_dispatched.v1",
        "cn.dualgrid.case.case_left.v1",
        "cn.dualgrid.case.deliberation_waived.v1",
        "cn.dualgrid.case.duplicate_suspected.v1",
        "cn.dualgrid.case.grid_progress_recorded.v1",
        "cn.dualgrid.case.issue_taken_in.v1",
        "cn.dualgrid.case.order_progress_recorded.v1",
        "cn.dualgrid.case.reader_named.v1",
        "cn.dualgrid.case.report_added.v1",
        "cn.dualgrid.case.reporter_read.v1",
        "cn.dualgrid.case.word_taken_in.v1",
    ];
    const FILTERS: &'static [&'static [&'static str]] = &[&["grid"], &["department"], &[]];
    const ORDER: Order = Order::Ascending;
    type Row = OpenObligation;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        let Some(kind) = event.of::<CaseEvent>() else { return };
        if let CaseEvent::CaseMoved(moved) = kind {
            touch(event.id().into());
            moved.assisting().for_each(|open| touch(open.order.uuid().into()));
        }
        for (order, _) in obligations_after(kind) {
            touch(order.map_or(event.id(), |about| about.order.uuid()).into());
        }
    }

    fn fold(key: &Key, row: &mut Option<OpenObligation>, event: &Read<'_>) {
        let Some(kind) = event.of::<CaseEvent>() else { return };
        if let (CaseEvent::CaseMoved(moved), Some(row)) = (kind, &mut *row) {
            let of_order = moved.assisting().find(|open| key.id() == Some(open.order.uuid()));
            row.next = of_order.map_or(&moved.next, |open| &open.next).clone();
            row.grids.clone_from(&moved.grid.path);
        }
        for (order, next) in obligations_after(kind) {
            if key.id() != Some(order.map_or(event.id(), |about| about.order.uuid())) {
                continue;
            }
            match (next, &mut *row) {
                (None, _) => *row = None,
                (Some(next), Some(row)) => row.next = next.clone(),
                (Some(next), None) => *row = OpenObligation::begun(kind, next, event),
            }
        }
    }

    fn place(row: &OpenObligation) -> Place {
        let departments: BTreeSet<_> = row.next.by.department.iter().cloned().collect();
        Place { departments, ..Place::in_grids(&row.grids) }
    }

    fn sort(row: &OpenObligation) -> i64 {
        // The most urgent first; what is due in the same second in the order in which it began. 36 bits of seconds reach the
        // year 4147; whatever is due later comes last.
        let seconds = row.next.due.at.timestamp().clamp(0, SECONDS_MAX);
        (seconds << POSITION_BITS) | (row.position.0 & POSITION_MASK).cast_signed()
    }

    fn values(row: &OpenObligation, filter: &str, give: &mut dyn FnMut(&str)) {
        match (filter, &row.next.by.department) {
            ("grid", _) => row.grids.iter().for_each(|grid| give(grid.as_str())),
            ("department", Some(department)) => give(department.as_str()),
            _ => {}
        }
    }
}

impl OpenObligation {
    /// The row that an event begins. Only these begin one; every other event finds it.
    fn begun(event: &CaseEvent, next: &Obligation, read: &Read<'_>) -> Option<Self> {
        let (order, title, grids) = match event {
            CaseEvent::IssueDiscovered(event) => (None, &event.title, &event.grid.path),
            CaseEvent::CaseReopened(event) => (None, &event.title, &event.grids),
            CaseEvent::MergedIssueAnswered(event) => (None, &event.title, &event.grids),
            CaseEvent::MergedFinderHeard(event) => (None, &event.title, &event.grids),
            CaseEvent::OrderDispatched(event) => (Some(event.order.order), &event.order.title, &event.grids),
            CaseEvent::OrderReworkRequired(event) => (Some(event.order.order), &event.order.title, &event.grids),
            _ => return None,
        };
        Some(Self {
            case: CaseId::new(read.id()),
            order,
            title: title.clone(),
            grids: grids.clone(),
            next: next.clone(),
            position: read.position(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{
        ASSIST, CASE, GRID, LEAD, accepted, closed_case, discovered, dispatched_case, disposed_case, failed, given,
        merged, order_id, reopened, return_requested, rework, rows, voided,
    };
    use kernel::{Aggregate, Role, Step};

    type Rows = std::collections::HashMap<Key, OpenObligation>;

    fn open(events: impl IntoIterator<Item = CaseEvent>) -> Rows {
        rows::<OpenObligationView>(events)
    }

    fn of_case(rows: &Rows) -> Option<&OpenObligation> {
        rows.get(&Key::Id(CASE.uuid()))
    }

    fn of_assistant(rows: &Rows) -> Option<&OpenObligation> {
        rows.get(&Key::Id(order_id(ASSIST).uuid()))
    }

    #[test]
    fn a_case_has_one_row_until_it_is_over() {
        let found = open([discovered()]);
        let row = of_case(&found).unwrap();
        assert_eq!((found.len(), row.order, row.next.step.clone()), (1, None, Step::REGISTER));
        assert_eq!(row.grids[0].as_str(), GRID);
        let target = CaseId::named("target");
        for over in [closed_case(), vec![discovered(), voided()], vec![discovered(), merged(target)]] {
            assert_eq!(open(over), Rows::new());
        }
        let again = open([closed_case(), vec![reopened()]].concat());
        let row = of_case(&again).unwrap();
        assert_eq!((row.next.step.clone(), row.grids.len()), (Step::ROUTE_AGAIN, 3));
    }

    #[test]
    fn an_assisting_department_has_a_row_of_its_own_until_its_part_is_done() {
        let sent = open(dispatched_case());
        assert_eq!(sent.len(), 2, "the lead's obligation is the case's");
        assert_eq!(of_assistant(&sent).unwrap().order, Some(order_id(ASSIST)));
        let done = open(disposed_case());
        assert_eq!((of_assistant(&done), of_case(&done).unwrap().next.step.clone()), (None, Step::VERIFY));
        let again = open([disposed_case(), vec![failed(), rework(ASSIST), rework(LEAD)]].concat());
        assert_eq!(of_assistant(&again).unwrap().next.step, Step::REWORK);
        assert_eq!(of_case(&again).unwrap().next.by.department, Some(crate::testing::department(LEAD)));
    }

    #[test]
    fn what_is_due_later_comes_later_in_every_century() {
        let row = of_case(&open([discovered()])).unwrap().clone();
        let due = |day: &str, position| {
            let mut row = OpenObligation { position: Position(position), ..row.clone() };
            row.next.due.at = format!("{day}T00:00:00Z").parse().unwrap();
            OpenObligationView::sort(&row)
        };
        let days = ["1969-12-31", "2026-03-02", "2038-01-20", "2106-02-08", "2206-01-01", "2999-12-31", "4000-01-01"];
        let keys = days.map(|day| due(day, u64::MAX));
        assert!(keys.is_sorted_by(|one, other| one < other), "{keys:?}");
        assert!(due("9999-12-31", 0) > due("4000-01-01", u64::MAX), "what is too far to tell apart comes last");
        assert!(due("2026-03-02", 1) < due("2026-03-02", 2) && due("2026-03-02", 2) < due("2026-03-03", 1));
    }

    #[test]
    fn a_return_is_decided_by_the_duty_officer_whosever_order_it_is() {
        let asked = [dispatched_case(), vec![accepted(LEAD), return_requested(ASSIST)]].concat();
        let rows = open(asked.clone());
        let by = &of_assistant(&rows).unwrap().next.by;
        assert_eq!((by.role, &by.department), (Role::DutyOfficer, &None));
        let case = asked.into_iter().fold(given([]).state(), Aggregate::evolve);
        assert_eq!(Some(&of_case(&rows).unwrap().next), case.standing.next());
    }
}
