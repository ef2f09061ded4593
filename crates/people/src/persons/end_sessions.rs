use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Verb};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PersonCode, Persons, SECURITY};

/// What was issued to a person before now is refused from now on: tokens and sessions. They can log in again.
///
/// Given by a security administrator, about themselves too: a lost telephone is everybody's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndSessions {
    pub person: PersonCode,
}

/// What was issued to a person before a moment is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionsEnded {
    pub person: PersonCode,
    /// The moment: what was issued then or later is valid.
    pub before: DateTime<Utc>,
}

impl Verb for EndSessions {
    const NAME: &'static str = "end-sessions";
    const BY: Allowed = SECURITY;
    type Of = Persons;

    fn example() -> Self {
        Self { person: PersonCode::try_new("jas-r03-secretary").expect("a staff id") }
    }
}

impl EndSessions {
    pub(super) fn decide(&self, persons: &Persons, context: &Context) -> Decision<Persons> {
        let known = persons.present(&self.person)?;
        if known.sessions_from == Some(context.at) {
            return Ok(vec![]);
        }
        Ok(vec![SessionsEnded { person: self.person.clone(), before: context.at }.into()])
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Role;

    use super::super::testing::{after, entered, named, person, post, security};
    use super::super::{NotActing, Refusal};
    use super::*;

    #[test]
    fn what_was_issued_before_is_refused_and_what_is_issued_after_is_not() {
        let id = EndSessions::example().person;
        let led = || after(entered(), [post(id.as_str(), "leader", Role::GridLeader).into()]);
        let register = given::<Persons>(led()).when(EndSessions::example()).state();
        let acting = |issued| register.acting(id.as_str(), None, issued, given::NOW).map(|acting| acting.role);
        assert_eq!(acting(given::NOW - chrono::TimeDelta::microseconds(1)), Err(NotActing::TokenOlder));
        assert_eq!(acting(given::NOW), Ok(Role::GridLeader));
        let later = given::NOW + chrono::TimeDelta::hours(1);
        let again = given::<Persons>(led()).at(later).when(EndSessions::example());
        assert_eq!(again.state().acting(id.as_str(), None, given::NOW, later), Err(NotActing::TokenOlder));
        given::<Persons>(after(led(), [EndSessions::example().into()])).when(EndSessions::example()).then_nothing();
    }

    #[test]
    fn a_security_administrator_ends_their_own_sessions_too() {
        let own = EndSessions { person: security() };
        assert_eq!(given::<Persons>([named()]).by(security().as_str()).when(own).events().len(), 1);
        let nobody = EndSessions { person: person("nobody") };
        given::<Persons>([named()]).when(nobody).then_refused(Refusal::UnknownPerson { person: person("nobody") });
    }
}
