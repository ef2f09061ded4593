//! How the domain says no, and the reasons that all kinds share.

use chrono::{DateTime, Utc};

use crate::digest::Digest;
use crate::text::{self, Flaw};
use crate::{DepartmentCode, GridCode, LimitOf, MatterCode};

/// What is reported has happened within so many years: as many as the longest limit that rules may set. What is said to be older is a
/// slip of the pen. An act that nobody found within five years is not even punished any more (行政处罚法, 2021, article 36).
pub const PAST_YEARS_MAX: u32 = 10;

/// Why the domain says no; decides the HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// What the path names does not exist: 404.
    Missing,
    /// What the body says or names cannot be right: 422.
    Unfit,
    /// Not possible as things stand: 409.
    Refused,
}

impl Family {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::Missing => 404,
            Self::Unfit => 422,
            Self::Refused => 409,
        }
    }
}

/// Every reason for which one kind says no. Made by [`refusals!`](crate::refusals).
pub trait Refusal: std::error::Error + Clone + PartialEq + Send + Sync + 'static {
    /// Every reason of its own with its code; those that all kinds share are not among them.
    const ALL: &'static [(&'static str, Family)];
    /// The stable code, for programs, for example `wrong-stage`.
    fn code(&self) -> &'static str;
    /// Which family it is of.
    fn family(&self) -> Family;
}

