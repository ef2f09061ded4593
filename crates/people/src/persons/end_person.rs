use chrono::{DateTime, Utc};
use kernel::{Allowed, Context, Decision, Verb, check_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::draft::Draft;
use super::end_appointment::ended;
use super::register::State;
use super::{PersonCode, Persons, REASON_MAX, Refusal, SECURITY};

/// A person has left: their posts end, and they cannot act.
///
/// Given by a security administrator, and never about themselves. Refused where no security administrator would be left. The id stays
/// theirs: it is never another person's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndPerson {
    pub person: PersonCode,
    /// Why, at most 500 characters.
    #[schemars(length(min = 1, max = REASON_MAX))]
    pub reason: String,
}

/// A person has left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonEnded {
    pub person: PersonCode,
    pub reason: String,
    pub since: DateTime<Utc>,
}

impl Verb for EndPerson {
    const NAME: &'static str = "end-person";
    const BY: Allowed = SECURITY;
    type Of = Persons;

    fn example() -> Self {
        Self { person: PersonCode::try_new("jas-r03-secretary").expect("a staff id"), reason: "调离".into() }
    }
}

/// Records that a person has left, and that their terms end.
pub(super) fn leave(draft: &mut Draft, person: &PersonCode, reason: &str, at: DateTime<Utc>) {
    let known = draft.persons.persons.get(person);
    let posts: Vec<_> = known.into_iter().flat_map(|known| known.open_posts(at)).cloned().collect();
    for post in posts {
        draft.record(ended(person, &post, at));
    }
    draft.record(PersonEnded { person: person.clone(), reason: reason.to_owned(), since: at });
}

impl EndPerson {
    pub(super) fn decide(&self, persons: &Persons, context: &Context) -> Decision<Persons> {
        super::check_not_own(&self.person, &context.by)?;
        let unknown = || Refusal::UnknownPerson { person: self.person.clone() };
        match persons.persons.get(&self.person).ok_or_else(unknown)?.last().state {
            State::Ended { reason } if reason == self.reason => return Ok(vec![]),
            State::Ended { .. } => return Err(Refusal::PersonGone { person: self.person.clone() }),
            State::Active { .. } | State::Suspended { .. } => {}
        }
        check_text("reason", &self.reason, REASON_MAX)?;
        let mut draft = Draft::of(persons);
        leave(&mut draft, &self.person, &self.reason, context.at);
        draft.persons.check_security(context.at)?;
        Ok(draft.events)
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::{Role, Unfit};

    use super::super::testing::{after, entered, person, post};
    use super::super::{Appoint, NotActing, PersonsEvent};
    use super::*;

    #[test]
    fn whoever_leaves_has_no_post_now_or_later() {
        let example = EndPerson::example;
        let id = example().person;
        let later = Appoint {
            from: Some(given::NOW + chrono::TimeDelta::days(9)),
            ..post(id.as_str(), "verifier", Role::Verifier)
        };
        let led = || after(entered(), [post(id.as_str(), "leader", Role::GridLeader).into(), later.clone().into()]);
        let now = given::NOW + chrono::TimeDelta::days(1);
        let events = given::<Persons>(led()).at(now).when(example()).events();
        let is_end = |event: &PersonsEvent| matches!(event, PersonsEvent::AppointmentEnded(_));
        assert_eq!((events.len(), events.iter().filter(|event| is_end(event)).count()), (3, 2));
        let history = || led().into_iter().chain(events.clone());
        let register = given::<Persons>(history()).state();
        assert_eq!(register.acting(id.as_str(), None, now, now), Err(NotActing::Ended));
        assert_eq!(register.holders(&given::grid(given::GRID), now), [].into());
        // The post is free for another one.
        let another = super::super::EnterPerson { person: person("another"), name: None, seconded_by: None };
        let free = given::<Persons>(after(history(), [another.into()]));
        assert_eq!(free.at(now).when(post("another", "leader", Role::GridLeader)).events().len(), 1);
    }

    #[test]
    fn somebody_leaves_once_and_for_one_reason() {
        let example = EndPerson::example;
        let history = || after(entered(), [example().into()]);
        given::<Persons>(history()).when(example()).then_nothing();
        let other = EndPerson { reason: "换个说法".into(), ..example() };
        given::<Persons>(history()).when(other).then_refused(Refusal::PersonGone { person: example().person });
        let nobody = EndPerson { person: person("nobody"), ..example() };
        given::<Persons>(history()).when(nobody).then_refused(Refusal::UnknownPerson { person: person("nobody") });
        let silent = EndPerson { reason: "\u{200b}".into(), ..example() };
        given::<Persons>(entered()).when(silent).then_refused(Unfit::TextLength { field: "reason", max: REASON_MAX });
    }
}
