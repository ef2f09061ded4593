//! Open orders of a department are taken back, once its closing takes effect.

use case::{CaseEvent, TakeBackOrders};
use chrono::{DateTime, Utc};
use grid::DistrictEvent;
use kernel::{DepartmentCode, Key, Read};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::process::{FollowUp, Process, Timed};
use crate::to_come::{self, Scheduled};

/// The events that mean nothing here.
const NONE: &[&str] = &[
    "cn.dualgrid.case.issue_discovered.v1",
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
    "cn.dualgrid.case.order_accepted.v1",
    "cn.dualgrid.case.return_requested.v1",
    "cn.dualgrid.case.return_approved.v1",
    "cn.dualgrid.case.order_withdrawn.v1",
    "cn.dualgrid.case.order_progress_recorded.v1",
    "cn.dualgrid.case.part_disposed.v1",
    "cn.dualgrid.case.case_disposed.v1",
    "cn.dualgrid.case.verification_passed.v1",
    "cn.dualgrid.case.verification_failed.v1",
    "cn.dualgrid.case.feedback_recorded.v1",
    "cn.dualgrid.case.merged_issue_answered.v1",
    "cn.dualgrid.case.merged_finder_heard.v1",
    "cn.dualgrid.case.merged_case_reopened.v1",
    "cn.dualgrid.case.word_taken_in.v1",
    "cn.dualgrid.case.case_closed.v1",
    "cn.dualgrid.case.case_reopened.v1",
    "cn.dualgrid.case.case_left.v1",
    "cn.dualgrid.case.case_moved.v1",
    "cn.dualgrid.district.grid_established.v1",
    "cn.dualgrid.district.grid_changed.v1",
    "cn.dualgrid.district.grid_closed.v1",
    "cn.dualgrid.district.grid_reparented.v1",
    "cn.dualgrid.district.grid_changes_withdrawn.v1",
    "cn.dualgrid.district.department_changed.v1",
    "cn.dualgrid.district.grids_mapped.v1",
    "cn.dualgrid.district.grids_unmapped.v1",
    "cn.dualgrid.district.district_bounded.v1",
    "cn.dualgrid.district.mapping_changes_withdrawn.v1",
    "cn.dualgrid.district.bounds_changes_withdrawn.v1",
    "cn.dualgrid.process.process_activated.v1",
];

/// Watches every department that was ever closed. Once the closing takes effect, what somebody must still do on its orders is taken
/// back in every case; what is sent or given back to it later, by somebody who did not know yet, is taken back by itself.
pub struct DepartmentWatch;

/// What is remembered of a department that was closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WatchedDepartment {
    /// What has not taken effect yet, in the order in which it does.
    pub to_come: Vec<DepartmentChange>,
    /// Since when it is closed; absent while it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_since: Option<DateTime<Utc>>,
}

/// A department is closed, or there again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DepartmentChange {
    /// When it takes effect.
    pub at: DateTime<Utc>,
    pub closes: bool,
}

impl Scheduled for DepartmentChange {
    fn at(&self) -> DateTime<Utc> {
        self.at
    }
}

impl WatchedDepartment {
    fn expect(&mut self, at: DateTime<Utc>, closes: bool) {
        to_come::expect(&mut self.to_come, DepartmentChange { at, closes });
    }
}

/// The department that must act on an order from this event on.
fn asked(event: &CaseEvent) -> Option<&DepartmentCode> {
    let asks = matches!(
        event,
        CaseEvent::OrderDispatched(_) | CaseEvent::OrderReworkRequired(_) | CaseEvent::ReturnRefused(_)
    );
    event.order().filter(|_| asks).map(|about| &about.department)
}

fn key(department: &DepartmentCode) -> Key {
    Key::Text(department.as_str().into())
}

impl Process for DepartmentWatch {
    const NAME: &'static str = "department_watch";
    const ABOUT: &'static str = "Takes open orders back from departments that are closed";
    const PATH: &'static str = "department-watch";
    const ACTION: &'static str = "read-department-watch";
    const FROM: &'static [&'static str] = &["district", "case", "process"];
    const NONE: &'static [&'static str] = NONE;
    type State = WatchedDepartment;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        match event.of::<DistrictEvent>() {
            Some(DistrictEvent::DepartmentClosed(closed)) => touch(key(&closed.code)),
            Some(DistrictEvent::DepartmentRegistered(registered)) => touch(key(&registered.code)),
            Some(DistrictEvent::DepartmentChangesWithdrawn(withdrawn)) => touch(key(&withdrawn.code)),
            _ => {}
        }
        if let Some(department) = event.of::<CaseEvent>().and_then(asked) {
            touch(key(department));
        }
    }

    fn react(key: &Key, state: &mut Option<WatchedDepartment>, event: &Read<'_>) -> Vec<FollowUp> {
        match (event.of::<DistrictEvent>(), &mut *state) {
            (Some(DistrictEvent::DepartmentClosed(closed)), _) => {
                state.get_or_insert_default().expect(closed.effective_from, true);
            }
            // One that is new has no orders; one that comes back keeps what is sent to it.
            (Some(DistrictEvent::DepartmentRegistered(again)), Some(watched)) => {
                watched.expect(again.effective_from, false);
            }
            (Some(DistrictEvent::DepartmentChangesWithdrawn(withdrawn)), Some(watched)) => {
                watched.to_come.retain(|change| change.at < withdrawn.scheduled_from);
            }
            _ => {}
        }
        state.take_if(|watched| *watched == WatchedDepartment::default());
        let since = state.as_ref().and_then(|watched| watched.closed_since);
        match (event.of::<CaseEvent>(), department_of(key), since) {
            (Some(_), Some(department), Some(since)) => {
                vec![FollowUp::new(event.id(), &TakeBackOrders { department, since })]
            }
            _ => Vec::new(),
        }
    }

    fn next(state: &WatchedDepartment) -> Option<DateTime<Utc>> {
        state.to_come.first().map(|change| change.at)
    }

    fn wake(key: &Key, state: &mut WatchedDepartment, moment: DateTime<Utc>) -> Vec<FollowUp> {
        if let Some(last) = to_come::take_due(&mut state.to_come, moment) {
            state.closed_since = last.closes.then_some(last.at);
        }
        match (department_of(key), state.closed_since) {
            (Some(department), Some(since)) => {
                vec![FollowUp::each_open_at(&department.clone(), &TakeBackOrders { department, since })]
            }
            _ => Vec::new(),
        }
    }
}

