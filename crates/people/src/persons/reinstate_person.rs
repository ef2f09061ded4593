use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::register::State;
use super::{PersonCode, Persons, REASON_MAX, Refusal, SECURITY};

/// A person who was suspended can act again, in the posts that are still theirs.
///
/// Given by a security administrator, and never about themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinstatePerson {
    pub person: PersonCode,
    /// Why, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// A person can act again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonReinstated {
    pub person: PersonCode,
    pub reason: String,
    pub since: DateTime<Utc>,
}

impl Verb for ReinstatePerson {
    const NAME: &'static str = "reinstate-person";
    const BY: Allowed = SECURITY;
    type Of = Persons;

    fn example() -> Self {
        Self { person: PersonCode::try_new("jas-r03-secretary").expect("a staff id"), reason: "核查完毕".into() }
    }
}

impl ReinstatePerson {
    pub(super) fn decide(&self, persons: &Persons, context: &Context) -> Decision<Persons> {
        super::check_not_own(&self.person, &context.by)?;
        match persons.present(&self.person)?.last().state {
            State::Active { reinstated: Some(reason) } if reason == self.reason => return Ok(vec![]),
            State::Active { .. } => return Err(Refusal::NotSuspended { person: self.person.clone() }),
            State::Suspended { .. } | State::Ended { .. } => {}
        }
        check_text("reason", &self.reason, REASON_MAX)?;
        let (person, reason) = (self.person.clone(), self.reason.clone());
        Ok(vec![PersonReinstated { person, reason, since: context.at }.into()])
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::{Role, Unfit};

    use super::super::SuspendPerson;
    use super::super::testing::{after, entered, named, post, security};
    use super::*;

    #[test]
    fn whoever_was_suspended_acts_again_in_the_posts_that_are_theirs() {
        let example = ReinstatePerson::example;
        let id = example().person;
        let led = after(entered(), [post(id.as_str(), "leader", Role::GridLeader).into()]);
        let suspended = after(led, [SuspendPerson::example().into()]);
        let register = given::<Persons>(suspended.clone()).when(example()).state();
        let acting = register.acting(id.as_str(), None, given::NOW, given::NOW).map(|acting| acting.role);
        assert_eq!(acting, Ok(Role::GridLeader));
        let history = || after(suspended.clone(), [example().into()]);
        given::<Persons>(history()).when(example()).then_nothing();
        let not_suspended = || Refusal::NotSuspended { person: id.clone() };
        let other = ReinstatePerson { reason: "换个说法".into(), ..example() };
        given::<Persons>(history()).when(other).then_refused(not_suspended());
        given::<Persons>(entered()).when(example()).then_refused(not_suspended());
        let silent = ReinstatePerson { reason: String::new(), ..example() };
        given::<Persons>(suspended).when(silent).then_refused(Unfit::TextLength { field: "reason", max: REASON_MAX });
    }

    #[test]
    fn nobody_reinstates_themselves() {
        let own = ReinstatePerson { person: security(), ..ReinstatePerson::example() };
        let refusal = Refusal::OwnAccount { person: security() };
        given::<Persons>([named()]).by(security().as_str()).when(own).then_refused(refusal);
    }
}
