use chrono::{DateTime, Utc};
use kernel::{Allowed, Decision, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ADMINISTRATORS, Programs, Refusal, RegisterProgram};
use crate::ProgramId;

// Most characters of a text.
const REASON_MAX: usize = 500;

/// A security administrator shuts a program out. Its keys are never let in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseProgram {
    pub program: ProgramId,
    /// Why, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// A program was shut out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramClosed {
    pub program: ProgramId,
    pub reason: String,
    pub since: DateTime<Utc>,
}

impl Verb for CloseProgram {
    const NAME: &'static str = "close-program";
    const BY: Allowed = ADMINISTRATORS;
    type Of = Programs;

    fn example() -> Self {
        Self { program: RegisterProgram::example().program, reason: "合同到期".into() }
    }
}

impl CloseProgram {
    pub(super) fn decide(&self, programs: &Programs, now: DateTime<Utc>) -> Decision<Programs> {
        let known = programs.last(&self.program).ok_or(Refusal::UnknownProgram)?;
        match &known.closed {
            Some(reason) if *reason == self.reason => Ok(vec![]),
            Some(_) => Err(Refusal::Closed),
            None => {
                check_text("reason", &self.reason, REASON_MAX)?;
                let (program, reason) = (self.program.clone(), self.reason.clone());
                Ok(vec![ProgramClosed { program, reason, since: now }.into()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Unfit;

    use super::super::testing::registered;
    use super::*;

    #[test]
    fn a_program_is_closed_once_and_for_one_reason() {
        let example = CloseProgram::example;
        let closed = given::<Programs>([registered()]).when(example()).events();
        let history = || [registered()].into_iter().chain(closed.clone());
        given::<Programs>(history()).when(example()).then_nothing();
        let other = CloseProgram { reason: "换个说法".into(), ..example() };
        given::<Programs>(history()).when(other).then_refused(Refusal::Closed);
        given::<Programs>([]).when(example()).then_refused(Refusal::UnknownProgram);
        let silent = CloseProgram { reason: " ".into(), ..example() };
        given::<Programs>([registered()]).when(silent).then_refused(Unfit::TextLength { field: "reason", max: 500 });
    }
}
