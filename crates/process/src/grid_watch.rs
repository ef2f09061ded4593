//! Open cases follow their grid, once its closing or its move takes effect.

use case::{CaseEvent, FollowGrid};
use chrono::{DateTime, Utc};
use grid::DistrictEvent;
use kernel::{GridCode, Key, Read};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::process::{FollowUp, Process, Timed};
use crate::to_come::{self, Scheduled};

/// The events that mean nothing here.
const NONE: &[&str] = &[
    "cn.dualgrid.case.issue_registered.v1",
    "cn.dualgrid.case.report_added.v1",
    "cn.dualgrid.case.reporter_read.v1",
    "cn.dualgrid.case.reader_named.v1",
    "cn.dualgrid.case.duplicate_suspected.v1",
    "cn.dualgrid.case.issue_merged.v1",
    "cn.dualgrid.case.issue_taken_in.v1",
    "cn.dualgrid.case.issue_voided.v1",
    "cn.dualgrid.case.grid_handling_started.v1",
    "cn.dualgrid.case.grid_progress_recorded.v1",
    "cn.dualgrid.case.grid_handling_done.v1",
    "cn.dualgrid.case.grid_rework_required.v1",
    "cn.dualgrid.case.deliberation_opened.v1",
    "cn.dualgrid.case.meeting_held.v1",
    "cn.dualgrid.case.proposal_revised.v1",
    "cn.dualgrid.case.deliberation_concluded.v1",
    "cn.dualgrid.case.deliberation_waived.v1",
    "cn.dualgrid.case.issue_escalated.v1",
    "cn.dualgrid.case.case_filed.v1",
    "cn.dualgrid.case.filing_refused.v1",
    "cn.dualgrid.case.case_dispatched.v1",
    "cn.dualgrid.case.order_dispatched.v1",
    "cn.dualgrid.case.order_accepted.v1",
    "cn.dualgrid.case.return_requested.v1",
    "cn.dualgrid.case.return_approved.v1",
    "cn.dualgrid.case.order_withdrawn.v1",
    "cn.dualgrid.case.return_refused.v1",
    "cn.dualgrid.case.order_progress_recorded.v1",
    "cn.dualgrid.case.part_disposed.v1",
    "cn.dualgrid.case.case_disposed.v1",
    "cn.dualgrid.case.verification_passed.v1",
    "cn.dualgrid.case.verification_failed.v1",
    "cn.dualgrid.case.order_rework_required.v1",
    "cn.dualgrid.case.feedback_recorded.v1",
    "cn.dualgrid.case.merged_case_reopened.v1",
    "cn.dualgrid.case.word_taken_in.v1",
    "cn.dualgrid.case.case_closed.v1",
    "cn.dualgrid.case.case_left.v1",
    "cn.dualgrid.district.grid_changed.v1",
    "cn.dualgrid.district.department_registered.v1",
    "cn.dualgrid.district.department_changed.v1",
    "cn.dualgrid.district.department_closed.v1",
    "cn.dualgrid.district.grids_mapped.v1",
    "cn.dualgrid.district.grids_unmapped.v1",
    "cn.dualgrid.district.district_bounded.v1",
    "cn.dualgrid.district.department_changes_withdrawn.v1",
    "cn.dualgrid.district.mapping_changes_withdrawn.v1",
    "cn.dualgrid.district.bounds_changes_withdrawn.v1",
    "cn.dualgrid.process.process_activated.v1",
];

/// Watches every grid that was ever closed or moved. Once a change takes effect, every open case in the grid and below it follows;
/// where to, is decided by the district as it is then. Whatever is opened or reopened later in a place that is gone, by somebody who
/// did not know yet, follows by itself.
pub struct GridWatch;

/// What is remembered of a grid that was closed or moved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Watched {
    /// What has not taken effect yet, in the order in which it does.
    pub to_come: Vec<Change>,
    /// What took effect last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Change>,
}

/// A change of a grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// When it takes effect.
    pub at: DateTime<Utc>,
    pub to: Place,
}

/// Where a grid is from a change on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Nowhere: it is closed.
    Gone,
    /// Under that grid; a root is under none.
    Under(Option<GridCode>),
}

impl Scheduled for Change {
    fn at(&self) -> DateTime<Utc> {
        self.at
    }
}

impl Watched {
    fn expect(&mut self, at: DateTime<Utc>, to: Place) {
        to_come::expect(&mut self.to_come, Change { at, to });
    }

