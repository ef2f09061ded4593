//! Successive values of one thing, each with its period.

use chrono::{DateTime, Utc};

/// One value and its period: `from` included, `until` excluded.
#[derive(Clone, Debug, PartialEq)]
struct Period<T> {
    from: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
    value: T,
}

/// The periods of one thing, oldest first; they never overlap, gaps are possible.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Timeline<T> {
    periods: Vec<Period<T>>,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { periods: vec![] }
    }
}

impl<T> Timeline<T> {
    /// The value at that moment.
    pub(crate) fn at(&self, at: DateTime<Utc>) -> Option<&T> {
        let holds = |period: &&Period<T>| period.from <= at && period.until.is_none_or(|until| at < until);
        self.periods.iter().rev().find(holds).map(|period| &period.value)
    }

    /// Since when the value at that moment holds.
    pub(crate) fn since(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let holds = |period: &&Period<T>| period.from <= at && period.until.is_none_or(|until| at < until);
        self.periods.iter().rev().find(holds).map(|period| period.from)
    }

    /// The value at that moment or, in a gap, the last one before.
    pub(crate) fn latest(&self, at: DateTime<Utc>) -> Option<&T> {
        self.periods.iter().rev().find(|period| period.from <= at).map(|period| &period.value)
    }

    /// The value without an end, current or scheduled.
    pub(crate) fn open(&self) -> Option<&T> {
        self.periods.last().filter(|period| period.until.is_none()).map(|period| &period.value)
    }

    /// The last value, whether it has ended or not.
    pub(crate) fn last(&self) -> Option<&T> {
        self.periods.last().map(|period| &period.value)
    }

    /// The last value, to be completed when it ends.
    pub(crate) fn last_mut(&mut self) -> Option<&mut T> {
        self.periods.last_mut().map(|period| &mut period.value)
    }

    /// Every moment at which something begins or ends.
    pub(crate) fn changes(&self) -> impl Iterator<Item = DateTime<Utc>> + '_ {
        self.periods.iter().flat_map(|period| [Some(period.from), period.until]).flatten()
    }

    /// The last moment at which something begins or ends. Nothing may be changed before it.
    pub(crate) fn last_change(&self) -> Option<DateTime<Utc>> {
        self.changes().max()
    }

    /// Sets the value from a moment on; the previous value ends.
    pub(crate) fn set(&mut self, from: DateTime<Utc>, value: T) {
        self.end(from);
        self.periods.push(Period { from, until: None, value });
    }

    /// Ends the current value. A period of zero length is dropped.
    pub(crate) fn end(&mut self, at: DateTime<Utc>) {
        if let Some(last) = self.periods.last_mut().filter(|last| last.until.is_none()) {
            last.until = Some(at);
        }
        self.periods.retain(|period| period.until != Some(period.from));
    }

    /// Takes back what was to begin or end at that moment or later; what was to end then does not end.
    pub(crate) fn withdraw(&mut self, from: DateTime<Utc>) {
        self.periods.retain(|period| period.from < from);
        if let Some(last) = self.periods.last_mut().filter(|last| last.until.is_some_and(|until| from <= until)) {
            last.until = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::day;

    #[test]
    fn each_value_holds_until_the_next_and_a_gap_stays_a_gap() {
        let mut timeline = Timeline::default();
        timeline.set(day("2018-01-01"), 'a');
        timeline.set(day("2019-01-01"), 'b');
        timeline.end(day("2020-01-01"));
        timeline.set(day("2021-01-01"), 'c');
        let read: Vec<_> = ["2017-12-31", "2018-01-01", "2018-12-31", "2019-01-01", "2020-01-01", "2021-06-01"]
            .map(|text| timeline.at(day(text)).copied())
            .into();
        assert_eq!(read, [None, Some('a'), Some('a'), Some('b'), None, Some('c')]);
        assert_eq!(timeline.last_change(), Some(day("2021-01-01")));
        assert_eq!(timeline.open(), Some(&'c'));
    }

    #[test]
    fn a_correction_on_the_same_day_replaces() {
        let mut timeline = Timeline::default();
        timeline.set(day("2018-01-01"), 'a');
        timeline.set(day("2018-01-01"), 'b');
        assert_eq!(timeline.at(day("2018-01-01")), Some(&'b'));
        assert_eq!(timeline.changes().count(), 1);
    }
}
