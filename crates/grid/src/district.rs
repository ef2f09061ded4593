//! The aggregate: the district, folded from its events.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kernel::access::EVERYBODY;
use kernel::aggregate::DocumentSpec;
use kernel::facts::Bounds;
use kernel::{Aggregate, Context, Decision, DepartmentCode, Difference, GridCode, Place};
use uuid::Uuid;

use crate::department::Department;
use crate::timeline::Timeline;
use crate::withdrawn::Withdrawn;
use crate::{
    DepartmentChanged, DistrictCommand, DistrictDocument, DistrictEvent, GridChanged, GridClosed, GridEstablished,
    GridNode, GridReparented, Mapping, Refusal,
};

/// The id of the one district of an installation.
pub fn district_id() -> Uuid {
    Uuid::new_v5(&kernel::id::NAMESPACE, b"district")
}

/// The district with its complete history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct District {
    pub(crate) grids: BTreeMap<GridCode, Timeline<GridNode>>,
    pub(crate) departments: BTreeMap<DepartmentCode, Timeline<Department>>,
    pub(crate) mappings: BTreeMap<Mapping, Timeline<()>>,
    pub(crate) bounds: Timeline<Bounds>,
    /// Every closing of each grid, in the order in which they were recorded.
    pub(crate) closed: BTreeMap<GridCode, Vec<GridClosed>>,
    /// Every move of each grid, in the order in which they were recorded.
    pub(crate) moved: BTreeMap<GridCode, Vec<GridReparented>>,
    /// What was withdrawn before it began, by the moment from which on.
    pub(crate) withdrawn: BTreeMap<DateTime<Utc>, Withdrawn>,
}

impl Aggregate for District {
    const PLURAL: &'static str = "district";
    const ABOUT: &'static str = "Grids, departments, and the map between the networks";
    const IS_SINGLE: bool = true;
    const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
    const READ_ACTION: &'static str = "read-district-history";
    const DOCUMENTS: &'static [DocumentSpec<Self>] = &[DocumentSpec {
        path: "district",
        action: "read-district",
        about: "The grids, departments and map between the networks that are in force at a moment",
        read: EVERYBODY,
        show: |district, at| serde_json::to_value(district.document(at)),
        schema: || schemars::schema_for!(DistrictDocument),
    }];
    type Command = DistrictCommand;
    type Event = DistrictEvent;
    type Refusal = Refusal;

    fn place(&self) -> Option<Place> {
        Some(Place::default())
    }

    fn missing() -> Refusal {
        Refusal::NotLoaded
    }

    fn decide(&self, command: &DistrictCommand, context: &Context) -> Decision<Self> {
        let at = context.at;
        match command {
            DistrictCommand::LoadDistrict(command) => command.decide(self),
            DistrictCommand::EstablishGrid(command) => command.decide(self, at),
            DistrictCommand::CloseGrid(command) => command.decide(self, at),
            DistrictCommand::ReparentGrid(command) => command.decide(self, at),
            DistrictCommand::RegisterDepartment(command) => command.decide(self, at),
            DistrictCommand::MapGrids(command) => command.decide(self, at),
            DistrictCommand::WithdrawChanges(command) => command.decide(self, at),
        }
    }

    fn evolve(mut self, event: DistrictEvent) -> Self {
        self.apply(event);
        self
    }

    fn differences(&self, events: &[DistrictEvent]) -> Vec<Difference> {
        self.changed_by(events)
    }
}

impl District {
    /// The district after the event.
    pub(crate) fn apply(&mut self, event: DistrictEvent) {
        match event {
            DistrictEvent::GridEstablished(event) => self.established(*event),
            DistrictEvent::GridChanged(event) => self.changed(*event),
            DistrictEvent::GridClosed(event) => self.closed(*event),
            DistrictEvent::GridReparented(event) => self.reparented(*event),
            DistrictEvent::DepartmentRegistered(event) => {
                let blank = Department { code: event.code.clone(), name: event.name, ownerships: vec![] };
                let department = blank.owning(&event.matters, event.effective_from);
                self.departments.entry(event.code).or_default().set(event.effective_from, department);
            }
            DistrictEvent::DepartmentChanged(event) => self.department_changed(*event),
            DistrictEvent::DepartmentClosed(event) => {
                self.departments.entry(event.code).or_default().end(event.effective_from);
            }
            DistrictEvent::GridsMapped(event) => {
                let mapping = Mapping { party: event.party, administrative: event.administrative };
                self.mappings.entry(mapping).or_default().set(event.effective_from, ());
            }
            DistrictEvent::GridsUnmapped(event) => {
                let mapping = Mapping { party: event.party, administrative: event.administrative };
                self.mappings.entry(mapping).or_default().end(event.effective_from);
            }
            DistrictEvent::DistrictBounded(event) => match event.bounds {
                Some(bounds) => self.bounds.set(event.effective_from, bounds),
                None => self.bounds.end(event.effective_from),
            },
            DistrictEvent::GridChangesWithdrawn(event) => self.grid_changes_withdrawn(*event),
            DistrictEvent::DepartmentChangesWithdrawn(event) => self.department_changes_withdrawn(*event),
            DistrictEvent::MappingChangesWithdrawn(event) => self.mapping_changes_withdrawn(*event),
            DistrictEvent::BoundsChangesWithdrawn(event) => self.bounds_changes_withdrawn(&event),
        }
    }

    fn established(&mut self, event: GridEstablished) {
        let from = event.effective_from;
        let node = GridNode {
            code: event.code.clone(),
            name: event.name,
            network: event.network,
            parent: event.parent,
            level: event.level,
            level_name: event.level_name,
            kind: event.kind,
            party_org: event.party_org,
            reason: event.reason,
            levels: event.levels,
            valid_from: from,
            valid_until: None,
        };
        self.grids.entry(event.code).or_default().set(from, node);
    }

    fn changed(&mut self, event: GridChanged) {
        self.change_grid(&event.code, event.effective_from, |node| GridNode {
            name: event.name,
            kind: event.kind,
            party_org: event.party_org,
            reason: event.reason,
            levels: event.levels,
            ..node
        });
    }

    fn reparented(&mut self, event: GridReparented) {
        self.moved.entry(event.code.clone()).or_default().push(event.clone());
        self.change_grid(&event.code, event.effective_from, |node| GridNode {
            parent: event.parent,
            level: event.level,
            level_name: event.level_name,
            ..node
        });
    }

    fn change_grid(&mut self, code: &GridCode, from: DateTime<Utc>, change: impl FnOnce(GridNode) -> GridNode) {
        let Some(timeline) = self.grids.get_mut(code) else { return };
        if let Some(node) = timeline.open().cloned() {
            timeline.set(from, change(node));
        }
    }

    fn closed(&mut self, event: GridClosed) {
        let Some(timeline) = self.grids.get_mut(&event.code) else { return };
        if let Some(node) = timeline.last_mut() {
            node.valid_until = Some(event.effective_from);
        }
        timeline.end(event.effective_from);
        self.closed.entry(event.code.clone()).or_default().push(event);
    }

    fn department_changed(&mut self, event: DepartmentChanged) {
        let Some(timeline) = self.departments.get_mut(&event.code) else { return };
        if let Some(department) = timeline.open().cloned() {
            let department = Department { name: event.name, ..department };
            timeline.set(event.effective_from, department.owning(&event.matters, event.effective_from));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_district_of_an_installation_has_one_id_for_ever() {
        assert_eq!(district_id().to_string(), Uuid::new_v5(&kernel::id::NAMESPACE, b"district").to_string());
        assert_eq!(district_id().get_version_num(), 5);
    }
}
