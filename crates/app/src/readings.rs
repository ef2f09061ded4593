//! How often each reader has read personal data today, by this process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;

/// Of how many readers this process counts what the view may not have yet.
const READERS_MAX: usize = 10_000;

/// One reading of a reader on a day.
pub(crate) struct Reading {
    pub(crate) reader: String,
    pub(crate) day: NaiveDate,
}

/// What each reader has read today by this process. The view knows of every process, a moment later.
#[derive(Debug, Default)]
pub(crate) struct Readings(Mutex<HashMap<String, (NaiveDate, u32)>>);

impl Readings {
    /// Counts one more, unless the reader has made `most` that day: as far as the view knows, or this process.
    pub(crate) fn count(&self, reading: &Reading, known: u32, most: u32) -> bool {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.len() >= READERS_MAX {
            readers.retain(|_, (day, _)| *day == reading.day);
        }
        let (day, count) = readers.entry(reading.reader.clone()).or_insert((reading.day, 0));
        if *day != reading.day {
            (*day, *count) = (reading.day, 0);
        }
        let so_far = known.max(*count);
        if so_far >= most {
            return false;
        }
        *count = so_far.saturating_add(1);
        true
    }

    /// One that was counted did not happen.
    pub(crate) fn take_back(&self, reading: &Reading) {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, count)) = readers.get_mut(&reading.reader).filter(|(day, _)| *day == reading.day) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_reads_so_often_in_a_day_and_on_the_next_day_again() {
        let day = NaiveDate::from_ymd_opt(2026, 3, 2).expect("a day");
        let reading = |reader: &str, day| Reading { reader: reader.into(), day };
        let readings = Readings::default();
        let count = |reader: &str, day, known| readings.count(&reading(reader, day), known, 3);
        assert_eq!([0, 0, 0, 0].map(|known| count("staff-1", day, known)), [true, true, true, false]);
        readings.take_back(&reading("staff-1", day));
        assert!(count("staff-1", day, 0), "what did not happen is not counted");
        assert!(count("staff-2", day, 2) && !count("staff-2", day, 2), "what other processes recorded counts too");
        assert!(count("staff-1", day.succ_opt().expect("a day"), 0));
    }
}
