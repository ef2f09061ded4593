//! Due times: a limit counted along the published calendars.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::{Derivation, Due, Limit, LimitOf, TimeUnit};

use crate::{Calendar, CalendarId, Rulebook};

/// The calendar in a derivation that needed none.
const NO_CALENDAR: &str = "none";

/// The region of the calendar to publish where none was published yet.
const DEFAULT_REGION: &str = "cn";

/// A limit and where it is published.
struct Published {
    limit: Limit,
    assumed: bool,
    rule: String,
}

/// Why no due time can be derived from a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum NoCount {
    /// The count reaches a day that no calendar covers.
    #[error("no working calendar covers {day}; publish calendar {publish}")]
    BeyondCalendars { day: NaiveDate, publish: CalendarId },
    /// The due time is after the last date that can be written.
    #[error("the due time is after the last date that can be written")]
    OutOfRange,
}

impl Rulebook {
    /// The due time of a limit that begins at `from`. `None` where the rules have no such limit at that moment; the reason
    /// where they have one but no due time can be derived from it.
    ///
    /// Where the days run from one calendar into the next (the turn of the year), the derivation names both, joined by `+`;
    /// where no calendar was needed, it says `none`.
    pub fn due_of(&self, of: &LimitOf, from: DateTime<Utc>) -> Option<Result<Due, String>> {
        let published = self.published(of, from)?;
        Some(self.count(published, from).map_err(|error| error.to_string()))
    }

    fn published(&self, of: &LimitOf, at: DateTime<Utc>) -> Option<Published> {
        let published = |limit, assumed, rule| Some(Published { limit, assumed, rule });
        match of {
            LimitOf::Step(step) => {
                let known = self.step_limit(step, at)?;
                published(known.limit, known.assumed, format!("step {step}"))
            }
            LimitOf::Disposal(matter) => {
                let disposal = &self.matter(matter, at)?.disposal;
                published(disposal.limit, disposal.assumed, format!("matter {matter} disposal"))
            }
            LimitOf::ReturnWindow => {
                let window = &self.windows(at)?.return_order;
                published(window.limit, window.assumed, "window return".to_owned())
            }
            LimitOf::ReopenWindow => {
                let window = &self.windows(at)?.reopen;
                published(window.limit, window.assumed, "window reopen".to_owned())
            }
        }
    }

    fn count(&self, published: Published, from: DateTime<Utc>) -> Result<Due, NoCount> {
        let Published { limit, assumed, rule } = published;
        let amount = i64::from(limit.amount);
        let mut count = Count { calendars: &self.calendars, used: vec![] };
        let at = match limit.unit {
            TimeUnit::UrgentHour => from.checked_add_signed(TimeDelta::hours(amount)).ok_or(NoCount::OutOfRange)?,
            TimeUnit::CalendarDay => from.checked_add_signed(TimeDelta::days(amount)).ok_or(NoCount::OutOfRange)?,
            TimeUnit::WorkHour => count.work_hours(TimeDelta::hours(amount), from)?,
            TimeUnit::WorkDay => count.work_days(limit.amount, from)?,
        };
        let (rule, calendar) = (rule.into(), count.calendar().into());
        let derivation = Derivation { from, limit, rule, rules_version: self.version, calendar, assumed };
        Ok(Due { at, derivation })
    }
}

/// Counts along the calendars and remembers those that it used.
///
/// Every day is looked up, so that the count ends where the calendars end.
struct Count<'a> {
    calendars: &'a [Calendar],
    used: Vec<&'a CalendarId>,
}

impl<'a> Count<'a> {
    /// The end of the working hours of the n-th working day after the day of `from`.
    fn work_days(&mut self, amount: u32, from: DateTime<Utc>) -> Result<DateTime<Utc>, NoCount> {
        let mut day = self.first_day(from)?;
        let mut left = amount;
        loop {
            day = next(day)?;
            let calendar = self.calendar_of(day)?;
            if !calendar.is_working_day(day) {
                continue;
            }
            left = left.saturating_sub(1);
            if left == 0 {
                let last = calendar.working_hours.last().ok_or(NoCount::OutOfRange)?;
                return calendar.moment(day, last.until).ok_or(NoCount::OutOfRange);
            }
        }
    }

    /// The moment at which that much working time has passed.
    fn work_hours(&mut self, amount: TimeDelta, from: DateTime<Utc>) -> Result<DateTime<Utc>, NoCount> {
        let mut day = self.first_day(from)?;
        let mut left = amount;
        loop {
            let calendar = self.calendar_of(day)?;
            let spans = if calendar.is_working_day(day) { calendar.working_hours.as_slice() } else { &[] };
            for span in spans {
                let begin = calendar.moment(day, span.from).ok_or(NoCount::OutOfRange)?.max(from);
                let end = calendar.moment(day, span.until).ok_or(NoCount::OutOfRange)?;
                let available = (end - begin).max(TimeDelta::zero());
                if left <= available {
                    return Ok(begin + left);
                }
                left -= available;
            }
            day = next(day)?;
        }
    }

    /// The local day of a moment, by the last published calendar that covers it.
    fn first_day(&self, from: DateTime<Utc>) -> Result<NaiveDate, NoCount> {
        let day_by = |calendar: &Calendar| calendar.local_day(from).filter(|day| calendar.covers(*day));
        let newest = self.calendars.last();
        let fallback = || newest.map_or(Some(from.date_naive()), |calendar| calendar.local_day(from));
        match self.calendars.iter().rev().find_map(day_by) {
            Some(day) => Ok(day),
            None => Err(fallback().map_or(NoCount::OutOfRange, |day| self.beyond(day))),
        }
    }

    fn calendar_of(&mut self, day: NaiveDate) -> Result<&'a Calendar, NoCount> {
        let calendar = self.calendars.iter().rev().find(|calendar| calendar.covers(day));
        let calendar = calendar.ok_or_else(|| self.beyond(day))?;
        if !self.used.contains(&&calendar.id) {
            self.used.push(&calendar.id);
        }
        Ok(calendar)
    }

    /// Says which calendar is missing.
    fn beyond(&self, day: NaiveDate) -> NoCount {
        let region = self.calendars.last().map_or(DEFAULT_REGION, |calendar| calendar.id.region());
        let newest = self.calendars.iter().filter_map(|calendar| calendar.id.revision_for(region, day)).max();
        NoCount::BeyondCalendars { day, publish: CalendarId::missing(region, day, newest) }
    }

    fn calendar(&self) -> String {
        if self.used.is_empty() {
            return NO_CALENDAR.to_owned();
        }
        self.used.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
    }
}

fn next(day: NaiveDate) -> Result<NaiveDate, NoCount> {
    day.succ_opt().ok_or(NoCount::OutOfRange)
}

#[cfg(test)]
mod tests;
