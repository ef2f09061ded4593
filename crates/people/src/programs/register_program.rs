use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Needs, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ADMINISTRATORS, AUDIENCES_MAX, KEYS_MAX, Programs, Refusal};
use crate::{GrantedAudience, IntegratorName, Nkey, ProgramId};

/// A public key whose secret half nobody has.
pub(super) const EXAMPLE_KEY: &str = "UA6OVABTBDLTZMHZ2ZOAKGPQ4KCPWQZ3SFTDSGWT7V6Y7GWCT5LXEIMW";

/// A security administrator lets a program in to NATS: that of a department, or an integrator.
///
/// Once. A program that was closed can be registered again, with keys that were never used. A department must be active.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterProgram {
    pub program: ProgramId,
    /// Its public keys, 1 to 4. `dualgrid nats key FILE` makes one.
    #[schemars(length(min = 1, max = KEYS_MAX))]
    pub keys: BTreeSet<Nkey>,
    /// What an integrator receives, 1 to 200; none for a department, which receives its own orders.
    #[serde(default)]
    #[schemars(length(max = AUDIENCES_MAX))]
    pub audiences: BTreeSet<GrantedAudience>,
}

/// A program was let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramRegistered {
    pub program: ProgramId,
    /// Its public keys.
    pub keys: BTreeSet<Nkey>,
    /// What it receives, where it is an integrator.
    pub audiences: BTreeSet<GrantedAudience>,
    pub since: DateTime<Utc>,
}

impl Verb for RegisterProgram {
    const NAME: &'static str = "register-program";
    const BY: Allowed = ADMINISTRATORS;
    type Of = Programs;

    fn needs(&self, _: &Programs) -> Needs {
        match &self.program {
            ProgramId::Department(code) => Needs::none().departments([code]),
            ProgramId::Integrator(_) => Needs::none(),
        }
    }
    fn example() -> Self {
        Self {
            program: ProgramId::Integrator(IntegratorName::try_new("city-brain").expect("a name")),
            keys: [Nkey::try_new(EXAMPLE_KEY).expect("a key")].into(),
            audiences: [GrantedAudience::try_new("district").expect("an audience")].into(),
        }
    }
}

impl RegisterProgram {
    pub(super) fn decide(&self, programs: &Programs, context: &Context) -> Decision<Programs> {
        if let Some(known) = programs.last(&self.program).filter(|known| known.closed.is_none()) {
            let is_same = known.keys == self.keys && known.audiences == self.audiences;
            return if is_same { Ok(vec![]) } else { Err(Refusal::AlreadyRegistered) };
        }
        check_count("keys", self.keys.len(), 1, KEYS_MAX)?;
        match &self.program {
            ProgramId::Department(_) if !self.audiences.is_empty() => return Err(Refusal::DepartmentAudiences),
            ProgramId::Department(code) => drop(context.department(code)?),
            ProgramId::Integrator(_) => check_count("audiences", self.audiences.len(), 1, AUDIENCES_MAX)?,
        }
        programs.check_unused(&self.keys, &BTreeSet::new())?;
        let (program, keys, audiences) = (self.program.clone(), self.keys.clone(), self.audiences.clone());
        Ok(vec![ProgramRegistered { program, keys, audiences, since: context.at }.into()])
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Unfit;

    use super::super::testing::{key, registered};
    use super::super::{ChangeProgramKeys, CloseProgram, ProgramsEvent};
    use super::*;

    fn department(code: &str) -> RegisterProgram {
        let program = ProgramId::Department(given::department(code));
        RegisterProgram { program, audiences: [].into(), ..RegisterProgram::example() }
    }

    #[test]
    fn a_program_is_registered_once() {
        let example = RegisterProgram::example;
        given::<Programs>([]).when(example()).then([registered()]);
        given::<Programs>([registered()]).when(example()).then_nothing();
        let others = [
            RegisterProgram { keys: [key(1)].into(), ..example() },
            RegisterProgram { audiences: [GrantedAudience::try_new("street.*").unwrap()].into(), ..example() },
        ];
        for other in others {
            given::<Programs>([registered()]).when(other).then_refused(Refusal::AlreadyRegistered);
        }
    }

    #[test]
    fn a_department_must_be_active_and_receives_its_own_orders() {
        let events = given::<Programs>([]).when(department(given::LEAD)).events();
        assert!(matches!(&events[..], [ProgramsEvent::ProgramRegistered(event)] if event.audiences.is_empty()));
        let unknown = Unfit::UnknownDepartment { department: given::department("NOBODY") };
        given::<Programs>([]).when(department("NOBODY")).then_refused(unknown);
        let wider = RegisterProgram { audiences: RegisterProgram::example().audiences, ..department(given::LEAD) };
        given::<Programs>([]).when(wider).then_refused(Refusal::DepartmentAudiences);
    }

    #[test]
    fn a_key_is_one_programs_for_good() {
        let used = || Refusal::KeyUsed { key: key(0) };
        // That of another program, also once that program changed or lost it.
        let mut history = vec![registered()];
        given::<Programs>(history.clone()).when(department(given::LEAD)).then_refused(used());
        history.extend(given::<Programs>(history.clone()).when(ChangeProgramKeys::example()).events());
        given::<Programs>(history.clone()).when(department(given::LEAD)).then_refused(used());
        history.extend(given::<Programs>(history.clone()).when(CloseProgram::example()).events());
        given::<Programs>(history.clone()).when(department(given::LEAD)).then_refused(used());
        // One's own, once the program was closed; a new one lets it in again.
        given::<Programs>(history.clone()).when(RegisterProgram::example()).then_refused(used());
        let again = RegisterProgram { keys: [key(2)].into(), ..RegisterProgram::example() };
        let ProgramId::Integrator(_) = &again.program else { panic!("an integrator") };
        let events = given::<Programs>(history).when(again.clone()).events();
        assert!(matches!(&events[..], [ProgramsEvent::ProgramRegistered(event)] if event.keys == again.keys));
    }

    #[test]
    fn it_has_keys_and_an_integrator_has_audiences() {
        let example = RegisterProgram::example;
        let without = RegisterProgram { keys: [].into(), ..example() };
        given::<Programs>([]).when(without).then_refused(Unfit::EntryCount { field: "keys", min: 1, max: 4 });
        let keys = (1..=5).map(|n| Nkey::try_new(accounts::Seed::of_random([n; 32]).public().as_str()).unwrap());
        let five = RegisterProgram { keys: keys.collect(), ..example() };
        given::<Programs>([]).when(five).then_refused(Unfit::EntryCount { field: "keys", min: 1, max: 4 });
        let none = RegisterProgram { audiences: [].into(), ..example() };
        given::<Programs>([]).when(none).then_refused(Unfit::EntryCount { field: "audiences", min: 1, max: 200 });
    }
}
