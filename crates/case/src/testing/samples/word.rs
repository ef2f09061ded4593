//! What was said of a merged case.

use kernel::CaseId;

use super::{MORNING, photo, values};
use crate::{CaseEvent, ReportTakenIn, WordRecorded, WordTakenIn};

pub(super) fn word() -> CaseEvent {
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
