//! Due times: limits, counted by the published calendars.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::{Derivation, Due, Limit, LimitOf, MatterCode, Step, TimeUnit};

use crate::{Calendar, CalendarId, Rulebook, SourcedLimit};

/// Stands for the calendar in a derivation that needed none.
pub const NO_CALENDAR: &str = "none";

/// The region of the calendar to publish, where none is published yet.
const DEFAULT_REGION: &str = "cn";

/// Why a due time cannot be computed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// No limit of the step was in force.
    #[error("no limit for step {step} is in force at {from}; publish rules that cover that moment")]
    NoStepLimit { step: String, from: DateTime<Utc> },
    /// The matter was not in the catalogue.
    #[error("matter {matter} is not in the catalogue at {from}")]
    UnknownMatter { matter: MatterCode, from: DateTime<Utc> },
    /// No windows were in force.
    #[error("no return and reopen windows are in force at {0}; publish rules that cover that moment")]
    NoWindows(DateTime<Utc>),
    /// The count would reach a day that no calendar covers.
    #[error("no working calendar covers {day}; publish calendar {publish}")]
    BeyondCalendars {
        day: NaiveDate,
        /// The calendar to publish.
        publish: CalendarId,
    },
    /// A limit of zero.
    #[error("a limit must be at least 1")]
    LimitIsZero,
    /// The due time is beyond the range of dates.
    #[error("the due time is after the last date that can be represented")]
    OutOfRange,
}

impl Rulebook {
    /// The due time of a step that begins at `from`.
    pub fn due(&self, step: &Step, from: DateTime<Utc>) -> Result<Due, RulesError> {
        match self.step_limit(step, from) {
            Some(limit) => self.due_by(&limit, format!("step {step}"), from),
            None => Err(RulesError::NoStepLimit { step: step.to_string(), from }),
        }
    }

    /// The due time for disposal of a matter that is dispatched at `from`.
    pub fn matter_due(&self, matter: &MatterCode, from: DateTime<Utc>) -> Result<Due, RulesError> {
        let unknown = || RulesError::UnknownMatter { matter: matter.clone(), from };
        let known = self.matter(matter, from).ok_or_else(unknown)?;
        self.due_by(&known.disposal, format!("matter {matter} disposal"), from)
    }

    /// The end of the return window of an order that is dispatched at `from`.
    pub fn return_window(&self, from: DateTime<Utc>) -> Result<Due, RulesError> {
        let windows = self.windows(from).ok_or(RulesError::NoWindows(from))?;
        self.due_by(&windows.return_order, "window return".to_owned(), from)
    }

    /// The end of the reopen window of a case that is closed at `from`.
    pub fn reopen_window(&self, from: DateTime<Utc>) -> Result<Due, RulesError> {
        let windows = self.windows(from).ok_or(RulesError::NoWindows(from))?;
        self.due_by(&windows.reopen, "window reopen".to_owned(), from)
    }

    /// The due time of a limit that begins at `from`, for decisions: `None` if the rules have no such limit; the reason if they
    /// have one from which no due time can be derived.
    pub fn due_of(&self, of: &LimitOf, from: DateTime<Utc>) -> Option<Result<Due, String>> {
        let due = match of {
            LimitOf::Step(step) => self.due(step, from),
            LimitOf::Disposal(matter) => self.matter_due(matter, from),
            LimitOf::ReturnWindow => self.return_window(from),
            LimitOf::ReopenWindow => self.reopen_window(from),
        };
        match due {
            Err(RulesError::NoStepLimit { .. } | RulesError::UnknownMatter { .. } | RulesError::NoWindows(_)) => None,
            due => Some(due.map_err(|error| error.to_string())),
        }
    }

