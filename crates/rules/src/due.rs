//! Due times: a limit counted along the published calendars.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::{Derivation, Due, Limit, LimitOf, TimeUnit};

use crate::calendar::Week;
use crate::limits::amount_max;
use crate::{Calendar, CalendarPurpose, Rulebook};

/// The calendar in a derivation that needed none.
const NO_CALENDAR: &str = "none";

/// The calendar in a derivation for days that no published calendar covers.
const PLAIN: &str = "plain";

/// Working hours, from one moment to another.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// A limit and where it is published.
struct Published {
    limit: Limit,
    calendar: CalendarPurpose,
    assumed: bool,
    rule: String,
}

/// Why no due time can be derived from a limit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum NoCount {
    /// The due time is after the last date that can be written.
    #[error("the due time is after the last date that can be written")]
    OutOfRange,
}

impl Rulebook {
    /// The due time of a limit that begins at `from`. `None` where the rules have no such limit at that moment; the reason
    /// where the due time is after the last date that can be written. A matter that was withdrawn keeps its last limit, for the
    /// cases that were filed on it.
    ///
    /// Where the days run from one calendar into the next (the turn of the year), the derivation names both, joined by `+`;
    /// where no calendar was needed, it says `none`. Days that no calendar covers are counted on plain weeks: the week and
    /// hours of the calendar published for the last days, without holidays. The derivation then names `plain` and is assumed,
    /// as it is with a calendar that is assumed itself.
    pub fn due_of(&self, of: &LimitOf, from: DateTime<Utc>) -> Option<Result<Due, String>> {
        let published = self.published(of, from)?;
        Some(self.count(published, from).map_err(|error| error.to_string()))
    }

    fn published(&self, of: &LimitOf, at: DateTime<Utc>) -> Option<Published> {
        let sourced = |known: &crate::SourcedLimit, rule: String| {
            let (limit, calendar, assumed) = (known.limit, known.calendar.clone(), known.assumed);
            Some(Published { limit, calendar, assumed, rule })
        };
        match of {
            LimitOf::Step(step) => {
                let known = self.step_limit(step, at)?;
                let (limit, calendar, assumed) = (known.limit, known.calendar.clone(), known.assumed);
                Some(Published { limit, calendar, assumed, rule: format!("step {step}") })
            }
            LimitOf::Disposal(matter) => {
                let (known, is_withdrawn) = match self.matter(matter, at) {
                    Some(known) => (known, ""),
                    None => (self.last_form(matter, at)?, ", as before it was withdrawn"),
                };
                sourced(&known.disposal, format!("matter {matter} disposal{is_withdrawn}"))
            }
            LimitOf::ReturnWindow => sourced(&self.windows(at)?.return_order, "window return".to_owned()),
            LimitOf::ReopenWindow => sourced(&self.windows(at)?.reopen, "window reopen".to_owned()),
            LimitOf::OwnDue => sourced(&self.windows(at)?.own_due, "window own_due".to_owned()),
        }
    }

    fn count(&self, published: Published, from: DateTime<Utc>) -> Result<Due, NoCount> {
        let Published { limit, calendar, assumed, rule } = published;
        if limit.amount > amount_max(limit.unit) {
            return Err(NoCount::OutOfRange);
        }
        let amount = i64::from(limit.amount);
        let mut count = Count::by(self, &calendar);
        let at = match limit.unit {
            TimeUnit::UrgentHour => from.checked_add_signed(TimeDelta::hours(amount)).ok_or(NoCount::OutOfRange)?,
            TimeUnit::CalendarDay => from.checked_add_signed(TimeDelta::days(amount)).ok_or(NoCount::OutOfRange)?,
            TimeUnit::WorkHour => count.work_hours(TimeDelta::hours(amount), from)?,
            TimeUnit::WorkDay => count.work_days(limit.amount, from)?,
        };
        let assumed = assumed || count.assumed;
        let (rule, calendar) = (rule.into(), count.calendar().into());
        let derivation = Derivation { from, limit, rule, rules_version: self.version, calendar, assumed };
        Ok(Due { at, derivation })
    }
}