    /// Whether a case whose grids are these is not where it belongs.
    fn is_astray(&self, grid: &GridCode, path: &[GridCode]) -> bool {
        let mut from_here = path.iter().skip_while(|above| *above != grid);
        match self.last.as_ref().map(|change| &change.to) {
            Some(Place::Gone) => true,
            Some(Place::Under(parent)) => from_here.nth(1) != parent.as_ref(),
            None => false,
        }
    }
}

/// The grids of a case in which somebody has to act from this event on.
fn place_of(event: &CaseEvent) -> &[GridCode] {
    match event {
        CaseEvent::IssueDiscovered(event) => &event.grid.path,
        CaseEvent::CaseReopened(event) => &event.grids,
        CaseEvent::MergedIssueAnswered(event) => &event.grids,
        CaseEvent::MergedFinderHeard(event) => &event.grids,
        CaseEvent::CaseMoved(event) => &event.grid.path,
        _ => &[],
    }
}

fn key(grid: &GridCode) -> Key {
    Key::Text(grid.as_str().into())
}

impl Process for GridWatch {
    const NAME: &'static str = "grid_watch";
    const ABOUT: &'static str = "Lets open cases follow their grid where it is closed, split, merged or moved";
    const PATH: &'static str = "grid-watch";
    const ACTION: &'static str = "read-grid-watch";
    const FROM: &'static [&'static str] = &["district", "case", "process"];
    const NONE: &'static [&'static str] = NONE;
    type State = Watched;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        match event.of::<DistrictEvent>() {
            Some(DistrictEvent::GridClosed(closed)) => touch(key(&closed.code)),
            Some(DistrictEvent::GridReparented(moved)) => touch(key(&moved.code)),
            Some(DistrictEvent::GridEstablished(established)) => touch(key(&established.code)),
            Some(DistrictEvent::GridChangesWithdrawn(withdrawn)) => touch(key(&withdrawn.code)),
            _ => {}
        }
        for grid in event.of::<CaseEvent>().map_or(&[][..], place_of) {
            touch(key(grid));
        }
    }

    fn react(key: &Key, state: &mut Option<Watched>, event: &Read<'_>) -> Vec<FollowUp> {
        match (event.of::<DistrictEvent>(), &mut *state) {
            (Some(DistrictEvent::GridClosed(closed)), _) => {
                state.get_or_insert_default().expect(closed.effective_from, Place::Gone);
            }
            (Some(DistrictEvent::GridReparented(moved)), _) => {
                state.get_or_insert_default().expect(moved.effective_from, Place::Under(moved.parent.clone()));
            }
            // A grid that is new has nothing in it; one that comes back keeps what is opened in it.
            (Some(DistrictEvent::GridEstablished(again)), Some(watched)) => {
                watched.expect(again.effective_from, Place::Under(again.parent.clone()));
            }
            (Some(DistrictEvent::GridChangesWithdrawn(withdrawn)), Some(watched)) => {
                watched.to_come.retain(|change| change.at < withdrawn.scheduled_from);
            }
            _ => {}
        }
        state.take_if(|watched| *watched == Watched::default());
        let (Some(case), Some(watched)) = (event.of::<CaseEvent>(), state) else { return Vec::new() };
        let is_astray = |grid: &GridCode| watched.is_astray(grid, place_of(case));
        match &watched.last {
            Some(change) if grid_of(key).as_ref().is_some_and(is_astray) => {
                vec![FollowUp::new(event.id(), &FollowGrid { since: change.at })]
            }
            _ => Vec::new(),
        }
    }

    fn next(state: &Watched) -> Option<DateTime<Utc>> {
        state.to_come.first().map(|change| change.at)
    }

    fn wake(key: &Key, state: &mut Watched, moment: DateTime<Utc>) -> Vec<FollowUp> {
        state.last = to_come::take_due(&mut state.to_come, moment).or(state.last.take());
        let (Some(grid), Some(change)) = (grid_of(key), &state.last) else { return Vec::new() };
        vec![FollowUp::each_open_in(&grid, &FollowGrid { since: change.at })]
    }
}

fn grid_of(key: &Key) -> Option<GridCode> {
    GridCode::try_new(key.to_string()).ok()
}

impl Timed for GridWatch {
    const ALARMS: &'static str = "grid_watch_alarm";
    const ALARMS_PATH: &'static str = "grid-changes";
    const ALARMS_ACTION: &'static str = "read-grid-changes";
}

#[cfg(test)]
mod tests;
