//! How far the published calendars reach.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};

use crate::{Calendar, CalendarPurpose, Rulebook};

/// From how many days before its calendars end an installation says so.
const NOTICE_DAYS: i64 = 60;

/// The calendars of a purpose end soon, or have ended. Due times after that are counted on plain weeks and marked as assumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarsEnd {
    /// What the calendars are for.
    pub purpose: CalendarPurpose,
    /// The first day that none of them covers.
    pub first_uncovered: NaiveDate,
    /// How many days are covered from today on; 0 where today is not.
    pub days_left: i64,
}

impl fmt::Display for CalendarsEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { purpose, first_uncovered, days_left } = self;
        write!(
            f,
            "no {purpose} calendar covers {first_uncovered}, in {days_left} days; due times from then on are counted on plain \
             weeks and marked as assumed; publish the next calendar"
        )
    }
}

impl Rulebook {
    /// For each purpose, how many days are covered from today on.
    pub fn calendar_days_left(&self, at: DateTime<Utc>) -> Vec<CalendarsEnd> {
        let today = self.today(at);
        let office = CalendarPurpose::default();
        let purposes: BTreeSet<_> = self.calendars().map(|calendar| &calendar.purpose).chain([&office]).collect();
        let end = |purpose: &CalendarPurpose| {
            let calendars = || self.calendars().filter(|calendar| calendar.purpose == *purpose);
            let first_uncovered = first_uncovered(calendars, today);
            let days_left = first_uncovered.signed_duration_since(today).num_days();
            CalendarsEnd { purpose: purpose.clone(), first_uncovered, days_left }
        };
        purposes.into_iter().map(end).collect()
    }

    /// The purposes whose calendars end within 60 days, or have ended.
    pub fn calendars_ending(&self, at: DateTime<Utc>) -> Vec<CalendarsEnd> {
        self.calendar_days_left(at).into_iter().filter(|end| end.days_left < NOTICE_DAYS).collect()
    }
}

fn first_uncovered<'a, I: Iterator<Item = &'a Calendar>>(calendars: impl Fn() -> I, today: NaiveDate) -> NaiveDate {
    let mut day = today;
    while let Some(last) = calendars().filter(|calendar| calendar.covers(day)).map(|calendar| calendar.last_day).max() {
        let Some(next) = last.succ_opt() else { break };
        day = next;
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{calendar_2026, calendar_2027, date, hotline, shanghai, with_calendars};

    #[test]
    fn the_end_of_the_calendars_is_told_sixty_days_ahead() {
        let rules = with_calendars(&[calendar_2027(), calendar_2026()]);
        let ending = |at| rules.calendars_ending(shanghai(at));
        assert_eq!(ending("2027-11-02 23:59"), []);
        let [end] = &ending("2027-11-03 00:00")[..] else { panic!("one purpose") };
        assert_eq!((end.first_uncovered, end.days_left), (date("2028-01-01"), 59));
        let [end] = &ending("2028-05-01 00:00")[..] else { panic!("one purpose") };
        assert_eq!((end.first_uncovered, end.days_left), (date("2028-05-01"), 0));
        assert!(end.to_string().starts_with("no office calendar covers 2028-05-01, in 0 days"), "{end}");
    }

    #[test]
    fn each_purpose_has_its_own_end_and_an_office_without_calendars_is_told() {
        let rules = with_calendars(&[calendar_2026(), calendar_2027(), hotline()]);
        let ending: Vec<_> = rules.calendars_ending(shanghai("2026-12-01 00:00"));
        assert_eq!(ending.iter().map(|end| end.purpose.to_string()).collect::<Vec<_>>(), ["hotline"]);
        assert_eq!(Rulebook::default().calendars_ending(shanghai("2026-12-01 00:00")).len(), 1);
    }
}
