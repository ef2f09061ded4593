//! What is wrong with a calendar, and with the calendars of one purpose together. Each answer names the day or the field.

use std::collections::BTreeSet;

use chrono::{Datelike, NaiveDate};

use super::{Calendar, WorkingSpan};

/// No place on earth is further from UTC.
const UTC_OFFSET_MINUTES_MAX: i32 = 14 * 60;

/// Every offset on earth is a multiple of a quarter of an hour. Hours that are written as minutes are not.
const UTC_OFFSET_MINUTES_STEP: i32 = 15;

impl Calendar {
    /// What is wrong with it.
    pub(crate) fn fault(&self) -> Option<String> {
        self.fields().or_else(|| self.hours()).or_else(|| self.holidays_off()).or_else(|| self.makeup_worked())
    }

    fn fields(&self) -> Option<String> {
        let offset = self.utc_offset_minutes;
        let week: BTreeSet<u32> = self.weekend.iter().map(chrono::Weekday::num_days_from_monday).collect();
        let elsewhere = |day: &&NaiveDate| day.year() != i32::from(self.id.year);
        if offset.checked_abs().is_none_or(|minutes| minutes > UTC_OFFSET_MINUTES_MAX)
            || offset % UTC_OFFSET_MINUTES_STEP != 0
        {
            Some(format!(
                "has utc_offset_minutes = {offset}; it must be in minutes, a multiple of {UTC_OFFSET_MINUTES_STEP} from \
                 -{UTC_OFFSET_MINUTES_MAX} to {UTC_OFFSET_MINUTES_MAX}, for example 480 for UTC+8"
            ))
        } else if let Some(day) = [&self.first_day, &self.last_day].into_iter().find(elsewhere) {
            Some(format!("is of the year {} by its id, and its days reach to {day}", self.id.year))
        } else if self.first_day > self.last_day {
            Some(format!("has first_day = {} after last_day = {}", self.first_day, self.last_day))
        } else if week.len() == 7 {
            Some("has a weekend of seven days; leave at least one day of the week to work".to_owned())
        } else if week.len() < self.weekend.len() {
            Some("names a day of the weekend twice".to_owned())
        } else {
            None
        }
    }

    fn hours(&self) -> Option<String> {
        let reversed = |span: &&WorkingSpan| span.from >= span.until;
        if self.working_hours.is_empty() {
            return Some("needs working_hours".to_owned());
        }
        if let Some(span) = self.working_hours.iter().find(reversed) {
            return Some(format!(
                "has working hours from {} until {}; they must end after they begin",
                span.from, span.until
            ));
        }
        let overlap = self.working_hours.windows(2).find(|pair| pair[0].until > pair[1].from)?;
        Some(format!(
            "has working hours from {} that begin before those until {} end; write them in order",
            overlap[1].from, overlap[0].until
        ))
    }

    fn holidays_off(&self) -> Option<String> {
        let mut off = BTreeSet::new();
        for holiday in &self.holidays {
            let (from, until) = (holiday.from, holiday.until);
            if from > until {
                return Some(format!("has a holiday from {from} until {until}, which ends before it begins"));
            }
            if let Some(day) = [from, until].into_iter().find(|day| !self.covers(*day)) {
                return Some(format!("has a holiday on {day}, outside of its days"));
            }
            let mut days = from.iter_days().take_while(|day| *day <= until);
            if let Some(day) = days.find(|day| !off.insert(*day)) {
                return Some(format!("has two holidays on {day}"));
            }
        }
        None
    }

    fn makeup_worked(&self) -> Option<String> {
        let mut known = BTreeSet::new();
        for day in &self.makeup_days {
            if !self.covers(*day) {
                return Some(format!("has the make-up day {day}, outside of its days"));
            }
            if self.is_holiday(*day) {
                return Some(format!("has the make-up day {day}, which is a holiday"));
            }
            if !self.weekend.contains(&day.weekday()) {
                return Some(format!("has the make-up day {day}, a {}, which is worked anyway", day.weekday()));
            }
            if !known.insert(day) {
                return Some(format!("has the make-up day {day} twice"));
            }
        }
        None
    }
}

