//! A plain week, for days that no published calendar covers.

use chrono::{DateTime, Datelike, NaiveDate, Utc, Weekday};

use super::{Calendar, WorkingSpan, local_day, moments};
use crate::DayTime;

/// Where no calendar was published at all: the time of China, Monday to Friday, nine to five.
const UTC_OFFSET_MINUTES: i32 = 480;

/// The days and hours of a week, without holidays.
pub(crate) struct Week {
    utc_offset_minutes: i32,
    working_hours: Vec<WorkingSpan>,
    weekend: Vec<Weekday>,
}

impl Week {
    /// The week of a calendar.
    pub(crate) fn of(calendar: &Calendar) -> Self {
        Self {
            utc_offset_minutes: calendar.utc_offset_minutes,
            working_hours: calendar.working_hours.clone(),
            weekend: calendar.weekend.clone(),
        }
    }

    /// The local day of a moment; `None` beyond the last date that can be written.
    pub(crate) fn local_day(&self, at: DateTime<Utc>) -> Option<NaiveDate> {
        local_day(self.utc_offset_minutes, at)
    }

    /// The working hours of a day as moments, none on a day off; `None` beyond the last date that can be written.
    pub(crate) fn worked(&self, day: NaiveDate) -> Option<Vec<(DateTime<Utc>, DateTime<Utc>)>> {
        let spans = if self.weekend.contains(&day.weekday()) { &[] } else { self.working_hours.as_slice() };
        moments(self.utc_offset_minutes, spans, day)
    }
}

impl Default for Week {
    fn default() -> Self {
        let working_hours = vec![WorkingSpan { from: DayTime::hour(9), until: DayTime::hour(17) }];
        Self { utc_offset_minutes: UTC_OFFSET_MINUTES, working_hours, weekend: vec![Weekday::Sat, Weekday::Sun] }
    }
}
