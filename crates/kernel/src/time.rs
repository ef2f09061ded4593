//! Moments as RFC 3339 texts, written and read quickly. Every event has several.
//!
//! What comes from outside is read by [`read_moment`] and [`read_day`], which are stricter than what reads recorded events.

use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, Timelike as _, Utc};
use serde::de::{Deserializer, Error, Visitor};
use serde::ser::Serializer;

/// Writes a moment as chrono does, for `#[serde(with)]`: in UTC, with a fraction of 3, 6 or 9 digits where it has one.
pub fn serialize<S: Serializer>(moment: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut buffer = *b"0000-00-00T00:00:00Z";
    match whole_second(moment, &mut buffer) {
        Some(text) => serializer.serialize_str(text),
        None => serde::Serialize::serialize(moment, serializer),
    }
}

/// The text of a moment of the years 0 to 9999 that has no fraction and is no leap second; due times are such.
fn whole_second<'a>(moment: &DateTime<Utc>, buffer: &'a mut [u8; 20]) -> Option<&'a str> {
    let year = u32::try_from(moment.year()).ok().filter(|year| *year <= 9_999)?;
    if moment.nanosecond() != 0 {
        return None;
    }
    let numbers = [
        (0, year / 100),
        (2, year % 100),
        (5, moment.month()),
        (8, moment.day()),
        (11, moment.hour()),
        (14, moment.minute()),
        (17, moment.second()),
    ];
    for (place, number) in numbers {
        let tens = u8::try_from(number / 10).ok()?;
        let ones = u8::try_from(number % 10).ok()?;
        (buffer[place], buffer[place + 1]) = (b'0' + tens, b'0' + ones);
    }
    std::str::from_utf8(buffer).ok()
}

/// Reads an RFC 3339 moment, for `#[serde(deserialize_with)]`: the form in which dualgrid writes them quickly, any other as
/// chrono does.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    deserializer.deserialize_str(Moment)
}

struct Moment;

impl Visitor<'_> for Moment {
    type Value = DateTime<Utc>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 formatted date and time string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<DateTime<Utc>, E> {
        parse(text).map_err(E::custom)
    }
}

/// Reads an RFC 3339 moment.
pub fn parse(text: &str) -> Result<DateTime<Utc>, chrono::ParseError> {
    plain(text.as_bytes()).map_or_else(|| text.parse(), Ok)
}

/// `2026-03-02T02:00:00Z`, with a fraction of up to nine digits or without; none for any other form.
fn plain(text: &[u8]) -> Option<DateTime<Utc>> {
    let (main, rest) = text.split_at_checked(19)?;
    let separators = [main[4], main[7], main[10], main[13], main[16]];
    if separators != *b"--T::" {
        return None;
    }
    let fraction = match rest {
        b"Z" => &[],
        [b'.', fraction @ .., b'Z'] if (1..=9).contains(&fraction.len()) => fraction,
        _ => return None,
    };
    let scale = 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?);
    let nanos = digits(fraction)? * scale;
    let year = i32::try_from(digits(&main[..4])?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, digits(&main[5..7])?, digits(&main[8..10])?)?;
    let (hour, minute, second) = (digits(&main[11..13])?, digits(&main[14..16])?, digits(&main[17..19])?);
    Some(date.and_time(NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?).and_utc())
}

/// The number that at most nine decimal digits stand for.
fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// The years of moments and days that are taken from outside. Whatever is computed from one of them is far from the end of
/// what chrono can hold.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=9999;

/// Most digits of a fraction: events record microseconds.
const FRACTION_DIGITS_MAX: usize = 6;

/// Widest offset from UTC that any place has, in hours.
const OFFSET_HOURS_MAX: u32 = 14;

/// A text that is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a moment is written as in RFC 3339, for example 2026-03-02T02:00:00Z or 2026-03-02T10:00:00+08:00: years 1900 to 9999, \
     seconds 00 to 59, at most 6 digits of a fraction, an offset of at most 14 hours"
)]
pub struct NotAMoment;

/// A text that is no day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a day is written as in RFC 3339, for example 2026-03-02: years 1900 to 9999")]
pub struct NotADay;

/// Reads a moment from outside: RFC 3339 with `T` and `Z` in either case and nothing around it.
///
/// A leap second is refused, although RFC 3339 knows it: no clock of ours shows one, and a due time cannot be derived from it.
pub fn read_moment(text: &str) -> Result<DateTime<Utc>, NotAMoment> {
    strict_moment(text.as_bytes()).filter(|moment| YEARS.contains(&moment.year())).ok_or(NotAMoment)
}

/// Reads a day from outside: four, two and two digits.
pub fn read_day(text: &str) -> Result<NaiveDate, NotADay> {
    strict_day(text.as_bytes()).ok_or(NotADay)
}

fn strict_day(text: &[u8]) -> Option<NaiveDate> {
    if text.len() != 10 || [text[4], text[7]] != *b"--" {
        return None;
    }
    let year = i32::try_from(digits(&text[..4])?).ok().filter(|year| YEARS.contains(year))?;
    NaiveDate::from_ymd_opt(year, digits(&text[5..7])?, digits(&text[8..])?)
}

