//! A time of day from 00:00 to 24:00: the end of a day can be written.

use std::fmt;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Seconds of a day.
const DAY_SECONDS: u32 = 24 * 60 * 60;

/// A local time of day, `HH:MM` or `HH:MM:SS`. `24:00` is the end of the day, so that a day can be covered without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(
    with = "String",
    extend("pattern" = "^(([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?|24:00(:00)?)$")
)]
pub struct DayTime {
    /// Seconds since midnight.
    seconds: u32,
}

impl DayTime {
    /// A full hour of the day, at most 24.
    pub(crate) const fn hour(hour: u32) -> Self {
        Self { seconds: if hour < 24 { hour * 3_600 } else { DAY_SECONDS } }
    }

    /// The moment of that time on a day, without an offset; `None` beyond the last date that can be written.
    pub(crate) fn on(self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let midnight = day.and_time(NaiveTime::MIN).and_utc();
        midnight.checked_add_signed(TimeDelta::seconds(i64::from(self.seconds)))
    }
}

/// The text is not a time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a time of day is HH:MM or HH:MM:SS, from 00:00 to 24:00")]
pub struct InvalidDayTime;

impl TryFrom<String> for DayTime {
    type Error = InvalidDayTime;

    fn try_from(text: String) -> Result<Self, InvalidDayTime> {
        let parts: Vec<&str> = text.split(':').collect();
        let two_digits = |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !(2..=3).contains(&parts.len()) || !parts.iter().all(two_digits) {
            return Err(InvalidDayTime);
        }
        let number = |at: usize| parts.get(at).map_or(Ok(0), |part| part.parse::<u32>()).map_err(|_| InvalidDayTime);
        let (hours, minutes, seconds) = (number(0)?, number(1)?, number(2)?);
        let total = hours * 3_600 + minutes * 60 + seconds;
        if minutes > 59 || seconds > 59 || total > DAY_SECONDS {
            return Err(InvalidDayTime);
        }
        Ok(Self { seconds: total })
    }
}

impl From<DayTime> for String {
    fn from(time: DayTime) -> String {
        time.to_string()
    }
}

impl fmt::Display for DayTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hours, minutes, seconds) = (self.seconds / 3_600, self.seconds / 60 % 60, self.seconds % 60);
        write!(f, "{hours:02}:{minutes:02}")?;
        if seconds > 0 { write!(f, ":{seconds:02}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_at_24_00_and_nothing_else_is_taken() {
        let read = |text: &str| DayTime::try_from(text.to_owned());
        for (text, shown) in [("00:00", "00:00"), ("09:30:00", "09:30"), ("23:59:59", "23:59:59"), ("24:00", "24:00")] {
            assert_eq!(read(text).unwrap().to_string(), shown);
        }
        for wrong in
            ["", "9:00", "24:01", "24:00:01", "12:60", "12:00:60", "12", "12:00:00.5", "+1:00", "１２:00", "99:99"]
        {
            assert_eq!(read(wrong), Err(InvalidDayTime), "{wrong}");
        }
    }
}
