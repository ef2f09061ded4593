use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::register::State;
use super::{PersonCode, Persons, REASON_MAX, Refusal, SECURITY};

/// A person cannot act until they are reinstated. Their posts stay theirs.
///
/// Given by a security administrator, and never about themselves. Refused where no security administrator would be left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendPerson {
    pub person: PersonCode,
    /// Why, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// A person cannot act.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonSuspended {
    pub person: PersonCode,
    pub reason: String,
    pub since: DateTime<Utc>,
}

impl Verb for SuspendPerson {
    const NAME: &'static str = "suspend-person";
    const BY: Allowed = SECURITY;
    type Of = Persons;

    fn example() -> Self {
        Self { person: PersonCode::try_new("jas-r03-secretary").expect("a staff id"), reason: "核查账号".into() }
    }
}

impl SuspendPerson {
    pub(super) fn decide(&self, persons: &Persons, context: &Context) -> Decision<Persons> {
        super::check_not_own(&self.person, &context.by)?;
        match persons.present(&self.person)?.last().state {
            State::Suspended { reason } if reason == self.reason => return Ok(vec![]),
            State::Suspended { .. } => return Err(Refusal::AlreadySuspended { person: self.person.clone() }),
            State::Active { .. } | State::Ended { .. } => {}
        }
        check_text("reason", &self.reason, REASON_MAX)?;
        let mut draft = Draft::of(persons);
        draft.record(PersonSuspended { person: self.person.clone(), reason: self.reason.clone(), since: context.at });
        draft.persons.check_security(context.at)?;
        Ok(draft.events)
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::{Role, Unfit};

    use super::super::testing::{after, entered, gone, named, person, post, security};
    use super::super::{EndPerson, NotActing};
    use super::*;

    #[test]
    fn somebody_who_is_suspended_does_not_act_and_counts_in_no_grid() {
        let example = SuspendPerson::example;
        let led = || after(entered(), [post(example().person.as_str(), "leader", Role::GridLeader).into()]);
        let grid = given::grid(given::GRID);
        assert_eq!(given::<Persons>(led()).state().holders(&grid, given::NOW), [Role::GridLeader].into());
        let register = given::<Persons>(led()).when(example()).state();
        let acting = register.acting(example().person.as_str(), None, given::NOW, given::NOW);
        assert_eq!(acting, Err(NotActing::Suspended));
        assert_eq!(register.holders(&grid, given::NOW), [].into());
    }

    #[test]
    fn somebody_is_suspended_once_and_for_one_reason() {
        let example = SuspendPerson::example;
        let history = || after(entered(), [example().into()]);
        given::<Persons>(history()).when(example()).then_nothing();
        let other = SuspendPerson { reason: "换个说法".into(), ..example() };
        let refusal = Refusal::AlreadySuspended { person: example().person };
        given::<Persons>(history()).when(other).then_refused(refusal);
        let silent = SuspendPerson { reason: " ".into(), ..example() };
        given::<Persons>(entered()).when(silent).then_refused(Unfit::TextLength { field: "reason", max: REASON_MAX });
    }

    #[test]
    fn who_is_not_there_is_not_suspended() {
        let nobody = SuspendPerson { person: person("nobody"), ..SuspendPerson::example() };
        given::<Persons>(entered()).when(nobody).then_refused(Refusal::UnknownPerson { person: person("nobody") });
        let history = entered().into_iter().chain([gone()]);
        let left = Refusal::PersonGone { person: SuspendPerson::example().person };
        given::<Persons>(history).when(SuspendPerson::example()).then_refused(left);
    }

    #[test]
    fn neither_the_last_of_security_nor_oneself() {
        let of_security = || SuspendPerson { person: security(), ..SuspendPerson::example() };
        let last = || Refusal::LastSecurityAdministrator { from: given::NOW };
        given::<Persons>([named()]).when(of_security()).then_refused(last());
        let left = EndPerson { person: security(), reason: "调离".into() };
        given::<Persons>([named()]).when(left.clone()).then_refused(last());
        let own = || Refusal::OwnAccount { person: security() };
        given::<Persons>([named()]).by(security().as_str()).when(of_security()).then_refused(own());
        given::<Persons>([named()]).by(security().as_str()).when(left).then_refused(own());
        let system = SuspendPerson { person: person("system-admin"), ..SuspendPerson::example() };
        assert_eq!(given::<Persons>([named()]).by(security().as_str()).when(system).events().len(), 1);
    }
}