fn department_of(key: &Key) -> Option<DepartmentCode> {
    DepartmentCode::try_new(key.to_string()).ok()
}

impl Timed for DepartmentWatch {
    const ALARMS: &'static str = "department_watch_alarm";
    const ALARMS_PATH: &'static str = "department-changes";
    const ALARMS_ACTION: &'static str = "read-department-changes";
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use grid::{DepartmentChangesWithdrawn, DepartmentClosed, DepartmentRegistered};
    use kernel::Event as _;
    use uuid::Uuid;

    use super::*;
    use crate::process::On;
    use crate::run::{ProcessWoken, RunEvent};
    use crate::testing::History;
    use crate::{Entry, Outbox};

    const CASE: Uuid = Uuid::from_u128(7);

    /// The outbox of the process, told event by event.
    type Told = History<Outbox<DepartmentWatch>>;

    impl Told {
        fn district(&mut self, event: impl Into<DistrictEvent>) -> &mut Self {
            self.then(grid::district_id(), event.into())
        }

        fn woken(&mut self, days: i64) -> &mut Self {
            let (process, key) = (DepartmentWatch::NAME.into(), "CGZF".into());
            let woken = ProcessWoken { process, version: 1, key, moment: day(days) };
            self.then(Uuid::nil(), RunEvent::from(woken))
        }

        /// An order of the department, as it is in the golden file.
        fn asked(&mut self, name: &str) -> &mut Self {
            let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../case/tests/golden");
            let text = std::fs::read_to_string(format!("{golden}/cn.dualgrid.case.{name}.v1.json")).unwrap();
            let mut data: serde_json::Value = serde_json::from_str(&text).unwrap();
            data["order"]["department"] = "CGZF".into();
            let event = CaseEvent::read(&format!("cn.dualgrid.case.{name}.v1"), &data.to_string()).unwrap();
            self.then(CASE, event)
        }

        fn sent(&self) -> Vec<On> {
            let of = |row: &Entry<WatchedDepartment>| {
                row.waiting.iter().map(|waiting| waiting.on.clone()).collect::<Vec<_>>()
            };
            self.rows.values().flat_map(of).collect()
        }
    }

    fn code() -> DepartmentCode {
        "CGZF".parse().unwrap()
    }

    fn day(days: i64) -> DateTime<Utc> {
        given::NOW + TimeDelta::days(days)
    }

    fn closed(days: i64) -> DepartmentClosed {
        DepartmentClosed { code: code(), effective_from: day(days) }
    }

    fn registered(days: i64) -> DepartmentRegistered {
        DepartmentRegistered {
            code: code(),
            name: "城管执法中队".into(),
            matters: [].into(),
            effective_from: day(days),
        }
    }

    #[test]
    fn orders_are_taken_back_when_the_closing_takes_effect_and_not_before() {
        let mut told = Told::new();
        told.district(registered(-9)).asked("order_dispatched");
        assert!(told.rows.is_empty(), "nothing is remembered of a department to which nothing happens");
        told.district(closed(2)).asked("order_dispatched");
        assert_eq!(told.sent(), [], "whoever is there before it takes effect goes back with all the others");
        assert_eq!(DepartmentWatch::next(told.rows["CGZF"].state.as_ref().unwrap()), Some(day(2)));
        told.woken(2).woken(2);
        assert_eq!(told.sent(), [On::EachOpenAt(code())], "once");
        let body = serde_json::json!({ "department": "CGZF", "since": day(2) });
        assert_eq!(told.rows["CGZF"].waiting[0].body, body);
    }

    #[test]
    fn what_comes_to_a_department_that_is_gone_goes_back_by_itself() {
        let mut told = Told::new();
        told.district(closed(0)).woken(0);
        for name in ["order_dispatched", "order_rework_required", "return_refused"] {
            told.asked(name);
        }
        assert_eq!(told.sent(), [On::EachOpenAt(code()), On::One(CASE), On::One(CASE), On::One(CASE)]);
        told.asked("order_accepted");
        assert_eq!(told.sent().len(), 4);
    }

    #[test]
    fn a_department_that_comes_back_keeps_what_is_sent_to_it() {
        let mut told = Told::new();
        told.district(closed(0)).woken(0).district(registered(5)).asked("order_dispatched");
        assert_eq!(told.sent(), [On::EachOpenAt(code()), On::One(CASE)], "it is not back yet");
        told.woken(5).asked("order_dispatched");
        assert_eq!(told.sent().len(), 2);
        let mut told = Told::new();
        told.district(closed(2)).district(DepartmentChangesWithdrawn { code: code(), scheduled_from: day(1) });
        assert!(told.rows.is_empty(), "what is withdrawn never happens");
    }
}
