//! `withdraw-changes`

use chrono::{DateTime, Utc};
use kernel::{Allowed, DepartmentCode, GridCode, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{ADMINISTRATORS, code};
use crate::draft::Draft;
use crate::timeline::Timeline;
use crate::{
    BoundsChangesWithdrawn, DepartmentChangesWithdrawn, District, DistrictEvent, GridChangesWithdrawn, Mapping,
    MappingChangesWithdrawn, Refusal,
};

/// Withdraws changes that are scheduled and have not begun.
///
/// Given by a system administrator, where a date or a description was wrong. Whatever was to begin or end at that moment or later
/// does not; what was to end then goes on. Without a grid and a department the whole district is meant: its grids, departments,
/// map and bounds. With a grid, that grid with its entries in the map. Refused where the moment is not in the future, where nothing
/// is scheduled for it or later, and where a grid would be left without what it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WithdrawChanges {
    /// The moment of the first change that is withdrawn, for example the `effective_from` of an import.
    pub scheduled_from: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grid: Option<GridCode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<DepartmentCode>,
}

impl Verb for WithdrawChanges {
    const NAME: &'static str = "withdraw-changes";
    const BY: Allowed = ADMINISTRATORS;
    type Of = District;

    fn example() -> Self {
        let scheduled_from = DateTime::from_timestamp(4_070_908_800, 0).expect("a valid time");
        Self { scheduled_from, grid: Some(code("JAS-R03")), department: None }
    }
}

impl WithdrawChanges {
    pub(crate) fn decide(&self, district: &District, now: DateTime<Utc>) -> Result<Vec<DistrictEvent>, Refusal> {
        let from = self.scheduled_from;
        let events = self.events(district);
        if events.is_empty() {
            // A retry: already done.
            return if self.is_done(district) { Ok(vec![]) } else { Err(Refusal::NothingScheduled { from }) };
        }
        if from <= now {
            return Err(Refusal::InEffect { from });
        }
        let mut draft = Draft::of(district);
        draft.record_all(events);
        draft.finish(from)
    }

    /// What takes back every change of what is meant.
    fn events(&self, district: &District) -> Vec<DistrictEvent> {
        let scheduled_from = self.scheduled_from;
        let mut events: Vec<DistrictEvent> = vec![];
        for code in changing(&district.grids, scheduled_from).filter(|code| self.means_grid(code)) {
            events.push(GridChangesWithdrawn { code: code.clone(), scheduled_from }.into());
        }
        for code in changing(&district.departments, scheduled_from).filter(|code| self.means_department(code)) {
            events.push(DepartmentChangesWithdrawn { code: code.clone(), scheduled_from }.into());
        }
        for mapping in changing(&district.mappings, scheduled_from) {
            let Mapping { party, administrative } = mapping.clone();
            if self.means_grid(&party) || self.means_grid(&administrative) {
                events.push(MappingChangesWithdrawn { party, administrative, scheduled_from }.into());
            }
        }
        if self.is_of_all() && district.bounds.last_change() >= Some(scheduled_from) {
            events.push(BoundsChangesWithdrawn { scheduled_from }.into());
        }
        events
    }

    fn is_of_all(&self) -> bool {
        self.grid.is_none() && self.department.is_none()
    }

    fn means_grid(&self, code: &GridCode) -> bool {
        self.is_of_all() || self.grid.as_ref() == Some(code)
    }

    fn means_department(&self, code: &DepartmentCode) -> bool {
        self.is_of_all() || self.department.as_ref() == Some(code)
    }

    fn is_done(&self, district: &District) -> bool {
        let Some(withdrawn) = district.withdrawn.get(&self.scheduled_from) else { return false };
        self.grid.iter().all(|grid| withdrawn.grids.contains(grid))
            && self.department.iter().all(|department| withdrawn.departments.contains(department))
    }
}

/// What begins or ends at that moment or later.
fn changing<K, V>(
    timelines: &std::collections::BTreeMap<K, Timeline<V>>,
    from: DateTime<Utc>,
) -> impl Iterator<Item = &K> {
    timelines.iter().filter(move |(_, timeline)| timeline.last_change() >= Some(from)).map(|(key, _)| key)
}

impl District {
    pub(crate) fn grid_changes_withdrawn(&mut self, event: GridChangesWithdrawn) {
        let GridChangesWithdrawn { code, scheduled_from } = event;
        if let Some(timeline) = self.grids.get_mut(&code) {
            timeline.withdraw(scheduled_from);
            if let Some(node) = timeline.last_mut() {
                node.valid_until = node.valid_until.filter(|until| *until < scheduled_from);
            }
        }
        if let Some(closings) = self.closed.get_mut(&code) {
            closings.retain(|closed| closed.effective_from < scheduled_from);
        }
        self.closed.retain(|_, closings| !closings.is_empty());
        if let Some(moves) = self.moved.get_mut(&code) {
            moves.retain(|moved| moved.effective_from < scheduled_from);
        }
        self.moved.retain(|_, moves| !moves.is_empty());
        self.grids.retain(|_, timeline| timeline.last().is_some());
        self.withdrawn.entry(scheduled_from).or_default().grids.insert(code);
    }

    pub(crate) fn department_changes_withdrawn(&mut self, event: DepartmentChangesWithdrawn) {
        let DepartmentChangesWithdrawn { code, scheduled_from } = event;
        if let Some(timeline) = self.departments.get_mut(&code) {
            timeline.withdraw(scheduled_from);
        }
        self.departments.retain(|_, timeline| timeline.last().is_some());
        self.withdrawn.entry(scheduled_from).or_default().departments.insert(code);
    }

    pub(crate) fn mapping_changes_withdrawn(&mut self, event: MappingChangesWithdrawn) {
        let MappingChangesWithdrawn { party, administrative, scheduled_from } = event;
        let grids = [party.clone(), administrative.clone()];
        if let Some(timeline) = self.mappings.get_mut(&Mapping { party, administrative }) {
            timeline.withdraw(scheduled_from);
        }
        self.mappings.retain(|_, timeline| timeline.last().is_some());
        self.withdrawn.entry(scheduled_from).or_default().grids.extend(grids);
    }

    pub(crate) fn bounds_changes_withdrawn(&mut self, event: &BoundsChangesWithdrawn) {
        self.bounds.withdraw(event.scheduled_from);
        self.withdrawn.entry(event.scheduled_from).or_default();
    }
}

#[cfg(test)]
mod tests;
