//! Moments as RFC 3339 texts, written and read quickly. Every event has several.

use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Timelike as _, Utc};
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

#[cfg(test)]
mod tests {
    use super::*;

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
