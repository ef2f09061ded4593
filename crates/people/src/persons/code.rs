//! What names a person, and what names a post of theirs.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use kernel::actor::InvalidActor;
use kernel::{Actor, Role, Scope};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::stored;

/// How the ids of programs begin. A person has none of them.
const OF_PROGRAMS: [&str; 3] = ["department/", "integrator/", "connector/"];

/// A text that is no staff id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPersonCode {
    /// Its form is not that of an id, or it is one of the system or of a department.
    #[error(transparent)]
    Form(#[from] InvalidActor),
    /// It reads as the id of a program.
    #[error(
        "staff ids that begin with `department/`, `integrator/` or `connector/` are for programs; choose another one"
    )]
    OfProgram,
}

/// The staff id of a person, for example `jas-r03-secretary`: 1 to 64 of a-z, 0-9 and `. _ @ : / -`. Never a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9._@:/-]{1,64}$"))]
pub struct PersonCode(String);

impl PersonCode {
    /// Checks the form: the one that every door reads.
    ///
    /// # Errors
    /// What is wrong with it, and what to choose.
    pub fn try_new(text: &str) -> Result<Self, InvalidPersonCode> {
        if OF_PROGRAMS.iter().any(|begin| text.starts_with(begin)) {
            return Err(InvalidPersonCode::OfProgram);
        }
        let Actor { id, .. } = Actor::try_new(text, Role::Auditor, Scope::Everywhere)?;
        Ok(Self(id))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no code of a post.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the code of a post is 1 to 64 of a-z, 0-9 and . _ -, with a letter or digit first, for example `jas-r03-secretary`"
)]
pub struct InvalidPostCode;

/// Longest code of a post, in characters.
const POST_CODE_LEN_MAX: usize = 64;

/// What names a post among those of one person, for example `jas-r03-secretary`: 1 to 64 of a-z, 0-9 and `. _ -`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9][a-z0-9._-]{0,63}$"))]
pub struct PostCode(String);

impl PostCode {
    /// Checks the form: it is written into a header.
    ///
    /// # Errors
    /// Where it has another form.
    pub fn try_new(text: &str) -> Result<Self, InvalidPostCode> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_allowed = |byte: u8| is_plain(byte) || b"._-".contains(&byte);
        let is_first_plain = text.bytes().next().is_some_and(is_plain);
        if is_first_plain && text.len() <= POST_CODE_LEN_MAX && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPostCode)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What else is asked of a code: it is read on the command line, looked up by its text, and shown.
macro_rules! codes {
    ($($name:ident or $invalid:ident;)*) => {$(
        impl FromStr for $name {
            type Err = $invalid;
            fn from_str(text: &str) -> Result<Self, $invalid> {
                Self::try_new(text)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

stored! {
    PersonCode or InvalidPersonCode;
    PostCode or InvalidPostCode;
}

codes! {
    PersonCode or InvalidPersonCode;
    PostCode or InvalidPostCode;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_one_id_in_one_form() {
        for good in ["li.wei", "staff-0042", "a@b.cn", "post:jas/7", "departments", &"a".repeat(64)] {
            assert_eq!(PersonCode::try_new(good).map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "JAS-Verifier", "ｊas", "two words", "丁霞", "a\n", " a", "a ", &"a".repeat(65)] {
            assert_eq!(PersonCode::try_new(bad), Err(InvalidPersonCode::Form(InvalidActor::Id)), "{bad:?}");
        }
        let of_system = InvalidPersonCode::Form(InvalidActor::OfSystem);
        assert_eq!(PersonCode::try_new("system/outbox"), Err(of_system));
        for bad in ["department/cgzf", "integrator/city-brain", "connector/12345"] {
            assert_eq!(PersonCode::try_new(bad), Err(InvalidPersonCode::OfProgram), "{bad}");
        }
    }

    #[test]
    fn a_code_of_a_post_can_be_written_into_a_header() {
        for good in ["jas-r03-secretary", "0", "a.b_c-d", &"a".repeat(64)] {
            assert_eq!(PostCode::try_new(good).map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "-a", ".a", "A", "a b", "a,b", "a/b", "岗", "a\n", &"a".repeat(65)] {
            assert_eq!(PostCode::try_new(bad), Err(InvalidPostCode), "{bad:?}");
        }
    }
}
