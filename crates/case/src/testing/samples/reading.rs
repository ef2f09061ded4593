//! 读取诉求人信息.

use chrono::{NaiveDate, TimeDelta};
use kernel::{PersonId, Role};

use super::MORNING;
use crate::{CaseEvent, ReadPurpose, ReaderNamed, ReporterRead};

pub(super) fn reading() -> Vec<CaseEvent> {
    let read = ReporterRead {
        reader: "staff-0042".into(),
        role: Role::DutyOfficer,
        purpose: ReadPurpose::Answer,
        persons: vec![PersonId::named("sample/reporter")],
        day: NaiveDate::from_ymd_opt(2026, 3, 2).expect("a day"),
        until: MORNING + TimeDelta::minutes(15),
    };
    vec![read.into(), ReaderNamed { reader: "staff-0317".into(), reason: "由其上门核实".into() }.into()]
}