    /// The end of any limit that begins at `from`; `rule` names the origin of the limit.
    ///
    /// If the days cross from one calendar into the next (at the turn of the year), the derivation names both, joined by `+`;
    /// if no calendar was needed, it names [`NO_CALENDAR`].
    pub fn due_for(&self, limit: Limit, rule: &str, from: DateTime<Utc>, assumed: bool) -> Result<Due, RulesError> {
        if limit.amount == 0 {
            return Err(RulesError::LimitIsZero);
        }
        let amount = i64::from(limit.amount);
        let mut count = Count { calendars: &self.calendars, used: vec![] };
        let at = match limit.unit {
            TimeUnit::UrgentHour => from.checked_add_signed(TimeDelta::hours(amount)).ok_or(RulesError::OutOfRange)?,
            TimeUnit::CalendarDay => from.checked_add_signed(TimeDelta::days(amount)).ok_or(RulesError::OutOfRange)?,
            TimeUnit::WorkHour => count.work_hours(TimeDelta::hours(amount), from)?,
            TimeUnit::WorkDay => count.work_days(limit.amount, from)?,
        };
        let derivation = Derivation {
            from,
            limit,
            rule: rule.into(),
            rules_version: self.version,
            calendar: count.calendar().into(),
            assumed,
        };
        Ok(Due { at, derivation })
    }

    fn due_by(&self, limit: &SourcedLimit, rule: String, from: DateTime<Utc>) -> Result<Due, RulesError> {
        self.due_for(limit.limit, &rule, from, limit.assumed)
    }
}

/// Counts by the calendars and records which ones it used.
///
/// Every day is looked up, so counting ends where the calendars end.
struct Count<'a> {
    calendars: &'a [Calendar],
    used: Vec<&'a CalendarId>,
}

impl<'a> Count<'a> {
    /// The end of the last working hours of the n-th working day after the day of `from`.
    fn work_days(&mut self, amount: u32, from: DateTime<Utc>) -> Result<DateTime<Utc>, RulesError> {
        let mut day = self.first_day(from)?;
        let mut left = amount;
        loop {
            day = next(day)?;
            let calendar = self.calendar_of(day)?;
            if !calendar.is_working_day(day) {
                continue;
            }
            left -= 1;
            if left == 0 {
                let last = calendar.working_hours.last().ok_or(RulesError::OutOfRange)?;
                return calendar.moment(day, last.until).ok_or(RulesError::OutOfRange);
            }
        }
    }

    /// The moment after that much working time.
    fn work_hours(&mut self, amount: TimeDelta, from: DateTime<Utc>) -> Result<DateTime<Utc>, RulesError> {
        let mut day = self.first_day(from)?;
        let mut left = amount;
        loop {
            let calendar = self.calendar_of(day)?;
            let spans = if calendar.is_working_day(day) { calendar.working_hours.as_slice() } else { &[] };
            for span in spans {
                let begin = calendar.moment(day, span.from).ok_or(RulesError::OutOfRange)?.max(from);
                let end = calendar.moment(day, span.until).ok_or(RulesError::OutOfRange)?;
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
    fn first_day(&self, from: DateTime<Utc>) -> Result<NaiveDate, RulesError> {
        let day_by = |calendar: &Calendar| calendar.local_day(from).filter(|day| calendar.covers(*day));
        let newest = self.calendars.last();
        let fallback = || newest.map_or(Some(from.date_naive()), |calendar| calendar.local_day(from));
        match self.calendars.iter().rev().find_map(day_by) {
            Some(day) => Ok(day),
            None => Err(fallback().map_or(RulesError::OutOfRange, |day| self.beyond(day))),
        }
    }

    fn calendar_of(&mut self, day: NaiveDate) -> Result<&'a Calendar, RulesError> {
        let calendar = self.calendars.iter().rev().find(|calendar| calendar.covers(day));
        let calendar = calendar.ok_or_else(|| self.beyond(day))?;
        if !self.used.contains(&&calendar.id) {
            self.used.push(&calendar.id);
        }
        Ok(calendar)
    }

    /// The error that names the missing calendar.
    fn beyond(&self, day: NaiveDate) -> RulesError {
        let region = self.calendars.last().map_or(DEFAULT_REGION, |calendar| calendar.id.region());
        let newest = self.calendars.iter().filter_map(|calendar| calendar.id.revision_for(region, day)).max();
        RulesError::BeyondCalendars { day, publish: CalendarId::missing(region, day, newest) }
    }

    fn calendar(&self) -> String {
        if self.used.is_empty() {
            return NO_CALENDAR.to_owned();
        }
        self.used.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
    }
}

fn next(day: NaiveDate) -> Result<NaiveDate, RulesError> {
    day.succ_opt().ok_or(RulesError::OutOfRange)
}

#[cfg(test)]
mod tests;
