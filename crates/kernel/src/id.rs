//! Ids (UUIDs) and codes (short texts that people read aloud).

use std::fmt;
use std::str::FromStr;

use compact_str::CompactString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The namespace of every name-based (version 5) id of dualgrid.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x6b1d_9c5e_5a2f_4c0b_9a64_0d75_616c_6772);

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID of 36 characters, for example 0190163d-8694-739b-aea5-966c26f8ad91, and not the one of zeros")]
pub struct InvalidId;

/// Reads an id from outside: a UUID in its usual form with hyphens (RFC 9562, section 4), in either case, and not the one of
/// zeros, which stands for no id at all.
pub fn read_uuid(text: &str) -> Result<Uuid, InvalidId> {
    let read = Some(text).filter(|text| text.len() == 36).and_then(|text| Uuid::try_parse(text).ok());
    read.filter(|uuid| !uuid.is_nil()).ok_or(InvalidId)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID.
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }
            /// The id that always belongs to `name` (UUID version 5), so that a repeat finds the first.
            pub fn named(name: &str) -> Self {
                Self(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
            }
            /// The UUID inside.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                read_uuid(text).map(Self)
            }
        }
    )*};
}

ids! {
    /// One case (案件): one issue from its discovery to its closing, one stream.
    CaseId;
    /// One department's part of a case (工单). Unique in the whole log.
    OrderId;
    /// One meeting of a deliberation (三会).
    MeetingId;
    /// A natural person whose data is sealed under a key of their own.
    PersonId;
    /// A client-made id: the same id again is the same command.
    CommandId;
    /// Joins everything that one outside action caused.
    CorrelationId;
    /// One event; the `id` of its CloudEvent.
    EventId;
}

/// A code that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} code `{}` is not 1 to 32 of A-Z, 0-9 and '-', starting with a letter or digit",
    .text.escape_debug()
)]
pub struct InvalidCode {
    /// Which kind of code was expected.
    pub kind: &'static str,
    /// What was given.
    pub text: String,
}

fn check_code(kind: &'static str, text: &str) -> Result<(), InvalidCode> {
    let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    let ok = (1..=32).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-');
    if ok { Ok(()) } else { Err(InvalidCode { kind, text: text.chars().take(64).collect() }) }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "CompactString", into = "CompactString")]
        #[schemars(with = "String", extend("pattern" = "^[A-Z0-9][A-Z0-9-]{0,31}$"))]
        pub struct $name(CompactString);

        impl $name {
            /// Checks the form: 1 to 32 of A-Z, 0-9 and '-'.
            pub fn try_new(text: impl AsRef<str>) -> Result<Self, InvalidCode> {
                let text = text.as_ref();
                check_code($kind, text)?;
                Ok(Self(text.into()))
            }
            /// The text of the code.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidCode;
            fn try_from(text: String) -> Result<Self, InvalidCode> {
                Self::try_new(text)
            }
        }

        impl TryFrom<CompactString> for $name {
            type Error = InvalidCode;
            fn try_from(text: CompactString) -> Result<Self, InvalidCode> {
                check_code($kind, &text)?;
                Ok(Self(text))
            }
        }

        impl From<$name> for CompactString {
            fn from(code: $name) -> CompactString {
                code.0
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> String {
                code.0.into()
            }
        }

        impl FromStr for $name {
            type Err = InvalidCode;
            fn from_str(text: &str) -> Result<Self, InvalidCode> {
                Self::try_new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

codes! {
    /// A grid of either network (网格), for example `JAS-R03-M01`.
    GridCode = "grid";
    /// An administrative department (专业部门), for example `CGZF`. Also a token of NATS subjects.
    DepartmentCode = "department";
    /// A matter (事项) of the catalogue, for example `PA-0102`.
    MatterCode = "matter";
    /// A party organisation (党组织) that a grid is bound to.
    PartyOrgCode = "party organisation";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_short_upper_case_ascii() {
        assert!(GridCode::try_new("JAS-R03-M01").is_ok());
        for bad in ["", "-A", "jas", "A B", "A.B", "A*", "静安", &"A".repeat(33)] {
            let text = bad.to_owned();
            assert_eq!(GridCode::try_new(bad), Err(InvalidCode { kind: "grid", text }));
        }
    }

    #[test]
    fn an_id_is_a_uuid_in_its_usual_form_and_not_of_zeros() {
        let text = "0190163d-8694-739b-aea5-966c26f8ad91";
        let id = Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_ad91);
        assert_eq!((read_uuid(text), read_uuid(&text.to_uppercase())), (Ok(id), Ok(id)));
        assert_eq!(text.parse(), Ok(CorrelationId::new(id)));
        for bad in [
            "",
            "7",
            "00000000-0000-0000-0000-000000000000",
            "0190163d8694739baea5966c26f8ad91",
            "{0190163d-8694-739b-aea5-966c26f8ad91}",
            "urn:uuid:0190163d-8694-739b-aea5-966c26f8ad91",
            " 0190163d-8694-739b-aea5-966c26f8ad91",
            "0190163d-8694-739b-aea5-966c26f8ad9g",
        ] {
            assert_eq!(read_uuid(bad), Err(InvalidId), "{bad:?}");
        }
    }

    #[test]
    fn a_named_id_is_always_the_same() {
        assert_eq!(CaseId::named("12345/A-1"), CaseId::named("12345/A-1"));
        assert_ne!(CaseId::named("12345/A-1"), CaseId::named("12345/A-2"));
    }
}