fn strict_moment(text: &[u8]) -> Option<DateTime<Utc>> {
    let (day, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.split_at_checked(9)?;
    if !matches!(time[0], b'T' | b't') || [time[3], time[6]] != *b"::" {
        return None;
    }
    let (hour, minute, second) = (digits(&time[1..3])?, digits(&time[4..6])?, digits(&time[7..])?);
    let (fraction, zone) = match rest {
        [b'.', rest @ ..] => {
            let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (fraction, zone) = rest.split_at_checked(length)?;
            (Some(fraction).filter(|fraction| (1..=FRACTION_DIGITS_MAX).contains(&fraction.len()))?, zone)
        }
        zone => (&[][..], zone),
    };
    let nanos = digits(fraction)? * 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?);
    let local = strict_day(day)?.and_time(NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?);
    local.and_utc().checked_sub_signed(offset(zone)?)
}

/// By how much the local time of a zone is ahead of UTC.
fn offset(zone: &[u8]) -> Option<TimeDelta> {
    let (sign, rest) = match zone {
        b"Z" | b"z" => return Some(TimeDelta::zero()),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    if rest.len() != 5 || rest[2] != b':' {
        return None;
    }
    let (hours, minutes) = (digits(&rest[..2])?, digits(&rest[3..])?);
    let minutes = Some(hours * 60 + minutes).filter(|all| minutes < 60 && *all <= OFFSET_HOURS_MAX * 60)?;
    TimeDelta::try_minutes(sign * i64::from(minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_from_outside_is_rfc_3339_and_of_a_sensible_year() {
        let utc = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        for (text, same) in [
            ("2026-03-02T02:00:00Z", "2026-03-02T02:00:00Z"),
            ("2026-03-02t02:00:00z", "2026-03-02T02:00:00Z"),
            ("2026-03-02T10:00:00+08:00", "2026-03-02T02:00:00Z"),
            ("2026-03-01T20:30:00-05:30", "2026-03-02T02:00:00Z"),
            ("2026-03-02T02:00:00-00:00", "2026-03-02T02:00:00Z"),
            ("2026-03-02T16:00:00+14:00", "2026-03-02T02:00:00Z"),
            ("2026-03-02T02:00:00.5Z", "2026-03-02T02:00:00.5Z"),
            ("2026-03-02T02:00:00.123456Z", "2026-03-02T02:00:00.123456Z"),
            ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(read_moment(text), Ok(utc(same)), "{text}");
        }
        for text in [
            "",
            " 2026-03-02T02:00:00Z",
            "2026-03-02T02:00:00Z ",
            "2026-03-02 02:00:00Z",
            "2026-03-02T02:00:00",
            "2026-03-02T02:00Z",
            "2026-3-2T02:00:00Z",
            "2026-03-02T2:00:00Z",
            "+2026-03-02T02:00:00Z",
            "-0001-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
            "1899-12-31T23:59:59Z",
            "+10000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-01:00",
            "1900-01-01T00:00:00+00:01",
            "2026-02-29T02:00:00Z",
            "2026-13-01T02:00:00Z",
            "2026-03-02T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "2026-03-02T02:00:00.Z",
            "2026-03-02T02:00:00.1234567Z",
            "2026-03-02T02:00:00.123456789Z",
            "2026-03-02T02:00:00,5Z",
            "2026-03-02T02:00:00+0800",
            "2026-03-02T02:00:00+08",
            "2026-03-02T02:00:00+08:60",
            "2026-03-02T02:00:00+14:01",
            "2026-03-02T02:00:00+24:00",
            "2026-03-02T02:00:00\u{2212}08:00",
            "２０２６-03-02T02:00:00Z",
            "2026-03-02T02:00:00Z\0",
            "1772416800",
        ] {
            assert_eq!(read_moment(text), Err(NotAMoment), "{text:?}");
        }
    }

    #[test]
    fn a_day_from_outside_has_four_two_and_two_digits() {
        for text in ["1900-01-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(read_day(text), Ok(text.parse().unwrap()), "{text}");
        }
        for text in [
            "",
            "1999-1-2",
            " 2026-03-02",
            "2026-03-02 ",
            "2026-03-02T00:00:00Z",
            "2026-02-29",
            "2026-00-10",
            "2026-03-00",
            "20260302",
            "2026/03/02",
            "0001-01-01",
            "1899-12-31",
            "10000-01-01",
            "+2026-03-02",
            "2026-03-0２",
        ] {
            assert_eq!(read_day(text), Err(NotADay), "{text:?}");
        }
    }

    #[test]
    fn a_moment_is_read_as_chrono_reads_it() {
        for text in [
            "2026-03-02T02:00:00Z",
            "2026-12-31T23:59:59.999999Z",
            "2024-02-29T00:00:00.5Z",
            "1969-12-31T23:59:59.123456789Z",
            "2016-12-31T23:59:60Z",
            "2026-03-02T10:00:00+08:00",
            "2026-03-02T02:00:00.1234567891Z",
            "2026-03-02t02:00:00z",
            "2026-03-02 02:00:00Z",
        ] {
            assert_eq!(parse(text), text.parse::<DateTime<Utc>>(), "{text}");
        }
    }

    #[test]
    fn a_moment_is_written_as_chrono_writes_it() {
        for text in [
            "2026-03-02T02:00:00Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "-0001-01-01T00:00:00Z",
            "2026-12-31T23:59:59.999999Z",
            "2016-12-31T23:59:60Z",
        ] {
            let moment: DateTime<Utc> = text.parse().unwrap();
            let mut written = Vec::new();
            serialize(&moment, &mut serde_json::Serializer::new(&mut written)).unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), serde_json::to_string(&moment).unwrap());
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in
            ["", "2026-02-30T00:00:00Z", "2026-03-02T24:00:00Z", "2026-03-02T02:00:00.Z", "2026-03-0aT02:00:00Z"]
        {
            assert_eq!(parse(text), Err(text.parse::<DateTime<Utc>>().unwrap_err()), "{text}");
        }
    }
}
