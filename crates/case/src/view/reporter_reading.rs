//! How often somebody has read who reported cases, day by day.

use chrono::{Datelike as _, NaiveDate};
use kernel::Reach::Everywhere;
use kernel::Role::{AuditAdministrator, Auditor, SecurityAdministrator};
use kernel::view::Order;
use kernel::{Allowed, CaseId, Key, Place, Read, View};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::CaseEvent;

/// The readings of one reader on one day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReporterReading {
    /// The staff id of the reader, or the id of a program.
    pub reader: String,
    /// The day, as the district counts its days.
    pub day: NaiveDate,
    /// How many readings.
    pub count: u32,
    /// The cases, each once, in the order of their first reading that day.
    pub cases: Vec<CaseId>,
}

/// Who reads who reported cases.
#[derive(Debug)]
pub struct ReporterReadingView;

impl View for ReporterReadingView {
    const NAME: &'static str = "reporter_reading";
    const PATH: &'static str = "reporter-readings";
    const ABOUT: &'static str = "Who has read who reported cases, and how often; the newest day first";
    const ACTION: &'static str = "read-reporter-readings";
    const READ: Allowed =
        &[(Auditor, Everywhere), (SecurityAdministrator, Everywhere), (AuditAdministrator, Everywhere)];
    const FROM: &'static [&'static str] = &["case"];
    const NONE: &'static [&'static str] = &[
        "cn.dualgrid.case.case_closed.v1",
        "cn.dualgrid.case.case_dispatched.v1",
        "cn.dualgrid.case.case_disposed.v1",
        "cn.dualgrid.case.case_filed.v1",
        "cn.dualgrid.case.case_left.v1",
        "cn.dualgrid.case.case_moved.v1",
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
        "cn.dualgrid.case.order_accepted.v1",
        "cn.dualgrid.case.order_dispatched.v1",
        "cn.dualgrid.case.order_progress_recorded.v1",
        "cn.dualgrid.case.order_rework_required.v1",
        "cn.dualgrid.case.order_withdrawn.v1",
        "cn.dualgrid.case.part_disposed.v1",
        "cn.dualgrid.case.proposal_revised.v1",
        "cn.dualgrid.case.reader_named.v1",
        "cn.dualgrid.case.report_added.v1",
        "cn.dualgrid.case.return_approved.v1",
        "cn.dualgrid.case.return_refused.v1",
        "cn.dualgrid.case.return_requested.v1",
        "cn.dualgrid.case.verification_failed.v1",
        "cn.dualgrid.case.verification_passed.v1",
        "cn.dualgrid.case.word_taken_in.v1",
    ];
    const FILTERS: &'static [&'static [&'static str]] = &[&["reader"], &["day"], &[]];
    const ORDER: Order = Order::Descending;
    type Row = ReporterReading;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        if let Some(CaseEvent::ReporterRead(read)) = event.of::<CaseEvent>() {
            touch(Key::Text(format!("{}:{}", read.day, read.reader).into()));
        }
    }

    fn fold(_key: &Key, row: &mut Option<ReporterReading>, event: &Read<'_>) {
        let Some(CaseEvent::ReporterRead(read)) = event.of::<CaseEvent>() else { return };
        let (reader, day) = (read.reader.clone(), read.day);
        let row = row.get_or_insert(ReporterReading { reader, day, count: 0, cases: vec![] });
        row.count = row.count.saturating_add(1);
        let case = CaseId::new(event.id());
        if !row.cases.contains(&case) {
            row.cases.push(case);
        }
    }

    fn place(_row: &ReporterReading) -> Place {
        Place::default()
    }

    fn sort(row: &ReporterReading) -> i64 {
        row.day.num_days_from_ce().into()
    }

    fn values(row: &ReporterReading, filter: &str, give: &mut dyn FnMut(&str)) {
        match filter {
            "reader" => give(&row.reader),
            "day" => give(&row.day.to_string()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{CASE, every_event, rows};

    #[test]
    fn readings_of_a_reader_are_counted_by_day() {
        let read = || every_event().into_iter().find(|event| matches!(event, CaseEvent::ReporterRead(_))).unwrap();
        let CaseEvent::ReporterRead(mut other) = read() else { panic!("a reading") };
        other.reader = "staff-7".into();
        let found = rows::<ReporterReadingView>([read(), read(), CaseEvent::ReporterRead(other)]);
        let row = &found[&Key::Text("2026-03-02:staff-0042".into())];
        assert_eq!((row.count, row.cases.as_slice()), (2, &[CASE][..]));
        assert_eq!(found[&Key::Text("2026-03-02:staff-7".into())].count, 1);
    }
}
