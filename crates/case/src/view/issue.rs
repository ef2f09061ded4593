use chrono::{DateTime, Utc};
use kernel::likeness::Told;
use kernel::{Allowed, CaseId, Key, Place, Position, Read, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CaseEvent;
use crate::access::ISSUE_READERS;

/// What was told of an issue when it was discovered, and where it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    pub case: CaseId,
    #[serde(flatten)]
    pub told: Told,
    /// False once the case is closed, merged or voided. It is in no list then.
    pub is_open: bool,
    /// When it was recorded.
    pub discovered_at: DateTime<Utc>,
    /// The position of its first event.
    pub position: Position,
}

/// Open issues by where they are and what was told of them: for maps, and to find those that may be the same.
pub struct IssueView;

impl View for IssueView {
    const NAME: &'static str = "issue";
    const PATH: &'static str = "issues";
    const ABOUT: &'static str = "Open issues: where they are and what was told of them";
    const ACTION: &'static str = "read-issues";
    const READ: Allowed = ISSUE_READERS;
    const FROM: &'static [&'static str] = &["case"];
    const NONE: &'static [&'static str] = &[
        "cn.dualgrid.case.case_dispatched.v1",
        "cn.dualgrid.case.case_disposed.v1",
        "cn.dualgrid.case.case_filed.v1",
        "cn.dualgrid.case.case_left.v1",
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
        "cn.dualgrid.case.issue_escalated.v1",
        "cn.dualgrid.case.issue_registered.v1",
        "cn.dualgrid.case.issue_taken_in.v1",
        "cn.dualgrid.case.meeting_held.v1",
        "cn.dualgrid.case.merged_case_reopened.v1",
        "cn.dualgrid.case.merged_finder_heard.v1",
        "cn.dualgrid.case.merged_issue_answered.v1",
        "cn.dualgrid.case.order_accepted.v1",
        "cn.dualgrid.case.order_dispatched.v1",
        "cn.dualgrid.case.order_progress_recorded.v1",
        "cn.dualgrid.case.order_rework_required.v1",
        "cn.dualgrid.case.order_withdrawn.v1",
        "cn.dualgrid.case.part_disposed.v1",
        "cn.dualgrid.case.proposal_revised.v1",
        "cn.dualgrid.case.reader_named.v1",
        "cn.dualgrid.case.report_added.v1",
        "cn.dualgrid.case.reporter_read.v1",
        "cn.dualgrid.case.return_approved.v1",
        "cn.dualgrid.case.return_refused.v1",
        "cn.dualgrid.case.return_requested.v1",
        "cn.dualgrid.case.verification_failed.v1",
        "cn.dualgrid.case.verification_passed.v1",
        "cn.dualgrid.case.word_taken_in.v1",
    ];
    const FILTERS: &'static [&'static [&'static str]] = &[&["grid"], &["cell"], &["sketch"]];
    const IS_OF_ONE: bool = true;
    type Row = Issue;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        let touches = |kind: &CaseEvent| open_after(kind).is_some() || matches!(kind, CaseEvent::CaseMoved(_));
        if event.of::<CaseEvent>().is_some_and(touches) {
            touch(event.id().into());
        }
    }

    fn fold(_key: &Key, row: &mut Option<Issue>, event: &Read<'_>) {
        let Some(kind) = event.of::<CaseEvent>() else { return };
        if let (None, CaseEvent::IssueDiscovered(discovered)) = (&row, kind) {
            *row = Some(Issue {
                case: discovered.case,
                told: discovered.told(),
                is_open: true,
                discovered_at: event.time(),
                position: event.position(),
            });
        }
        let Some(row) = row else { return };
        row.is_open = open_after(kind).unwrap_or(row.is_open);
        if let CaseEvent::CaseMoved(moved) = kind {
            row.told.grids.clone_from(&moved.grid.path);
        }
    }

    fn place(row: &Issue) -> Place {
        Place::in_grids(&row.told.grids)
    }

    fn sort(row: &Issue) -> i64 {
        row.position.0.cast_signed()
    }

    fn values(row: &Issue, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            _ if !row.is_open => {}
            "grid" => row.told.grids.iter().for_each(|grid| give(grid.as_str())),
            "cell" => row.told.cell().iter().for_each(|cell| give(cell)),
            "sketch" => row.told.sketch().iter().for_each(|value| give(value)),
            _ => {}
        }
    }

    fn is_settled(row: &Issue) -> bool {
        !row.is_open
    }
}

/// Whether the issue is open after the event, where the event says so.
const fn open_after(event: &CaseEvent) -> Option<bool> {
    match event {
        CaseEvent::IssueDiscovered(_) | CaseEvent::CaseReopened(_) => Some(true),
        CaseEvent::IssueMerged(_) | CaseEvent::IssueVoided(_) | CaseEvent::CaseClosed(_) => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CASE, GRID, closed_case, discovered, merged, rows, second_cycle, voided};

    fn issue(events: impl IntoIterator<Item = CaseEvent>) -> Issue {
        rows::<IssueView>(events).remove(&Key::Id(CASE.uuid())).unwrap()
    }

    fn values(row: &Issue, filter: &str) -> Vec<String> {
        let mut values = Vec::new();
        IssueView::values(row, filter, &mut |value| values.push(value.to_owned()));
        values
    }

    #[test]
    fn an_issue_is_found_while_it_is_open() {
        let open = issue([discovered()]);
        assert_eq!(values(&open, "grid"), [GRID, "BZ-R01", "BZ"]);
        assert_eq!(values(&open, "cell"), Vec::from_iter(open.told.cell()));
        assert_eq!(values(&open, "sketch"), open.told.sketch());
        for over in [vec![discovered(), merged(CaseId::named("target"))], vec![discovered(), voided()], closed_case()] {
            let over = issue(over);
            assert_eq!((over.is_open, &over.told), (false, &open.told));
            assert!(["grid", "cell", "sketch"].iter().all(|filter| values(&over, filter).is_empty()));
        }
        assert_eq!(issue(second_cycle(true)).told, open.told);
        assert!(issue(second_cycle(true)).is_open, "a case that was reopened may be the same as another again");
    }

    #[test]
    fn a_row_is_read_back_as_what_was_told() {
        let row = issue([discovered()]);
        let written = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Told>(&written).unwrap(), row.told);
        assert_eq!(serde_json::from_str::<Issue>(&written).unwrap(), row);
    }
}
