//! A working calendar: which days are worked, and between which hours.

mod fault;
mod week;

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bounds::{DAYS_MAX, NAME_LEN_MAX, SPANS_MAX, TEXT_LEN_MAX, WEEK_DAYS};
use crate::{CalendarPurpose, DayTime};

pub(crate) use fault::gap;
pub(crate) use week::Week;

/// The id of a calendar version: region, year and revision, for example `cn-2026.1`. A later notice has a new revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z]{2,8}-[0-9]{4}\\.[0-9]{1,3}$"))]
pub struct CalendarId {
    region: String,
    year: u16,
    revision: u16,
}

impl CalendarId {
    /// Its revision: of two calendars for a day, the higher one counts.
    pub(crate) fn revision(&self) -> u16 {
        self.revision
    }
}

impl fmt::Display for CalendarId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:04}.{}", self.region, self.year, self.revision)
    }
}

/// The text is not the id of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the id of a calendar is REGION-YEAR.REVISION, for example cn-2026.1")]
pub struct InvalidCalendarId;

impl TryFrom<String> for CalendarId {
    type Error = InvalidCalendarId;

    fn try_from(text: String) -> Result<Self, InvalidCalendarId> {
        let (region, version) = text.split_once('-').ok_or(InvalidCalendarId)?;
        let (year, revision) = version.split_once('.').ok_or(InvalidCalendarId)?;
        let region_ok = (2..=8).contains(&region.len()) && region.bytes().all(|byte| byte.is_ascii_lowercase());
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let version_ok = year.len() == 4 && (1..=3).contains(&revision.len()) && digits(year) && digits(revision);
        if !region_ok || !version_ok {
            return Err(InvalidCalendarId);
        }
        let number = |text: &str| text.parse().map_err(|_| InvalidCalendarId);
        Ok(Self { region: region.to_owned(), year: number(year)?, revision: number(revision)? })
    }
}

impl From<CalendarId> for String {
    fn from(id: CalendarId) -> String {
        id.to_string()
    }
}

/// One span of working hours; `until` is excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkingSpan {
    /// Local time.
    pub from: DayTime,
    /// Local time; `24:00` is the end of the day.
    pub until: DayTime,
}

/// Consecutive days off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// First day off.
    pub from: NaiveDate,
    /// Last day off.
    pub until: NaiveDate,
    #[schemars(length(min = 1, max = NAME_LEN_MAX))]
    pub name: String,
}

/// One version of a working calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Pinned in every due time that was counted by it.
    pub id: CalendarId,
    /// What it is for. A limit is counted by the calendars of the purpose that it names.
    #[serde(default, skip_serializing_if = "CalendarPurpose::is_office")]
    pub purpose: CalendarPurpose,
    /// Minutes east of UTC.
    pub utc_offset_minutes: i32,
    /// The first day that it covers, in the year of its id.
    pub first_day: NaiveDate,
    /// The last day that it covers, in the same year.
    pub last_day: NaiveDate,
    /// The working hours of each working day, in order.
    #[schemars(length(max = SPANS_MAX))]
    pub working_hours: Vec<WorkingSpan>,
    /// The days of the week that are off.
    #[schemars(length(max = WEEK_DAYS))]
    pub weekend: Vec<Weekday>,
    /// Public holidays.
    #[serde(default)]
    #[schemars(length(max = DAYS_MAX))]
    pub holidays: Vec<Holiday>,
    /// Weekend days that are worked in exchange for a holiday (调休).
    #[serde(default)]
    #[schemars(length(max = DAYS_MAX))]
    pub makeup_days: Vec<NaiveDate>,
    /// True where the official notice was not yet published.
    #[serde(default)]
    pub assumed: bool,
    /// The official notice, or why the days are assumed.
    #[schemars(length(min = 1, max = TEXT_LEN_MAX))]
    pub source: String,
}

impl Calendar {
    /// Whether it covers the day.
    pub fn covers(&self, day: NaiveDate) -> bool {
        self.first_day <= day && day <= self.last_day
    }

    /// Whether the day is a working day.
    pub fn is_working_day(&self, day: NaiveDate) -> bool {
        let off = self.weekend.contains(&day.weekday()) || self.is_holiday(day);
        self.makeup_days.contains(&day) || !off
    }

    /// The local day of a moment; `None` beyond the last date that can be written.
    pub(crate) fn local_day(&self, at: DateTime<Utc>) -> Option<NaiveDate> {
        local_day(self.utc_offset_minutes, at)
    }

    /// The working hours of a day as moments, none on a day off; `None` beyond the last date that can be written.
    pub(crate) fn worked(&self, day: NaiveDate) -> Option<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
        let spans = if self.is_working_day(day) { self.working_hours.as_slice() } else { &[] };
        moments(self.utc_offset_minutes, spans, day)
    }

    fn is_holiday(&self, day: NaiveDate) -> bool {
        self.holidays.iter().any(|holiday| holiday.from <= day && day <= holiday.until)
    }
}

fn local_day(utc_offset_minutes: i32, at: DateTime<Utc>) -> Option<NaiveDate> {
    let offset = TimeDelta::minutes(i64::from(utc_offset_minutes));
    at.naive_utc().checked_add_signed(offset).map(|local| local.date())
}

fn moments(
    utc_offset_minutes: i32,
    spans: &[WorkingSpan],
    day: NaiveDate,
) -> Option<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
    let offset = TimeDelta::minutes(i64::from(utc_offset_minutes));
    let moment = |time: DayTime| time.on(day)?.checked_sub_signed(offset);
    spans.iter().map(|span| Some((moment(span.from)?, moment(span.until)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{calendar_2026, date};

    #[test]
    fn an_id_is_region_year_and_revision() {
        let id = |text: &str| CalendarId::try_from(text.to_owned());
        assert_eq!(id("cn-2026.1").unwrap().to_string(), "cn-2026.1");
        for wrong in
            ["", "cn", "cn-2026", "cn-26.1", "CN-2026.1", "cn-2026.", "cn-2026.1000", "cn-2026.+1", "cn-+026.1"]
        {
            assert_eq!(id(wrong), Err(InvalidCalendarId), "{wrong:?}");
        }
    }

    #[test]
    fn weekends_holidays_and_makeup_days_are_told_apart() {
        let calendar = calendar_2026();
        for (day, worked) in [
            ("2026-02-13", true),
            ("2026-02-14", true),  // a Saturday that is worked
            ("2026-02-15", false), // the holiday begins on a Sunday
            ("2026-02-23", false), // a Monday, last day of the holiday
            ("2026-02-24", true),
            ("2026-03-07", false),
        ] {
            assert_eq!(calendar.is_working_day(date(day)), worked, "{day}");
        }
    }
}
