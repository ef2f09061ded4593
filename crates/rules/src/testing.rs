//! A small set of rules for tests.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};
use kernel::consent::{Share, Thresholds};
use kernel::facts::Authority;
use kernel::separation::{Earlier, Incompatible, Later};
use kernel::{Aggregate as _, DepartmentCode, Limit, MatterCode, Step, TimeUnit};

use crate::{
    Calendar, CalendarId, CalendarPublished, CalendarPurpose, ConsentRule, ConsentRulePublished, DayTime, Domain,
    DuplicateRule, DuplicateRulePublished, FilingCriteriaPublished, FilingCriterion, HandlingKind, Holiday,
    MatterClass, MatterPublished, MatterSpec, PersonalDataRule, PersonalDataRulePublished, ReviewRule,
    ReviewRulePublished, Rulebook, RulesDescription, RulesEvent, SeparationRule, SeparationRulePublished, SourcedLimit,
    StepLimit, StepLimitsPublished, Windows, WindowsPublished, WorkingSpan,
};

pub(crate) fn rulebook(events: impl IntoIterator<Item = RulesEvent>) -> Rulebook {
    events.into_iter().fold(Rulebook::default(), Rulebook::evolve)
}

/// The steps that have a limit in [`described`].
pub(crate) fn steps() -> BTreeSet<Step> {
    BTreeSet::from([Step::ACCEPT, Step::FILE, Step::FIRST_CONTACT, Step::REGISTER])
}

/// The code of the one matter.
pub(crate) fn code() -> MatterCode {
    MatterCode::try_new("WM-0101").unwrap()
}

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn day(text: &str) -> DateTime<Utc> {
    date(text).and_time(NaiveTime::MIN).and_utc()
}

/// A moment given as local time of Shanghai.
pub(crate) fn shanghai(text: &str) -> DateTime<Utc> {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc() - TimeDelta::hours(8)
}

pub(crate) fn time(text: &str) -> DayTime {
    DayTime::try_from(text.to_owned()).unwrap()
}

pub(crate) fn with_calendars(calendars: &[Calendar]) -> Rulebook {
    let published = |calendar: &Calendar| CalendarPublished { rules_version: 3, calendar: calendar.clone() };
    rulebook(calendars.iter().map(published).map(RulesEvent::from))
}

/// The telephone is answered day and night.
pub(crate) fn hotline() -> Calendar {
    Calendar {
        id: CalendarId::try_from("hotline-2026.1".to_owned()).unwrap(),
        purpose: CalendarPurpose::try_from("hotline".to_owned()).unwrap(),
        working_hours: vec![WorkingSpan { from: time("00:00"), until: time("24:00") }],
        weekend: vec![],
        holidays: vec![],
        makeup_days: vec![],
        assumed: false,
        ..calendar_2026()
    }
}

fn calendar(year: i32, holidays: &[(&str, &str)], makeup_days: &[&str]) -> Calendar {
    let span = |from: &str, until: &str| WorkingSpan { from: time(from), until: time(until) };
    let holiday =
        |(from, until): &(&str, &str)| Holiday { from: date(from), until: date(until), name: "节日".into() };
    Calendar {
        id: CalendarId::try_from(format!("cn-{year}.1")).unwrap(),
        purpose: CalendarPurpose::default(),
        utc_offset_minutes: 480,
        first_day: date(&format!("{year}-01-01")),
        last_day: date(&format!("{year}-12-31")),
        working_hours: vec![span("09:00", "12:00"), span("13:00", "17:30")],
        weekend: vec![Weekday::Sat, Weekday::Sun],
        holidays: holidays.iter().map(holiday).collect(),
        makeup_days: makeup_days.iter().map(|text| date(text)).collect(),
        assumed: true,
        source: "测试".into(),
    }
}

pub(crate) fn calendar_2026() -> Calendar {
    calendar(2026, &[("2026-02-15", "2026-02-23")], &["2026-02-14"])
}

pub(crate) fn calendar_2027() -> Calendar {
    calendar(2027, &[("2027-01-01", "2027-01-03")], &[])
}

fn share(numerator: u32, denominator: u32, exceeded: bool) -> Share {
    Share { numerator, denominator, exceeded }
}

