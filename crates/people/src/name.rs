//! Which program.

use std::fmt;

use kernel::DepartmentCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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

impl TryFrom<String> for IntegratorName {
    type Error = InvalidIntegratorName;
    fn try_from(text: String) -> Result<Self, InvalidIntegratorName> {
        Self::try_new(&text)
    }
}

impl From<IntegratorName> for String {
    fn from(name: IntegratorName) -> String {
        name.0
    }
}

/// A program: that of a department, or an integrator.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgramId {
    /// The program of the department with this code. It is let in while the department is active.
    Department(DepartmentCode),
    /// The integrator of this name.
    Integrator(IntegratorName),
}

impl fmt::Display for ProgramId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Department(code) => write!(f, "department {code}"),
            Self::Integrator(name) => write!(f, "integrator {}", name.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
