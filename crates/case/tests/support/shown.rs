//! The rows of the views of one case, followed event by event.

use std::collections::BTreeMap;

use dualgrid_case::{
    CaseEvent, CaseSummaryView, DepartmentOrder, DepartmentOrderView, OpenObligation, OpenObligationView, OrderPart,
    Part,
};
use kernel::{Event, EventId, Key, Obligation, Position, Read, Recorded, StreamId, Version, View};
use proptest::prop_assert_eq;
use proptest::test_runner::TestCaseError;
use uuid::Uuid;

use crate::world::{MORNING, Told, case_id};

/// The rows of a view.
struct Rows<V: View>(BTreeMap<Uuid, V::Row>);

impl<V: View> Rows<V> {
    fn follow(&mut self, event: &Read<'_>) {
        let mut keys = Vec::new();
        V::keys(event, &mut |key| keys.push(key));
        for key in keys {
            let id = key.id().expect("the rows of a case have ids");
            let mut row = self.0.remove(&id);
            V::fold(&Key::Id(id), &mut row, event);
            self.0.extend(row.map(|row| (id, row)));
        }
    }
}

/// The rows of all views.
pub(crate) struct Shown {
    events: u32,
    summary: Rows<CaseSummaryView>,
    orders: Rows<DepartmentOrderView>,
    obligations: Rows<OpenObligationView>,
}

impl Shown {
    pub(crate) fn new() -> Self {
        let (summary, orders, obligations) = (Rows(BTreeMap::new()), Rows(BTreeMap::new()), Rows(BTreeMap::new()));
        Self { events: 0, summary, orders, obligations }
    }

    pub(crate) fn follow(&mut self, events: &[CaseEvent]) {
        for event in events {
            self.events += 1;
            let recorded = Recorded {
                position: Position(self.events.into()),
                stream: StreamId::new("case", case_id().uuid()),
                version: Version(self.events),
                id: EventId::named(&self.events.to_string()),
                kind: event.name().to_owned(),
                time: MORNING,
                bytes: Vec::new().into(),
            };
            let read = Read::new(&recorded, event);
            self.summary.follow(&read);
            self.orders.follow(&read);
            self.obligations.follow(&read);
        }
    }

    /// Fails unless the rows say what the case itself says.
    pub(crate) fn agrees(&self, told: &Told) -> Result<(), TestCaseError> {
        let standing = &told.case.standing;
        if let Some(row) = self.summary.0.get(&case_id().uuid()) {
            prop_assert_eq!((row.stage, row.cycle, &row.parts), (told.case.stage(), standing.cycle, &standing.parts));
            prop_assert_eq!((row.next.as_ref(), row.version.0), (standing.next(), self.events));
            prop_assert_eq!(&row.grids, &told.file().grid().path);
        }
        let part = |row: &DepartmentOrder| OrderPart {
            order: row.id,
            department: row.department.clone(),
            part: row.sent.order.part,
            cycle: row.sent.cycle,
            status: row.status,
            next: row.next.clone(),
        };
        let shown: BTreeMap<_, _> = self.orders.0.iter().map(|(id, row)| (*id, part(row))).collect();
        let orders = standing.parts.orders.iter();
        prop_assert_eq!(shown, orders.clone().map(|part| (part.order.uuid(), part.clone())).collect());
        let assisting = orders.filter(|order| order.part == Part::Assist);
        let mut open: BTreeMap<Uuid, &Obligation> =
            assisting.filter_map(|order| Some((order.order.uuid(), order.next.as_ref()?))).collect();
        open.extend(standing.next().map(|next| (case_id().uuid(), next)));
        let next = |(id, row): (&Uuid, &'_ OpenObligation)| (*id, row.next.clone());
        for row in self.obligations.0.values() {
            prop_assert_eq!(&row.grids, &told.file().grid().path);
        }
        let shown: BTreeMap<Uuid, Obligation> = self.obligations.0.iter().map(next).collect();
        prop_assert_eq!(shown, open.into_iter().map(|(id, next)| (id, next.clone())).collect());
        Ok(())
    }
}
