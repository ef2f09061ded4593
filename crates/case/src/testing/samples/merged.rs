//! 并案: what the finder of a merged case was told, and what was said of it.

use kernel::{CaseId, Role, Step};

use super::{MORNING, by_grid, grid, photo, values};
use crate::{
    CaseEvent, MergedCaseReopened, MergedFinderHeard, MergedIssueAnswered, ReopenCause, Reopening, ReportTakenIn,
    WordRecorded, WordTakenIn,
};

pub(super) fn merged() -> Vec<CaseEvent> {
    vec![
        MergedIssueAnswered {
            by_case: CaseId::named("sample/twin"),
            number: 1,
            cycle: 1,
            answer: "已改建".into(),
            reopening: Reopening::UntilClosed,
            title: "车棚老旧、充电线路私拉".into(),
            grids: grid().path,
            next: by_grid(Step::COLLECT_FEEDBACK, Role::DutyOfficer, "JAS"),
        }
        .into(),
        MergedFinderHeard {
            by_case: CaseId::named("sample/twin"),
            cycle: 1,
            answer: "已改建".into(),
            contacted: true,
            solved: Some(false),
            satisfied: Some(false),
            comment: Some("雨棚仍漏水".into()),
            heard_at: MORNING,
            title: "车棚老旧、充电线路私拉".into(),
            grids: grid().path,
            next: Some(by_grid(Step::ROUTE_AGAIN, Role::DutyOfficer, "JAS")),
        }
        .into(),
        MergedCaseReopened {
            into: CaseId::named("sample/twin"),
            cause: ReopenCause::FinderDissatisfied,
            reason: "雨棚仍漏水".into(),
        }
        .into(),
        word(),
    ]
}

fn word() -> CaseEvent {
    let report = ReportTakenIn {
        title: "车棚又漏水".into(),
        description: "雨后车棚积水，居民再次来电".into(),
        grid: super::grid_code("JAS-R03-M01"),
        location: values::location(),
        evidence: vec![photo()],
    };
    let (from, number) = (CaseId::named("sample/twin"), 1);
    WordTakenIn { from, number, said: WordRecorded::Report(report), heard_at: MORNING }.into()
}
