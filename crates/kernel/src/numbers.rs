//! Numbers that tell who somebody is, in a text where they do not belong: telephone numbers and identity numbers of China.
//!
//! A text that has one is recorded all the same: the check warns, and whoever wrote it decides. It finds what is written as such a
//! number is, also in full width and with blanks or hyphens; it does not find numbers in words.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number that tells who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonalNumber {
    /// 电话号码: of a mobile telephone, or of a line with its area code.
    Telephone,
    /// 公民身份号码: 18 places with a check digit (GB 11643).
    Identity,
}

impl fmt::Display for PersonalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Telephone => "a telephone number",
            Self::Identity => "an identity number",
        })
    }
}

/// Fewest digits of such a number. A text with fewer digits in a row has none.
const DIGITS_MIN: usize = 10;
/// The places of an identity number.
const IDENTITY_LEN: usize = 18;
/// The weights of its first 17 digits, and the check digit for each remainder of their sum by 11 (GB 11643, ISO 7064 MOD 11-2).
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: [char; 11] = ['1', '0', 'X', '9', '8', '7', '6', '5', '4', '3', '2'];

/// What a text has of such numbers, each kind once.
pub fn personal_numbers(text: &str) -> Vec<PersonalNumber> {
    // Most texts have few digits: a full-width one has three bytes, of which the last two tell it.
    let digits = |bytes: &[u8]| bytes[0].is_ascii_digit() || matches!(bytes, [0xef, 0xbc, 0x90..=0x99]);
    let bytes = text.as_bytes();
    if (0..bytes.len()).filter(|at| digits(&bytes[*at..bytes.len().min(at + 3)])).count() < DIGITS_MIN {
        return Vec::new();
    }
    let mut found: Vec<_> = runs(text).iter().filter_map(|run| kind_of(run)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The runs of digits of a text, without what may stand between two of them. What touches a letter of the alphabet belongs to a code.
fn runs(text: &str) -> Vec<String> {
    let (mut runs, mut run, mut is_code, mut gap) = (Vec::new(), String::new(), false, 0_usize);
    let mut before = ' ';
    for char in text.chars().map(narrow) {
        let is_check = char == 'X' && run.len() == IDENTITY_LEN - 1 && gap == 0;
        match char {
            _ if char.is_ascii_digit() || is_check => {
                is_code |= run.is_empty() && (before.is_ascii_alphabetic() || before == '_');
                run.push(char);
                gap = 0;
            }
            ' ' | '-' | '\u{2013}' | '\u{2014}' | '(' | ')' if !run.is_empty() && gap == 0 => gap = 1,
            _ => {
                let touches = gap == 0 && (char.is_ascii_alphabetic() || char == '_');
                if !run.is_empty() && !is_code && !touches {
                    runs.push(std::mem::take(&mut run));
                }
                run.clear();
                (is_code, gap) = (false, 0);
            }
        }
        before = char;
    }
    if !run.is_empty() && !is_code {
        runs.push(run);
    }
    runs
}

/// The same digit, letter or sign in half width.
fn narrow(char: char) -> char {
    let code = u32::from(char);
    let narrow = match code {
        0xff01..=0xff5e => char::from_u32(code - 0xfee0).unwrap_or(char),
        0x3000 => ' ',
        _ => char,
    };
    narrow.to_ascii_uppercase()
}

fn kind_of(run: &str) -> Option<PersonalNumber> {
    if is_identity(run) {
        return Some(PersonalNumber::Identity);
    }
    let national = run.strip_prefix("0086").or_else(|| run.strip_prefix("86")).unwrap_or(run);
    let is_mobile = |number: &str| {
        let mut digits = number.chars();
        number.len() == 11 && digits.next() == Some('1') && matches!(digits.next(), Some('3'..='9'))
    };
    // A line: 0, an area of two or three places that does not begin with 0, and seven or eight of the line itself.
    let is_line = |number: &str| {
        let mut digits = number.chars();
        let area = (digits.next(), digits.next());
        (DIGITS_MIN..=12).contains(&number.len()) && area.0 == Some('0') && matches!(area.1, Some('1'..='9'))
    };
    (is_mobile(run) || is_mobile(national) || is_line(run)).then_some(PersonalNumber::Telephone)
}

fn is_identity(run: &str) -> bool {
    let mut digits = run.chars().take(IDENTITY_LEN - 1).map(|char| char.to_digit(10));
    let sum = WEIGHTS.iter().try_fold(0, |sum, weight| Some(sum + weight * digits.next()??));
    let check = sum.and_then(|sum| CHECKS.get((sum % 11) as usize));
    run.len() == IDENTITY_LEN && run.chars().last().as_ref() == check && is_day(&run[6..14])
}

/// A day of birth that can be.
fn is_day(day: &str) -> bool {
    let day = chrono::NaiveDate::parse_from_str(day, "%Y%m%d");
    day.is_ok_and(|day| (1850..=2150).contains(&chrono::Datelike::year(&day)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use PersonalNumber::{Identity, Telephone};

    #[test]
    fn telephones_and_identity_numbers_are_found_however_they_are_written() {
        for (text, found) in [
            ("联系王阿姨13800001111", &[Telephone][..]),
            ("电话：138 0000 1111，晚上打", &[Telephone]),
            ("１３８００００１１１１", &[Telephone]),
            ("138-0000-1111", &[Telephone]),
            ("+86 13800001111", &[Telephone]),
            ("008613800001111", &[Telephone]),
            ("打021-63217788找物业", &[Telephone]),
            ("(021)63217788", &[Telephone]),
            ("0571 8765432", &[Telephone]),
            ("身份证11010519491231002X", &[Identity]),
            ("11010519491231002x", &[Identity]),
            ("１１０１０５１９４９１２３１００２Ｘ", &[Identity]),
            ("110105 19491231 002X", &[Identity]),
            ("440308199901101512和13911112222", &[Telephone, Identity]),
        ] {
            assert_eq!(personal_numbers(text), found, "{text}");
        }
    }

    #[test]
    fn what_only_has_digits_is_none() {
        for text in [
            "",
            "2026-03-02 10:00 到场",
            "案号20260302000417",
            "1234567890",
            "12800001111",
            "138000011112",
            "1380000111",
            "110105194912310021",
            "110105194913310028",
            "第13800001111a号",
            "HL13800001111",
            "0190163d-8694-739b-aea5-966c26f8ad91",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "0021 8765 4321",
            "3.14159265358979",
            "面积120平方米，60户，3栋",
        ] {
            assert_eq!(personal_numbers(text), [], "{text}");
        }
    }
}
