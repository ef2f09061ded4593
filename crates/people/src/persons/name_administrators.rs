use chrono::{DateTime, Utc};
use kernel::{Allowed, Decision, Reach, Role, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PersonCode, Persons, Refusal};

/// The first administrators are named (三员分立): three persons, once, while nobody is in the register.
///
/// Given by the system itself, from the command line of its own machine (`dualgrid init`): nobody else could be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameAdministrators {
    /// Who cares for the district and the rules.
    pub system: PersonCode,
    /// Who cares for persons, posts, programs and keys.
    pub security: PersonCode,
    /// Who reads everything that administrators did.
    pub audit: PersonCode,
}

/// The first administrators were named. Each is in the register, with one post, without an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdministratorsNamed {
    /// Holds the post `system-administrator`.
    pub system: PersonCode,
    /// Holds the post `security-administrator`.
    pub security: PersonCode,
    /// Holds the post `audit-administrator`.
    pub audit: PersonCode,
    pub since: DateTime<Utc>,
}

impl Verb for NameAdministrators {
    const NAME: &'static str = "name-administrators";
    const BY: Allowed = &[(Role::System, Reach::Everywhere)];
    type Of = Persons;

    fn example() -> Self {
        let person = |text| PersonCode::try_new(text).expect("a staff id");
        Self { system: person("system-admin"), security: person("security-admin"), audit: person("audit-admin") }
    }
}

impl NameAdministrators {
    pub(super) fn decide(&self, persons: &Persons, now: DateTime<Utc>) -> Decision<Persons> {
        if !persons.is_empty() {
            return Err(Refusal::AdministratorsNamed);
        }
        let Self { system, security, audit } = self.clone();
        let named_twice = [(&system, &security), (&security, &audit), (&audit, &system)];
        if let Some((person, _)) = named_twice.into_iter().find(|(one, other)| one == other) {
            return Err(Refusal::OneAdministratorTwice { person: person.clone() });
        }
        Ok(vec![AdministratorsNamed { system, security, audit, since: now }.into()])
    }
}

#[cfg(test)]
mod tests {
    use given::given;

    use super::super::post::of_administrator;
    use super::super::testing::{named, person};
    use super::*;

    #[test]
    fn the_first_administrators_are_named_once() {
        given::<Persons>([]).when(NameAdministrators::example()).then([named()]);
        given::<Persons>([named()]).when(NameAdministrators::example()).then_refused(Refusal::AdministratorsNamed);
    }

    #[test]
    fn they_are_three_persons() {
        let example = NameAdministrators::example;
        for (twice, who) in [
            (NameAdministrators { security: example().system, ..example() }, example().system),
            (NameAdministrators { audit: example().security, ..example() }, example().security),
            (NameAdministrators { system: example().audit, ..example() }, example().audit),
        ] {
            given::<Persons>([]).when(twice).then_refused(Refusal::OneAdministratorTwice { person: who });
        }
    }

    #[test]
    fn each_of_them_can_act_at_once() {
        let register = given::<Persons>([named()]).state();
        for (id, role) in [
            ("system-admin", Role::SystemAdministrator),
            ("security-admin", Role::SecurityAdministrator),
            ("audit-admin", Role::AuditAdministrator),
        ] {
            let acting = register.acting(id, None, given::NOW, given::NOW).expect("an administrator");
            assert_eq!((acting.role, acting.post, acting.person), (role, of_administrator(role), person(id)));
        }
    }
}
