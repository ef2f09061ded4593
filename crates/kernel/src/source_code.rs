//! The number that another system gave something, in one form however it was typed.

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Most characters of a [`SourceCode`].
pub const SOURCE_CODE_CHARS_MAX: usize = 64;

/// The number that a source gave what it sent, for example of a call to the 12345 hotline.
///
/// It names an aggregate, so that two ways of typing one number must be one value: blanks around it are dropped, full-width
/// characters and small letters become the plain ones. What is left is 1 to 64 visible ASCII characters and Chinese
/// characters; everything else is refused, because a reader could not tell it apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "CompactString", into = "CompactString")]
#[schemars(with = "String", extend("minLength" = 1, "maxLength" = 64))]
pub struct SourceCode(CompactString);

/// A text that is no number of a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSourceCode {
    /// It has no or too many characters.
    #[error(
        "the number that the source gave must have 1 to {SOURCE_CODE_CHARS_MAX} characters, blanks around it apart"
    )]
    Length,
    /// A character that is not taken.
    #[error(
        "the number that the source gave has U+{:04X}; letters without accents, digits, punctuation and Chinese characters are \
         taken, and no blank inside",
        u32::from(*.0)
    )]
    Character(char),
}

impl SourceCode {
    /// Brings a number into its one form.
    ///
    /// # Errors
    /// Where it has no, too many, or ambiguous characters.
    pub fn try_new(text: impl AsRef<str>) -> Result<Self, InvalidSourceCode> {
        let plain: CompactString = text.as_ref().trim().chars().map(plain).collect();
        if plain.is_empty() || plain.chars().nth(SOURCE_CODE_CHARS_MAX).is_some() {
            return Err(InvalidSourceCode::Length);
        }
        let is_taken = |char: &char| char.is_ascii_graphic() || matches!(char, '\u{4e00}'..='\u{9fff}');
        match plain.chars().find(|char| !is_taken(char)) {
            Some(char) => Err(InvalidSourceCode::Character(char)),
            None => Ok(Self(plain)),
        }
    }

    /// Its one form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A full-width form as the plain one (what NFKC does to them), and a small letter as the capital.
fn plain(char: char) -> char {
    let narrow = match char {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0).unwrap_or(char),
        _ => char,
    };
    narrow.to_ascii_uppercase()
}

impl TryFrom<CompactString> for SourceCode {
    type Error = InvalidSourceCode;
    fn try_from(text: CompactString) -> Result<Self, InvalidSourceCode> {
        Self::try_new(text)
    }
}

impl From<SourceCode> for CompactString {
    fn from(code: SourceCode) -> Self {
        code.0
    }
}

impl FromStr for SourceCode {
    type Err = InvalidSourceCode;
    fn from_str(text: &str) -> Result<Self, InvalidSourceCode> {
        Self::try_new(text)
    }
}

impl fmt::Display for SourceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_number_is_one_value_however_it_is_typed() {
        let plain = SourceCode::try_new("HL-20260302-0417A").unwrap();
        for typed in [
            "HL-20260302-0417A ",
            "\u{3000}HL-20260302-0417A\t",
            "hl-20260302-0417a",
            "ＨＬ－２０２６０３０２－０４１７Ａ",
            "ｈｌ-20260302-0417a\n",
        ] {
            assert_eq!(SourceCode::try_new(typed), Ok(plain.clone()), "{typed:?}");
            let read: SourceCode = serde_json::from_value(typed.into()).unwrap();
            assert_eq!(read, plain, "{typed:?}");
        }
        assert_eq!(SourceCode::try_new("静12345").unwrap().as_str(), "静12345");
    }

    #[test]
    fn what_looks_like_another_number_is_refused() {
        for (typed, char) in [
            ("A\u{200b}1", '\u{200b}'),
            ("A 1", ' '),
            ("E\u{301}1", '\u{301}'),
            ("\u{c9}1", '\u{c9}'),
            ("\u{410}1", '\u{410}'),
            ("\u{f900}1", '\u{f900}'),
            ("①", '①'),
            ("A\0", '\0'),
            ("A\u{202e}", '\u{202e}'),
        ] {
            assert_eq!(SourceCode::try_new(typed), Err(InvalidSourceCode::Character(char)), "{typed:?}");
        }
        for typed in ["", " \u{3000}", &"1".repeat(SOURCE_CODE_CHARS_MAX + 1)] {
            assert_eq!(SourceCode::try_new(typed), Err(InvalidSourceCode::Length), "{typed:?}");
        }
    }
}
