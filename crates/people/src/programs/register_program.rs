use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Needs, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ADMINISTRATORS, AUDIENCES_MAX, KEYS_MAX, Programs, Refusal, SOURCES_MAX};
use crate::{GrantedAudience, IntegratorName, Nkey, ProgramId, SourceName};

/// A public key whose secret half nobody has.
pub(super) const EXAMPLE_KEY: &str = "UA6OVABTBDLTZMHZ2ZOAKGPQ4KCPWQZ3SFTDSGWT7V6Y7GWCT5LXEIMW";

/// A security administrator lets a program in: that of a department or an integrator, also to NATS, or a connector, which comes over
/// HTTP alone.
///
/// Once. A program that was closed can be registered again, with keys that were never used. A department must be active. No two
/// connectors number one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterProgram {
    pub program: ProgramId,
    /// Its public keys on NATS, 1 to 4; none of a connector. `dualgrid nats key FILE` makes one.
    #[serde(default)]
    #[schemars(length(max = KEYS_MAX))]
    pub keys: BTreeSet<Nkey>,
    /// What an integrator receives, 1 to 200; none for a department, which receives its own orders.
    #[serde(default)]
    #[schemars(length(max = AUDIENCES_MAX))]
    pub audiences: BTreeSet<GrantedAudience>,
    /// The sources whose numbers a connector hands in, 1 to 8; none of another program.
    #[serde(default)]
    #[schemars(length(max = SOURCES_MAX))]
    pub sources: BTreeSet<SourceName>,
}

/// A program was let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProgramRegistered {
    pub program: ProgramId,
    /// Its public keys.
    pub keys: BTreeSet<Nkey>,
    /// What it receives, where it is an integrator.
    pub audiences: BTreeSet<GrantedAudience>,
    /// The sources whose numbers it hands in, where it is a connector.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sources: BTreeSet<SourceName>,
    pub since: DateTime<Utc>,
}

impl Verb for RegisterProgram {
    const NAME: &'static str = "register-program";
    const BY: Allowed = ADMINISTRATORS;
    type Of = Programs;

    fn needs(&self, _: &Programs) -> Needs {
        match &self.program {
            ProgramId::Department(code) => Needs::none().departments([code]),
            ProgramId::Integrator(_) | ProgramId::Connector(_) => Needs::none(),
        }
    }
    fn example() -> Self {
        Self {
            program: ProgramId::Integrator(IntegratorName::try_new("city-brain").expect("a name")),
            keys: [Nkey::try_new(EXAMPLE_KEY).expect("a key")].into(),
            audiences: [GrantedAudience::try_new("district").expect("an audience")].into(),
            sources: BTreeSet::new(),
        }
    }
}

impl RegisterProgram {
    pub(super) fn decide(&self, programs: &Programs, context: &Context) -> Decision<Programs> {
        if let Some(known) = programs.last(&self.program).filter(|known| known.closed.is_none()) {
            let is_same =
                (&known.keys, &known.audiences, &known.sources) == (&self.keys, &self.audiences, &self.sources);
            return if is_same { Ok(vec![]) } else { Err(Refusal::AlreadyRegistered) };
        }
        let is_connector = matches!(self.program, ProgramId::Connector(_));
        let (keys_min, keys_max) = if is_connector { (0, 0) } else { (1, KEYS_MAX) };
        check_count("keys", self.keys.len(), keys_min, keys_max)?;
        let (sources_min, sources_max) = if is_connector { (1, SOURCES_MAX) } else { (0, 0) };
        check_count("sources", self.sources.len(), sources_min, sources_max)?;
        match &self.program {
            ProgramId::Department(_) if !self.audiences.is_empty() => return Err(Refusal::DepartmentAudiences),
            ProgramId::Department(code) => drop(context.department(code)?),
            ProgramId::Integrator(_) => check_count("audiences", self.audiences.len(), 1, AUDIENCES_MAX)?,
            ProgramId::Connector(_) => check_count("audiences", self.audiences.len(), 0, 0)?,
        }
        programs.check_unused(&self.keys, &BTreeSet::new())?;
        if let Some((source, other)) =
            self.sources.iter().find_map(|source| Some((source, programs.numbering(source)?)))
        {
            return Err(Refusal::SourceTaken { taken: source.clone(), program: other.clone() });
        }
        let Self { program, keys, audiences, sources } = self.clone();
        Ok(vec![ProgramRegistered { program, keys, audiences, sources, since: context.at }.into()])
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

    fn connector(name: &str, sources: &[&str]) -> RegisterProgram {
        let sources = sources.iter().map(|source| SourceName::try_new(source).expect("a source")).collect();
        let program = ProgramId::Connector(crate::ConnectorName::try_new(name).expect("a name"));
        RegisterProgram { program, keys: [].into(), audiences: [].into(), sources }
    }

    #[test]
    fn a_connector_numbers_its_sources_and_no_other_one_does() {
        let state = given::<Programs>([]).when(connector("12345", &["hotline"])).state();
        let hotline = |id: &RegisterProgram| state.may_number(&id.program.subject(), "hotline");
        assert!(hotline(&connector("12345", &[])));
        assert!(!hotline(&connector("54321", &[])) && !hotline(&RegisterProgram::example()));
        assert!(!state.may_number("connector/12345", "device"));
        let registered = || given::<Programs>([]).when(connector("12345", &["hotline"])).events();
        let source = SourceName::try_new("hotline").unwrap();
        let taken = Refusal::SourceTaken { taken: source, program: connector("12345", &[]).program };
        given::<Programs>(registered()).when(connector("other", &["device", "hotline"])).then_refused(taken);
        given::<Programs>(registered()).when(connector("12345", &["device"])).then_refused(Refusal::AlreadyRegistered);
        let close = CloseProgram { program: connector("12345", &[]).program, ..CloseProgram::example() };
        let closed = given::<Programs>(registered()).when(close).events();
        let history = || [registered(), closed.clone()].concat();
        assert!(!given::<Programs>(history()).state().may_number("connector/12345", "hotline"), "it is closed");
        assert_eq!(given::<Programs>(history()).when(connector("other", &["hotline"])).events().len(), 1);
    }

    #[test]
    fn a_connector_has_sources_and_neither_keys_nor_audiences() {
        let count = |field, min, max| Unfit::EntryCount { field, min, max };
        let example = RegisterProgram::example;
        let hotline = || connector("12345", &["hotline"]);
        let keyed = RegisterProgram { keys: example().keys, ..hotline() };
        given::<Programs>([]).when(keyed).then_refused(count("keys", 0, 0));
        let heard = RegisterProgram { audiences: example().audiences, ..hotline() };
        given::<Programs>([]).when(heard).then_refused(count("audiences", 0, 0));
        given::<Programs>([]).when(connector("12345", &[])).then_refused(count("sources", 1, 8));
        let numbered = RegisterProgram { sources: hotline().sources, ..example() };
        given::<Programs>([]).when(numbered).then_refused(count("sources", 0, 0));
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