pub(crate) fn resident_two_thirds() -> ConsentRule {
    ConsentRule {
        id: "RESIDENT_2_3".into(),
        name: "三分之二以上居民同意".into(),
        source: "测试".into(),
        assumed: false,
        decided_from: None,
        decided_until: None,
        heads: Thresholds { agreed_of_electorate: Some(share(2, 3, false)), ..Thresholds::default() },
        area: None,
    }
}

pub(crate) fn half_of_participants() -> ConsentRule {
    let thresholds = Thresholds {
        participated_of_electorate: Some(share(2, 3, false)),
        agreed_of_electorate: None,
        agreed_of_participated: Some(share(1, 2, true)),
    };
    ConsentRule { id: "CIVIL_CODE_278".into(), heads: thresholds, area: Some(thresholds), ..resident_two_thirds() }
}

fn sourced(amount: u32, unit: TimeUnit) -> SourcedLimit {
    SourcedLimit {
        limit: Limit { amount, unit },
        calendar: CalendarPurpose::default(),
        assumed: false,
        source: "测试".into(),
    }
}

fn matter(code: &str) -> MatterSpec {
    MatterSpec {
        code: MatterCode::try_new(code).unwrap(),
        name: code.into(),
        class: MatterClass::Civility,
        domain: Domain::UrbanManagement,
        handling: HandlingKind::Immediate,
        authority: Authority::Administrative,
        lead: DepartmentCode::try_new("LHSR").unwrap(),
        assisting: vec![],
        disposal: Limit { amount: 4, unit: TimeUnit::WorkHour },
        calendar: CalendarPurpose::default(),
        assumed: false,
        source: "测试".into(),
    }
}

pub(crate) fn matter_event(code: &str, rules_version: u32) -> MatterPublished {
    MatterPublished { rules_version, matter: matter(code).in_force_from(day("2018-01-01")) }
}

/// One matter, one day for each of [`steps`], the calendar of 2026, one consent rule, one criterion.
pub(crate) fn described() -> RulesDescription {
    let limit = Limit { amount: 1, unit: TimeUnit::WorkDay };
    let step =
        |step| StepLimit { step, limit, calendar: CalendarPurpose::default(), assumed: true, source: "测试".into() };
    RulesDescription {
        allow_closing: 0,
        effective_from: day("2018-01-01"),
        matters: vec![matter("WM-0101")],
        step_limits: steps().into_iter().map(step).collect(),
        windows: Windows {
            return_order: sourced(2, TimeUnit::WorkDay),
            reopen: sourced(30, TimeUnit::CalendarDay),
            own_due: sourced(90, TimeUnit::CalendarDay),
        },
        review: Some(ReviewRule { score_min: 60, assumed: true, source: "测试".into() }),
        duplicates: Some(DuplicateRule { metres_max: 50, percent_min: 60, assumed: true, source: "测试".into() }),
        personal_data: Some(PersonalDataRule {
            days_after: 30,
            readings_a_day_max: 50,
            assumed: true,
            source: "测试".into(),
        }),
        separation: Some(SeparationRule {
            pairs: vec![Incompatible { earlier: Earlier::Hear, later: Later::Close }],
            assumed: true,
            source: "测试".into(),
        }),
        calendars: vec![calendar_2026()],
        consent_rules: vec![resident_two_thirds()],
        filing_criteria: vec![FilingCriterion { code: "LA-01".into(), text: "是否属于受理范围".into() }],
    }
}

/// The events of [`described`].
pub(crate) fn published() -> Vec<RulesEvent> {
    let RulesDescription {
        effective_from,
        step_limits,
        windows,
        review,
        duplicates,
        personal_data,
        separation,
        filing_criteria,
        ..
    } = described();
    let rules_version = 1;
    vec![
        CalendarPublished { rules_version, calendar: calendar_2026() }.into(),
        matter_event("WM-0101", rules_version).into(),
        StepLimitsPublished { rules_version, limits: step_limits, effective_from }.into(),
        WindowsPublished { rules_version, windows, effective_from }.into(),
        ReviewRulePublished { rules_version, review, effective_from }.into(),
        DuplicateRulePublished { rules_version, duplicates, effective_from }.into(),
        PersonalDataRulePublished { rules_version, personal_data, effective_from }.into(),
        SeparationRulePublished { rules_version, separation, effective_from }.into(),
        FilingCriteriaPublished { rules_version, criteria: filing_criteria, effective_from }.into(),
        ConsentRulePublished { rules_version, rule: resident_two_thirds() }.into(),
    ]
}
