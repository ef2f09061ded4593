//! What a calendar is for.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The purpose of the calendars by which limits are counted unless they say otherwise.
const OFFICE: &str = "office";

/// What a calendar is for: an open code, for example `office` or `hotline`. A limit names the purpose by which it is counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z][a-z_]{0,39}$"))]
pub struct CalendarPurpose(String);

impl CalendarPurpose {
    /// Whether it is that of the offices.
    pub fn is_office(&self) -> bool {
        self.0 == OFFICE
    }
}

impl Default for CalendarPurpose {
    fn default() -> Self {
        Self(OFFICE.to_owned())
    }
}

/// The text is not the purpose of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the purpose of a calendar is 1 to 40 of a-z and '_', starting with a letter, for example office")]
pub struct InvalidCalendarPurpose;

impl TryFrom<String> for CalendarPurpose {
    type Error = InvalidCalendarPurpose;

    fn try_from(text: String) -> Result<Self, InvalidCalendarPurpose> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let ok = (1..=40).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('_');
        if ok { Ok(Self(text)) } else { Err(InvalidCalendarPurpose) }
    }
}

impl From<CalendarPurpose> for String {
    fn from(purpose: CalendarPurpose) -> String {
        purpose.0
    }
}

impl fmt::Display for CalendarPurpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_an_open_code() {
        let read = |text: &str| CalendarPurpose::try_from(text.to_owned());
        assert!(read("office").unwrap().is_office() && !read("night_shift").unwrap().is_office());
        for wrong in ["", "_a", "Office", "a b", &"a".repeat(41)] {
            assert_eq!(read(wrong), Err(InvalidCalendarPurpose), "{wrong}");
        }
    }
}