/// Declares the refusals of a kind: documentation, text, family and code of each in one place.
///
/// A variant `Shared(type, …)` at the end takes over the reasons of other enums as they are.
#[macro_export]
macro_rules! refusals {
    (
        $(#[$doc:meta])*
        $vis:vis enum $enum:ident {
            $(
                $(#[$attribute:meta])*
                $variant:ident
                $({ $($(#[$field_attribute:meta])* $field:ident: $type:ty),* $(,)? })?
                $(($($tuple:ty),* $(,)?))?
                = $family:ident $code:literal,
            )*
            $(..$shared:ident($shared_type:ty),)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
        $vis enum $enum {
            $(
                $(#[$attribute])*
                $variant
                $({ $($(#[$field_attribute])* $field: $type),* })?
                $(($($tuple),*))?,
            )*
            $(
                /// A reason that all kinds share.
                #[error(transparent)]
                $shared(#[from] $shared_type),
            )*
        }

        impl $crate::Refusal for $enum {
            const ALL: &'static [(&'static str, $crate::refusal::Family)] =
                &[$(($code, $crate::refusal::Family::$family)),*];

            fn code(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => $code,)*
                    $(Self::$shared(shared) => $crate::Refusal::code(shared),)*
                }
            }
            fn family(&self) -> $crate::refusal::Family {
                match self {
                    $(Self::$variant { .. } => $crate::refusal::Family::$family,)*
                    $(Self::$shared(shared) => $crate::Refusal::family(shared),)*
                }
            }
        }
    };
}

refusals! {
    /// What a command says or names cannot be right, whatever it is about.
    pub enum Unfit {
        /// A text is missing or too long.
        #[error("{field} must have 1 to {max} characters, and not only blank ones")]
        TextLength {
            field: &'static str,
            max: usize,
        } = Unfit "text-length",
        /// A text has a character that is not taken.
        #[error("{field} has {flaw}; remove it")]
        TextCharacters {
            field: &'static str,
            flaw: Flaw,
        } = Unfit "text-characters",
        /// A list has too few or too many entries.
        #[error("{field} must have {min} to {max} entries")]
        EntryCount {
            field: &'static str,
            min: usize,
            max: usize,
        } = Unfit "entry-count",
        /// Things are counted from 1.
        #[error("{field} is counted from 1; 0 names nothing")]
        CountedFromOne {
            field: &'static str,
        } = Unfit "counted-from-one",
        /// What is reported has not happened yet.
        #[error("{moment} lies in the future; report what has happened")]
        InTheFuture {
            moment: DateTime<Utc>,
        } = Unfit "in-the-future",
        /// What is reported lies so far back that it is a slip of the pen.
        #[error("{moment} is more than {PAST_YEARS_MAX} years ago; correct the year")]
        TooLongAgo {
            moment: DateTime<Utc>,
        } = Unfit "too-long-ago",
        /// The grid does not exist at that time.
        #[error("there is no active grid {grid}")]
        UnknownGrid {
            grid: GridCode,
        } = Unfit "unknown-grid",
        /// The matter is not in the catalogue at that time.
        #[error("there is no active matter {matter}; publish it with the rules first")]
        UnknownMatter {
            matter: MatterCode,
        } = Unfit "unknown-matter",
        /// The department is not in the register at that time.
        #[error("there is no active department {department}")]
        UnknownDepartment {
            department: DepartmentCode,
        } = Unfit "unknown-department",
        /// The file was not uploaded.
        #[error("there is no evidence {sha256}; upload the file first")]
        UnknownEvidence {
            sha256: Digest,
        } = Unfit "unknown-evidence",
    }
}

/// What is said of a named thing, for example of one grid of a description, cannot be right. Code and family are those of the reason:
/// one fault has one code, whether it is in a case or in a row of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {unfit}")]
pub struct UnfitOf {
    /// What it is said of.
    pub what: String,
    /// The reason.
    pub unfit: Unfit,
}

impl UnfitOf {
    /// Names what was checked.
    ///
    /// # Errors
    /// What the check found, said of `what`.
    pub fn name(what: impl std::fmt::Display, checked: Result<(), Unfit>) -> Result<(), Self> {
        checked.map_err(|unfit| Self { what: what.to_string(), unfit })
    }
}

impl Refusal for UnfitOf {
    const ALL: &'static [(&'static str, Family)] = &[];

    fn code(&self) -> &'static str {
        self.unfit.code()
    }
    fn family(&self) -> Family {
        self.unfit.family()
    }
}

refusals! {
    /// The rules give no due time.
    pub enum NoDue {
        /// The rules have no limit for it.
        #[error("the rules have no limit for {of}; publish one")]
        NoLimit {
            of: LimitOf,
        } = Refused "no-limit",
        /// The rules have a limit, but no due time can be derived from it.
        #[error("no due time for {of}: {reason}")]
        NoDueTime {
            of: LimitOf,
            /// What the rules said, for example which calendar must be published.
            reason: String,
        } = Refused "no-due-time",
    }
}

/// Refuses a text of any number of lines that shows nothing, is longer than `max` characters, or has characters that are never
/// taken.
pub fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), Unfit> {
    check_flaw(field, text::flaw(text))?;
    check_length(field, text, max)
}

/// Refuses a text as [`check_text`] does, and also where it is not of one line: titles, names, numbers.
pub fn check_line(field: &'static str, text: &str, max: usize) -> Result<(), Unfit> {
    check_flaw(field, text::flaw_of_line(text))?;
    check_length(field, text, max)
}

fn check_flaw(field: &'static str, flaw: Option<Flaw>) -> Result<(), Unfit> {
    flaw.map_or(Ok(()), |flaw| Err(Unfit::TextCharacters { field, flaw }))
}

fn check_length(field: &'static str, text: &str, max: usize) -> Result<(), Unfit> {
    let is_too_long = text.chars().nth(max).is_some();
    if is_too_long || !text::is_visible(text) { Err(Unfit::TextLength { field, max }) } else { Ok(()) }
}

/// Refuses a list with fewer than `min` or more than `max` entries.
pub fn check_count(field: &'static str, count: usize, min: usize, max: usize) -> Result<(), Unfit> {
    if (min..=max).contains(&count) { Ok(()) } else { Err(Unfit::EntryCount { field, min, max }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_words_and_an_end() {
        let refused = |max| Err(Unfit::TextLength { field: "reason", max });
        assert_eq!(check_text("reason", "长长", 2), Ok(()));
        assert_eq!(check_text("reason", "长长长", 2), refused(2));
        for blank in ["", " \u{3000}\n", "\u{200b}", "\u{3164}\u{feff}"] {
            assert_eq!(check_text("reason", blank, 9), refused(9), "{blank:?}");
        }
        let has = |flaw| Err(Unfit::TextCharacters { field: "reason", flaw });
        assert_eq!(check_text("reason", "甲\0", 9), has(Flaw::Control('\0')));
        assert_eq!(check_text("reason", "甲\n乙", 9), Ok(()));
        assert_eq!(check_line("reason", "甲\n乙", 9), has(Flaw::LineBreak));
        assert_eq!(check_line("reason", "甲\u{202e}乙", 9), has(Flaw::Direction('\u{202e}')));
        assert_eq!(check_line("reason", "\u{200b}", 9), refused(9));
        assert_eq!(check_count("evidence", 3, 1, 2), Err(Unfit::EntryCount { field: "evidence", min: 1, max: 2 }));
    }

    crate::refusals! {
        /// A kind that says no.
        enum No {
            /// Never.
            #[error("never")]
            Never = Missing "never",
            /// Not twice.
            #[error("not {0} times")]
            Twice(u8) = Refused "twice",
            ..Unfit(Unfit),
            ..NoDue(NoDue),
            ..Of(UnfitOf),
        }
    }

    #[test]
    fn a_refusal_has_a_code_and_a_family_its_own_or_shared() {
        assert_eq!(No::ALL, [("never", Family::Missing), ("twice", Family::Refused)]);
        assert_eq!((No::Twice(2).code(), No::Never.family().status()), ("twice", 404));
        let shared = No::from(Unfit::TextLength { field: "title", max: 9 });
        assert_eq!((shared.code(), shared.family().status()), ("text-length", 422));
        assert_eq!(shared.to_string(), "title must have 1 to 9 characters, and not only blank ones");
        let named = UnfitOf::name("grid T", Err(Unfit::TextLength { field: "name", max: 9 })).map_err(No::from);
        assert_eq!(named.as_ref().map_err(Refusal::code), Err("text-length"));
        assert_eq!(named.unwrap_err().to_string(), "grid T: name must have 1 to 9 characters, and not only blank ones");
    }
}
