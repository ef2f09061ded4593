//! Characters of texts from outside: which are never taken, and which show nothing.

use std::fmt;

/// What a text has that is never taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A control character other than tab and the ends of lines. PostgreSQL cannot hold NUL, and the others change what a
    /// terminal shows.
    Control(char),
    /// A character that reverses the order in which what follows is shown: a text would read as another one.
    Direction(char),
    /// A code point that is no character.
    NoCharacter(char),
    /// The end of a line, where a text must be of one.
    LineBreak,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(char) => write!(f, "the control character U+{:04X}", u32::from(*char)),
            Self::Direction(char) => {
                write!(f, "the character U+{:04X}, which changes the direction of text", u32::from(*char))
            }
            Self::NoCharacter(char) => write!(f, "U+{:04X}, which is no character", u32::from(*char)),
            Self::LineBreak => f.write_str("the end of a line"),
        }
    }
}

/// The first flaw of a text of any number of lines.
pub fn flaw(text: &str) -> Option<Flaw> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return None;
    }
    text.chars().find_map(|char| match char {
        '\t' | '\n' | '\r' => None,
        _ if char.is_control() => Some(Flaw::Control(char)),
        // Embeddings, overrides and isolates. The plain marks of direction stay: Arabic and Hebrew texts need them.
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(Flaw::Direction(char)),
        '\u{fdd0}'..='\u{fdef}' => Some(Flaw::NoCharacter(char)),
        _ if u32::from(char) & 0xfffe == 0xfffe => Some(Flaw::NoCharacter(char)),
        _ => None,
    })
}

/// The first flaw of a text that must be of one line.
pub fn flaw_of_line(text: &str) -> Option<Flaw> {
    let is_break = |char: char| matches!(char, '\n' | '\r' | '\u{2028}' | '\u{2029}');
    flaw(text).or_else(|| text.contains(is_break).then_some(Flaw::LineBreak))
}

/// Whether a reader would see anything of a text.
pub fn is_visible(text: &str) -> bool {
    !text.chars().all(|char| char.is_whitespace() || char.is_control() || is_blank(char) || is_mark(char))
}

/// Characters that take no place or show none: joiners, fillers, marks of direction, selectors of variants and tags.
const fn is_blank(char: char) -> bool {
    matches!(char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Marks that are drawn on the character before them, and on nothing where there is none.
const fn is_mark(char: char) -> bool {
    matches!(char,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}' | '\u{302a}'..='\u{302d}'
        | '\u{3099}'..='\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

/// Reads a number from outside that names something or counts something: digits and nothing else, and one way to write each.
pub fn read_number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_on_nothing_shows_nothing() {
        for nothing in ["\u{301}", "\u{20dd}\u{fe0f}", " \u{3099}", "\u{1bca0}", "\u{fff0}"] {
            assert!(!is_visible(nothing), "{}", nothing.escape_unicode());
        }
        for shown in ["e\u{301}", "か\u{3099}", "\u{301}e"] {
            assert!(is_visible(shown), "{shown}");
        }
    }

    #[test]
    fn a_number_is_written_in_one_way() {
        assert_eq!(["0", "7", "10", "18446744073709551615"].map(read_number), [0, 7, 10, u64::MAX].map(Some));
        for bad in ["", "+7", "-7", "07", "00", " 7", "7 ", "7.0", "7e1", "0x7", "７", "18446744073709551616"] {
            assert_eq!(read_number(bad), None, "{bad}");
        }
    }

    #[test]
    fn controls_overrides_and_what_is_no_character_are_never_taken() {
        for good in ["a b", "静安寺\t二号\n三楼\r\n", "👩\u{200d}👩\u{fe0f}", "\u{200f}שלום", "e\u{301}", "\u{feff}甲"]
        {
            assert_eq!(flaw(good), None, "{good:?}");
        }
        for char in ['\0', '\u{1}', '\u{8}', '\u{b}', '\u{1b}', '\u{7f}', '\u{85}', '\u{9f}'] {
            assert_eq!(flaw(&format!("甲{char}乙")), Some(Flaw::Control(char)), "{char:?}");
        }
        for char in ['\u{202a}', '\u{202e}', '\u{2066}', '\u{2069}'] {
            assert_eq!(flaw(&format!("甲{char}乙")), Some(Flaw::Direction(char)), "{char:?}");
        }
        for char in ['\u{fdd0}', '\u{ffff}', '\u{1fffe}', '\u{10ffff}'] {
            assert_eq!(flaw(&format!("甲{char}")), Some(Flaw::NoCharacter(char)), "{char:?}");
        }
    }

    #[test]
    fn a_line_has_no_end_of_a_line_in_it() {
        assert_eq!(flaw_of_line("静安寺\t二号"), None);
        for bad in ["甲\n乙", "甲\r", "\u{2028}甲", "甲\u{2029}乙"] {
            assert_eq!(flaw_of_line(bad), Some(Flaw::LineBreak), "{bad:?}");
        }
        assert_eq!(flaw_of_line("甲\n\0"), Some(Flaw::Control('\0')));
    }

    #[test]
    fn what_shows_nothing_is_not_visible() {
        for blank in [
            "",
            " \u{3000}\n",
            "\u{200b}",
            "\u{feff}\u{2060}",
            "\u{3164}",
            "\u{2800}",
            "\u{ad}\u{200d}",
            "\u{e0041}\u{fe0f}",
        ] {
            assert!(!is_visible(blank), "{blank:?}");
        }
        for seen in ["a", "。", "\u{200b}甲", "👩\u{200d}👩"] {
            assert!(is_visible(seen), "{seen:?}");
        }
    }
}
