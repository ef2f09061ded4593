//! A working calendar: which days are worked, and between which hours.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, Utc, Weekday};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// No place on earth is further from UTC.
const UTC_OFFSET_MINUTES_MAX: i32 = 14 * 60;

/// One version is for about a year. The limit keeps counts short.
const DAYS_MAX: i64 = 1_000;

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
    /// The region, for example `cn`.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The next id in the region for a day that no calendar covers. `newest` is the highest revision of the year of that day.
    pub(crate) fn missing(region: &str, day: NaiveDate, newest: Option<u16>) -> Self {
        let year = u16::try_from(day.year()).unwrap_or_default();
        Self { region: region.to_owned(), year, revision: newest.unwrap_or_default().saturating_add(1) }
    }

    /// Its revision, if it is of the same region and of the year of that day.
    pub(crate) fn revision_for(&self, region: &str, day: NaiveDate) -> Option<u16> {
        (self.region == region && i32::from(self.year) == day.year()).then_some(self.revision)
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
    pub from: NaiveTime,
    /// Local time.
    pub until: NaiveTime,
}

/// Consecutive days off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Holiday {
    /// First day off.
    pub from: NaiveDate,
    /// Last day off.
    pub until: NaiveDate,
    pub name: String,
}

/// One version of a working calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// Pinned in every due time that was counted by it.
    pub id: CalendarId,
    /// Minutes east of UTC.
    pub utc_offset_minutes: i32,
    /// The first day that it covers.
    pub first_day: NaiveDate,
    /// The last day that it covers.
    pub last_day: NaiveDate,
    /// The working hours of each working day, in order.
    pub working_hours: Vec<WorkingSpan>,
    /// The days of the week that are off.
    pub weekend: Vec<Weekday>,
    /// Public holidays.
    #[serde(default)]
    pub holidays: Vec<Holiday>,
    /// Weekend days that are worked in exchange for a holiday (调休).
    #[serde(default)]
    pub makeup_days: Vec<NaiveDate>,
    /// True where the official notice was not yet published.
    #[serde(default)]
    pub assumed: bool,
    /// The official notice, or why the days are assumed.
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
        at.naive_utc().checked_add_signed(self.offset()).map(|local| local.date())
    }

    /// The moment of a local time; `None` beyond the last date that can be written.
    pub(crate) fn moment(&self, day: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
        day.and_time(time).checked_sub_signed(self.offset()).map(|utc| utc.and_utc())
    }

    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let ordered = self.working_hours.windows(2).all(|pair| pair[0].until <= pair[1].from);
        let within = |holiday: &Holiday| {
            holiday.from <= holiday.until && self.covers(holiday.from) && self.covers(holiday.until)
        };
        if self.utc_offset_minutes.abs() > UTC_OFFSET_MINUTES_MAX {
            Some("has an offset from UTC that is out of range")
        } else if self.first_day > self.last_day {
            Some("ends before it begins")
        } else if (self.last_day - self.first_day).num_days() >= DAYS_MAX {
            Some("covers more than a thousand days")
        } else if self.working_hours.is_empty()
            || !ordered
            || self.working_hours.iter().any(|span| span.from >= span.until)
        {
            Some("needs working hours: spans in order that do not overlap")
        } else if !self.holidays.iter().all(within) {
            Some("has a holiday that ends before it begins or is outside of its days")
        } else if self.makeup_days.iter().any(|day| !self.covers(*day) || self.is_holiday(*day)) {
            Some("has a make-up day that is a holiday or is outside of its days")
        } else {
            None
        }
    }

    fn is_holiday(&self, day: NaiveDate) -> bool {
        self.holidays.iter().any(|holiday| holiday.from <= day && day <= holiday.until)
    }

    fn offset(&self) -> TimeDelta {
        TimeDelta::minutes(i64::from(self.utc_offset_minutes))
    }
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

    #[test]
    fn a_calendar_that_cannot_count_says_why() {
        let calendar = calendar_2026();
        assert_eq!(calendar.fault(), None);
        let [first, second] = [calendar.working_hours[0], calendar.working_hours[1]];
        let holiday = |from, until| Holiday { from: date(from), until: date(until), name: String::new() };
        let faults = [
            Calendar { utc_offset_minutes: 841, ..calendar.clone() },
            Calendar { last_day: date("2025-12-31"), ..calendar.clone() },
            Calendar { last_day: date("2028-09-27"), ..calendar.clone() },
            Calendar { working_hours: vec![], ..calendar.clone() },
            Calendar { working_hours: vec![second, first], ..calendar.clone() },
            Calendar { working_hours: vec![WorkingSpan { until: first.from, ..first }], ..calendar.clone() },
            Calendar { holidays: vec![holiday("2026-02-02", "2026-02-01")], ..calendar.clone() },
            Calendar { holidays: vec![holiday("2026-12-31", "2027-01-01")], ..calendar.clone() },
            Calendar { makeup_days: vec![date("2027-01-02")], ..calendar.clone() },
            Calendar { makeup_days: vec![date("2026-02-17")], ..calendar.clone() },
        ];
        for fault in faults {
            assert!(fault.fault().is_some(), "{fault:?}");
        }
    }
}