/// The first gap between the days of calendars of one purpose: the calendar after it, and the first day that none covers.
pub(crate) fn gap<'a>(calendars: impl IntoIterator<Item = &'a Calendar>) -> Option<(&'a Calendar, NaiveDate)> {
    let mut calendars: Vec<_> = calendars.into_iter().collect();
    calendars.sort_by_key(|calendar| calendar.first_day);
    let mut covered: Option<NaiveDate> = None;
    for calendar in calendars {
        if let Some(next) = covered.and_then(|day| day.succ_opt()).filter(|next| *next < calendar.first_day) {
            return Some((calendar, next));
        }
        covered = covered.max(Some(calendar.last_day));
    }
    None
}

#[cfg(test)]
mod tests {
    use chrono::Weekday;

    use super::*;
    use crate::testing::{calendar_2026, calendar_2027, date, time};
    use crate::{CalendarId, Holiday};

    #[test]
    fn a_calendar_that_cannot_count_names_the_day_or_the_field() {
        let calendar = calendar_2026();
        assert_eq!(calendar.fault(), None);
        let [first, second] = [calendar.working_hours[0], calendar.working_hours[1]];
        let holiday = |from, until| Holiday { from: date(from), until: date(until), name: String::new() };
        let week = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
        let id = CalendarId::try_from("cn-2025.1".to_owned()).unwrap();
        let faults = [
            ("utc_offset_minutes = 855", Calendar { utc_offset_minutes: 855, ..calendar.clone() }),
            ("utc_offset_minutes = 8;", Calendar { utc_offset_minutes: 8, ..calendar.clone() }),
            ("utc_offset_minutes = -2147483648", Calendar { utc_offset_minutes: i32::MIN, ..calendar.clone() }),
            ("the year 2025 by its id", Calendar { id, ..calendar.clone() }),
            ("reach to 2027-01-01", Calendar { last_day: date("2027-01-01"), ..calendar.clone() }),
            (
                "last_day = 2026-01-01",
                Calendar { first_day: date("2026-02-01"), last_day: date("2026-01-01"), ..calendar.clone() },
            ),
            ("weekend of seven days", Calendar { weekend: week.to_vec(), ..calendar.clone() }),
            ("weekend twice", Calendar { weekend: vec![Weekday::Sat, Weekday::Sat], ..calendar.clone() }),
            ("working_hours", Calendar { working_hours: vec![], ..calendar.clone() }),
            ("in order", Calendar { working_hours: vec![second, first], ..calendar.clone() }),
            (
                "until 08:00",
                Calendar { working_hours: vec![WorkingSpan { until: time("08:00"), ..first }], ..calendar.clone() },
            ),
            (
                "2026-02-02 until 2026-02-01",
                Calendar { holidays: vec![holiday("2026-02-02", "2026-02-01")], ..calendar.clone() },
            ),
            (
                "holiday on 2027-01-01",
                Calendar { holidays: vec![holiday("2026-12-31", "2027-01-01")], ..calendar.clone() },
            ),
            (
                "two holidays on 2026-02-03",
                Calendar {
                    holidays: vec![holiday("2026-02-02", "2026-02-03"), holiday("2026-02-03", "2026-02-04")],
                    ..calendar.clone()
                },
            ),
            ("day 2027-01-02, outside", Calendar { makeup_days: vec![date("2027-01-02")], ..calendar.clone() }),
            (
                "day 2026-02-17, which is a holiday",
                Calendar { makeup_days: vec![date("2026-02-17")], ..calendar.clone() },
            ),
            ("day 2026-03-04, a Wed", Calendar { makeup_days: vec![date("2026-03-04")], ..calendar.clone() }),
            ("day 2026-03-07 twice", Calendar { makeup_days: vec![date("2026-03-07"); 2], ..calendar.clone() }),
        ];
        for (named, calendar) in faults {
            let fault = calendar.fault().unwrap_or_default();
            assert!(fault.contains(named), "{named}: {fault:?}");
        }
    }

    #[test]
    fn a_gap_is_found_wherever_the_calendars_stand() {
        let late = Calendar { first_day: date("2027-01-03"), ..calendar_2027() };
        assert_eq!(gap([&calendar_2027(), &calendar_2026()]), None);
        assert_eq!(gap([&late, &calendar_2026()]), Some((&late, date("2027-01-01"))));
        let half = Calendar { last_day: date("2026-06-30"), ..calendar_2026() };
        assert_eq!(gap([&half, &calendar_2026(), &calendar_2027()]), None, "a shorter revision beside a whole year");
    }
}
