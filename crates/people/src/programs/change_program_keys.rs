use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Allowed, Decision, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ADMINISTRATORS, KEYS_MAX, Programs, Refusal, RegisterProgram};
use crate::{Nkey, ProgramId};

/// A public key whose secret half nobody has.
pub(super) const EXAMPLE_KEY: &str = "UBMARG6LGYMIM34HRXMBNXDGBKHSE6G3II5D42RWAFG4JOEYJW4GODMC";

/// A security administrator gives a program other keys. A key that is not listed is let in no more, and never again.
///
/// To rotate a key without a break: list the old and the new one, let the program use the new one, then list the new one alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeProgramKeys {
    pub program: ProgramId,
    /// All its public keys from now on, 1 to 4.
    #[schemars(length(min = 1, max = KEYS_MAX))]
    pub keys: BTreeSet<Nkey>,
}

/// A program has other keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramKeysChanged {
    pub program: ProgramId,
    /// All its public keys.
    pub keys: BTreeSet<Nkey>,
    pub since: DateTime<Utc>,
}

impl Verb for ChangeProgramKeys {
    const NAME: &'static str = "change-program-keys";
    const BY: Allowed = ADMINISTRATORS;
    type Of = Programs;

    fn example() -> Self {
        let keys = [Nkey::try_new(EXAMPLE_KEY).expect("a key")].into();
        Self { program: RegisterProgram::example().program, keys }
    }
}

impl ChangeProgramKeys {
    pub(super) fn decide(&self, programs: &Programs, now: DateTime<Utc>) -> Decision<Programs> {
        let known = programs.open(&self.program)?;
        if known.keys == self.keys {
            return Ok(vec![]);
        }
        if matches!(self.program, ProgramId::Connector(_)) {
            return Err(Refusal::ConnectorKeys);
        }
        check_count("keys", self.keys.len(), 1, KEYS_MAX)?;
        programs.check_unused(&self.keys, &known.keys)?;
        Ok(vec![ProgramKeysChanged { program: self.program.clone(), keys: self.keys.clone(), since: now }.into()])
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Unfit;

    use super::super::CloseProgram;
    use super::super::testing::{key, registered};
    use super::*;

    #[test]
    fn keys_are_rotated_without_a_break_and_an_old_one_never_comes_back() {
        let with = |keys: &[usize]| {
            let keys = keys.iter().map(|number| key(*number)).collect();
            ChangeProgramKeys { keys, ..ChangeProgramKeys::example() }
        };
        let mut history = vec![registered()];
        for keys in [&[0, 1][..], &[1]] {
            let events = given::<Programs>(history.clone()).when(with(keys)).events();
            assert_eq!(events.len(), 1);
            history.extend(events);
            given::<Programs>(history.clone()).when(with(keys)).then_nothing();
        }
        for keys in [&[0][..], &[0, 1], &[0, 2]] {
            let used = Refusal::KeyUsed { key: key(0) };
            given::<Programs>(history.clone()).when(with(keys)).then_refused(used);
        }
        let none = Unfit::EntryCount { field: "keys", min: 1, max: 4 };
        given::<Programs>(history).when(with(&[])).then_refused(none);
    }

    #[test]
    fn a_connector_has_no_keys_to_change() {
        let program = ProgramId::Connector(crate::ConnectorName::try_new("12345").unwrap());
        let sources = [crate::SourceName::try_new("hotline").unwrap()].into();
        let register = RegisterProgram { program: program.clone(), keys: [].into(), audiences: [].into(), sources };
        let history = given::<Programs>([]).when(register).events();
        let change = ChangeProgramKeys { program, ..ChangeProgramKeys::example() };
        given::<Programs>(history).when(change).then_refused(Refusal::ConnectorKeys);
    }

    #[test]
    fn a_program_that_is_unknown_or_closed_has_no_keys_to_change() {
        given::<Programs>([]).when(ChangeProgramKeys::example()).then_refused(Refusal::UnknownProgram);
        let closed = given::<Programs>([registered()]).when(CloseProgram::example()).events();
        let history = [registered()].into_iter().chain(closed);
        given::<Programs>(history).when(ChangeProgramKeys::example()).then_refused(Refusal::Closed);
    }
}
