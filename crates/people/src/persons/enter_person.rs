use chrono::{DateTime, Utc};
use kernel::needs::PersonalInput;
use kernel::{
    Allowed, Context, Decision, DepartmentCode, Needs, PersonId, Personal, PersonalField, Sealed, Verb, check_line,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::register::State;
use super::{PersonCode, Persons, SECURITY};

/// Most characters of a name.
const NAME_MAX: usize = 100;

/// Says who somebody is: their staff id, and, where they are wanted, their name and the department that lends them.
///
/// Given by a security administrator, and never about themselves. What is left out is not so, or no longer so. The same again changes
/// nothing. Somebody who has left can be entered again; what was issued to them before is not valid again, and posts are given anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnterPerson {
    /// Staff id; never a name.
    pub person: PersonCode,
    /// Their name, which is sealed under a key of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minLength" = 1, "maxLength" = NAME_MAX))]
    pub name: Option<Personal<String>>,
    /// The department that lends them (派出单位): they do not verify what it disposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconded_by: Option<DepartmentCode>,
}

/// Somebody was entered, or has come back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonEntered {
    pub person: PersonCode,
    /// Their name, sealed.
    pub name: Option<Sealed>,
    /// The department that lends them.
    pub seconded_by: Option<DepartmentCode>,
    pub since: DateTime<Utc>,
}

/// Somebody has another name, or is lent by another department.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PersonChanged {
    pub person: PersonCode,
    /// Their name, sealed.
    pub name: Option<Sealed>,
    /// The department that lends them.
    pub seconded_by: Option<DepartmentCode>,
    pub since: DateTime<Utc>,
}

impl Verb for EnterPerson {
    const NAME: &'static str = "enter-person";
    const BY: Allowed = SECURITY;
    type Of = Persons;

    fn needs(&self, persons: &Persons) -> Needs {
        let needs = Needs::none().departments(&self.seconded_by);
        let Some(name) = &self.name else { return needs };
        let known = persons.persons.get(&self.person).and_then(|known| known.last().name);
        needs.seal(PersonalInput {
            person: Some(key_of(&self.person)),
            values: vec![(PersonalField::Name, name.clone())],
            known: known.into_iter().collect(),
        })
    }

    fn example() -> Self {
        Self {
            person: PersonCode::try_new("jas-r03-secretary").expect("a staff id"),
            name: Some(Personal::new("丁霞".into())),
            seconded_by: None,
        }
    }
}

/// Under whose key the name of a member of staff is sealed.
pub(super) fn key_of(person: &PersonCode) -> PersonId {
    PersonId::named(&format!("staff/{person}"))
}

impl EnterPerson {
    pub(super) fn decide(&self, persons: &Persons, context: &Context) -> Decision<Persons> {
        super::check_not_own(&self.person, &context.by)?;
        if let Some(name) = &self.name {
            check_line("name", name.clear(), NAME_MAX)?;
        }
        if let Some(department) = &self.seconded_by {
            context.department(department)?;
        }
        let name = context.facts.sealed.as_ref().and_then(|sealed| sealed.value(PersonalField::Name));
        let (person, seconded_by, since) = (self.person.clone(), self.seconded_by.clone(), context.at);
        let known = persons.persons.get(&person).map(super::register::Person::last);
        match known.filter(|known| !matches!(known.state, State::Ended { .. })) {
            None => Ok(vec![PersonEntered { person, name, seconded_by, since }.into()]),
            Some(known) if (&known.name, &known.seconded_by) == (&name, &seconded_by) => Ok(vec![]),
            Some(_) => Ok(vec![PersonChanged { person, name, seconded_by, since }.into()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use given::given;
    use kernel::Unfit;

    use super::super::testing::{entered, gone, named, security};
    use super::super::{PersonsEvent, Refusal};
    use super::*;

    #[test]
    fn somebody_is_entered_and_changed_and_the_same_again_is_nothing() {
        let example = EnterPerson::example;
        let events = given::<Persons>([named()]).when(example()).events();
        assert!(matches!(&events[..], [PersonsEvent::PersonEntered(event)] if event.person == example().person));
        let events: Vec<_> = [named()].into_iter().chain(events).collect();
        given::<Persons>(events.clone()).when(example()).then_nothing();
        let lent = || EnterPerson { seconded_by: Some(given::department(given::LEAD)), ..example() };
        let changed = given::<Persons>(events.clone()).when(lent()).events();
        assert!(
            matches!(&changed[..], [PersonsEvent::PersonChanged(event)] if event.seconded_by == lent().seconded_by)
        );
        let renamed = EnterPerson { name: Some(Personal::new("丁夏".into())), ..example() };
        assert_eq!(given::<Persons>(events).when(renamed).events().len(), 1);
    }

    #[test]
    fn a_name_is_sealed_under_a_key_of_its_own() {
        let [PersonsEvent::PersonEntered(event)] =
            &given::<Persons>([named()]).when(EnterPerson::example()).events()[..]
        else {
            panic!("it is one event")
        };
        let sealed = event.name.clone().expect("a name");
        assert_eq!(sealed.person, key_of(&event.person));
        assert!(!serde_json::to_string(&event).expect("an event is JSON").contains("丁霞"));
        let refused = |name: &str, refusal: Unfit| {
            let written = EnterPerson { name: Some(Personal::new(name.into())), ..EnterPerson::example() };
            given::<Persons>([named()]).when(written).then_refused(refusal);
        };
        refused("", Unfit::TextLength { field: "name", max: NAME_MAX });
        refused(&"丁".repeat(101), Unfit::TextLength { field: "name", max: NAME_MAX });
        refused("丁\n霞", Unfit::TextCharacters { field: "name", flaw: kernel::text::Flaw::LineBreak });
    }

    #[test]
    fn the_department_that_lends_somebody_is_active() {
        let lent = EnterPerson { seconded_by: Some(given::department("NOBODY")), ..EnterPerson::example() };
        let unknown = Unfit::UnknownDepartment { department: given::department("NOBODY") };
        given::<Persons>([named()]).when(lent).then_refused(unknown);
    }

    #[test]
    fn nobody_says_who_they_are_themselves() {
        let own = EnterPerson { person: security(), ..EnterPerson::example() };
        let refusal = Refusal::OwnAccount { person: security() };
        given::<Persons>([named()]).by(security().as_str()).when(own).then_refused(refusal);
    }

    #[test]
    fn whoever_comes_back_needs_a_new_token_and_new_posts() {
        let history = || entered().into_iter().chain([gone()]);
        let back = given::<Persons>(history()).when(EnterPerson::example()).state();
        let id = EnterPerson::example().person;
        let acting = |at| back.acting(id.as_str(), None, at, given::NOW);
        let earlier = given::NOW - chrono::TimeDelta::seconds(1);
        assert_eq!(acting(earlier), Err(super::super::NotActing::TokenOlder));
        assert_eq!(acting(given::NOW), Err(super::super::NotActing::NoPost));
    }
}
