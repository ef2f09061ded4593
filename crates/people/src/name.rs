//! Which program.

use std::fmt;

use kernel::{Actor, DepartmentCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::stored;

/// A text that is no name of an integrator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of an integrator is 1 to 32 of A-Z, a-z, 0-9 and hyphen, and no hyphen first")]
pub struct InvalidIntegratorName;

/// The name of an integrator, for example `city-brain`. The case counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[A-Za-z0-9][A-Za-z0-9-]{0,31}$"))]
pub struct IntegratorName(String);

impl IntegratorName {
    /// Checks the form: it becomes part of the names of an account and of a consumer.
    pub fn try_new(text: &str) -> Result<Self, InvalidIntegratorName> {
        accounts::Member::integrator(text).map_err(|_| InvalidIntegratorName)?;
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is no name of a connector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the name of a connector is 1 to 32 of a-z, 0-9 and hyphen, and no hyphen first")]
pub struct InvalidConnectorName;

/// The name of a connector, for example `12345`: what hands in the findings of a source that numbers them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z0-9][a-z0-9-]{0,31}$"))]
pub struct ConnectorName(String);

/// A text that is no name of a source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a source is named by 1 to 32 of a-z and _, for example `hotline`: as `discover-issue` has it in `source`")]
pub struct InvalidSourceName;

/// A source as the commands name it, for example `hotline`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[a-z_]{1,32}$"))]
pub struct SourceName(String);

/// Longest name of a connector or a source, in characters.
const NAME_LEN_MAX: usize = 32;

impl ConnectorName {
    /// Checks the form.
    ///
    /// # Errors
    /// Where it has another form.
    pub fn try_new(text: &str) -> Result<Self, InvalidConnectorName> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_whole =
            (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(is_allowed) && !text.starts_with('-');
        if is_whole { Ok(Self(text.to_owned())) } else { Err(InvalidConnectorName) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SourceName {
    /// Checks the form.
    ///
    /// # Errors
    /// Where it has another form.
    pub fn try_new(text: &str) -> Result<Self, InvalidSourceName> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
        let is_whole = (1..=NAME_LEN_MAX).contains(&text.len()) && text.bytes().all(is_allowed);
        if is_whole { Ok(Self(text.to_owned())) } else { Err(InvalidSourceName) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

stored! {
    IntegratorName or InvalidIntegratorName;
    ConnectorName or InvalidConnectorName;
    SourceName or InvalidSourceName;
}

/// A program: that of a department, an integrator, or a connector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgramId {
    /// The program of the department with this code. It is let in while the department is active.
    Department(DepartmentCode),
    /// The integrator of this name.
    Integrator(IntegratorName),
    /// The connector of this name. It comes over HTTP alone.
    Connector(ConnectorName),
}

/// A text that is no subject of a program.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a program is named department/CODE, integrator/NAME or connector/NAME")]
pub struct InvalidProgramSubject;

impl ProgramId {
    /// Reads what a token has as the subject of a program: `department/CODE`, `integrator/NAME` or `connector/NAME`.
    ///
    /// # Errors
    /// Where it is another text.
    pub fn of_subject(text: &str) -> Result<Self, InvalidProgramSubject> {
        let (kind, name) = text.split_once('/').ok_or(InvalidProgramSubject)?;
        let program = match kind {
            "department" => DepartmentCode::try_new(name).ok().map(Self::Department),
            "integrator" => IntegratorName::try_new(name).ok().map(Self::Integrator),
            "connector" => ConnectorName::try_new(name).ok().map(Self::Connector),
            _ => None,
        };
        program.ok_or(InvalidProgramSubject)
    }

    /// What a token has as its subject, and an event as its actor: `department/CODE`, `integrator/NAME` or `connector/NAME`.
    pub fn subject(&self) -> String {
        match self {
            Self::Department(code) => Actor::id_of_department(code),
            Self::Integrator(name) => format!("integrator/{}", name.as_str()),
            Self::Connector(name) => format!("connector/{}", name.as_str()),
        }
    }
}

impl fmt::Display for ProgramId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Department(code) => write!(f, "department {code}"),
            Self::Integrator(name) => write!(f, "integrator {}", name.as_str()),
            Self::Connector(name) => write!(f, "connector {}", name.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_read_back_from_its_subject_and_nothing_else_is_one() {
        for subject in ["department/CGZF", "integrator/City-1", "connector/12345", "connector/a-b"] {
            assert_eq!(ProgramId::of_subject(subject).map(|program| program.subject()), Ok(subject.to_owned()));
        }
        let bad = [
            "",
            "department/",
            "department/cgzf",
            "integrator/-a",
            "connector/A",
            "connector/",
            "connector/a b",
            "dept/CGZF",
        ];
        for bad in bad.into_iter().chain(["CGZF", "system/outbox", "department/CGZF/x", "li.wei"]) {
            assert_eq!(ProgramId::of_subject(bad), Err(InvalidProgramSubject), "{bad:?}");
        }
    }

    #[test]
    fn a_source_is_named_as_commands_name_it() {
        for good in ["hotline", "self_report"] {
            assert_eq!(SourceName::try_new(good).map(String::from), Ok(good.to_owned()));
        }
        for bad in ["", "Hotline", "12345", "a b", &"a".repeat(33)] {
            assert_eq!(SourceName::try_new(bad), Err(InvalidSourceName), "{bad:?}");
        }
    }

    #[test]
    fn a_name_that_would_widen_a_right_is_refused() {
        for name in ["city", "City-1", "0", &"a".repeat(32)] {
            assert_eq!(IntegratorName::try_new(name).map(String::from), Ok(name.to_owned()));
        }
        for name in ["", "-city", "a.b", "a>", "*", "a b", "a_b", "城", "a\n", &"a".repeat(33)] {
            assert_eq!(IntegratorName::try_new(name), Err(InvalidIntegratorName), "{name:?}");
        }
    }
}