/// Counts along the calendars of a purpose and remembers what it used.
struct Count<'a> {
    calendars: Vec<&'a Calendar>,
    /// For days that none of them covers.
    plain: Week,
    used: Vec<String>,
    /// Whether a day was counted that no notice has settled.
    assumed: bool,
}

impl<'a> Count<'a> {
    fn by(rules: &'a Rulebook, purpose: &CalendarPurpose) -> Self {
        let calendars: Vec<_> = rules.calendars().filter(|calendar| calendar.purpose == *purpose).collect();
        let last = calendars.iter().max_by_key(|calendar| calendar.last_day).copied();
        let plain = last.or_else(|| rules.newest_calendar()).map_or_else(Week::default, Week::of);
        Self { calendars, plain, used: vec![], assumed: false }
    }

    /// The end of the working hours of the n-th working day after the day of `from`.
    fn work_days(&mut self, amount: u32, from: DateTime<Utc>) -> Result<DateTime<Utc>, NoCount> {
        let mut day = self.first_day(from)?;
        let mut left = amount;
        loop {
            day = next(day)?;
            let worked = self.worked(day)?;
            let Some((_, end)) = worked.last() else { continue };
            left = left.saturating_sub(1);
            if left == 0 {
                return Ok(*end);
            }
        }
    }

    /// The moment at which that much working time has passed.
    fn work_hours(&mut self, amount: TimeDelta, from: DateTime<Utc>) -> Result<DateTime<Utc>, NoCount> {
        let mut day = self.first_day(from)?;
        let mut left = amount;
        loop {
            for (begin, end) in self.worked(day)? {
                let begin = begin.max(from);
                let available = end.signed_duration_since(begin).max(TimeDelta::zero());
                if left <= available {
                    return begin.checked_add_signed(left).ok_or(NoCount::OutOfRange);
                }
                left = left.checked_sub(&available).ok_or(NoCount::OutOfRange)?;
            }
            day = next(day)?;
        }
    }

    /// The local day of a moment, by the calendar that counts on it.
    fn first_day(&self, from: DateTime<Utc>) -> Result<NaiveDate, NoCount> {
        let by_calendar = self.calendars.iter().find_map(|calendar| {
            let day = calendar.local_day(from)?;
            self.calendar_of(day).filter(|counting| counting.id == calendar.id).map(|_| day)
        });
        by_calendar.or_else(|| self.plain.local_day(from)).ok_or(NoCount::OutOfRange)
    }

    /// The working hours of a day as moments; none on a day off.
    fn worked(&mut self, day: NaiveDate) -> Result<Vec<Span>, NoCount> {
        let calendar = self.calendar_of(day);
        let (name, assumed) = calendar.map_or((PLAIN.to_owned(), true), |it| (it.id.to_string(), it.assumed));
        self.assumed |= assumed;
        if !self.used.contains(&name) {
            self.used.push(name);
        }
        calendar.map_or_else(|| self.plain.worked(day), |it| it.worked(day)).ok_or(NoCount::OutOfRange)
    }

    /// The calendar that covers the day, of the highest revision. Of two of the same revision the last published one counts.
    fn calendar_of(&self, day: NaiveDate) -> Option<&'a Calendar> {
        let covering = self.calendars.iter().filter(|calendar| calendar.covers(day));
        covering.max_by_key(|calendar| calendar.id.revision()).copied()
    }

    fn calendar(&self) -> String {
        if self.used.is_empty() { NO_CALENDAR.to_owned() } else { self.used.join("+") }
    }
}

fn next(day: NaiveDate) -> Result<NaiveDate, NoCount> {
    day.succ_opt().ok_or(NoCount::OutOfRange)
}

#[cfg(test)]
mod tests;
