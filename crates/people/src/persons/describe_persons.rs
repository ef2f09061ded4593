use std::collections::{BTreeMap, BTreeSet};

use kernel::{Allowed, Context, Decision, Excess, Needs, Role, Scope, Verb, check_count};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::description::{PERSONS_MAX, POSTS_MAX, PersonSpec, PersonsDescription, PostSpec};
use super::draft::Draft;
use super::end_appointment::ended;
use super::end_person::leave;
use super::register::{Person, State};
use super::{InRow, PersonChanged, PersonCode, PersonEntered, Persons, PersonsEvent, PostCode, Refusal, SECURITY};

/// Why somebody leaves who is described no more.
const LEFT_OUT: &str = "described no more";

/// Describes everybody as of now. Every difference from the known state becomes an event.
///
/// Given by a security administrator, from a file. Whoever is not described leaves, and what posts are not described end, at most as
/// much as `allow_closing` says. Names, and who is suspended, stay as they are. The same description again changes nothing. Refused or
/// accepted as a whole; refused where it would change who gives it, or leave no security administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DescribePersons(pub PersonsDescription);

impl Verb for DescribePersons {
    const NAME: &'static str = "describe-persons";
    const BY: Allowed = SECURITY;
    const IS_DESCRIPTION: bool = true;
    type Of = Persons;

    fn needs(&self, _: &Persons) -> Needs {
        let posts = self.0.persons.iter().flat_map(|person| &person.posts);
        let scopes: BTreeMap<String, &Scope> = posts.map(|post| (post.scope.to_string(), &post.scope)).collect();
        let seconding: BTreeSet<_> = self.0.persons.iter().filter_map(|person| person.seconded_by.as_ref()).collect();
        let needs = Needs::none().departments(seconding);
        scopes.into_values().fold(needs, super::appoint::place)
    }

    fn example() -> Self {
        let person = |id: &str, role: Role, scope: Scope| PersonSpec {
            id: PersonCode::try_new(id).expect("a staff id"),
            seconded_by: None,
            posts: vec![PostSpec {
                code: PostCode::try_new(id).expect("a code"),
                role,
                scope,
                from: None,
                until: None,
                deputy_for: None,
            }],
        };
        let administrator = |id: &str, role: Role| {
            let mut described = person(id, role, Scope::Everywhere);
            described.posts[0].code = super::post::of_administrator(role);
            described
        };
        let persons = vec![
            administrator("system-admin", Role::SystemAdministrator),
            administrator("security-admin", Role::SecurityAdministrator),
            administrator("audit-admin", Role::AuditAdministrator),
            person("district-duty", Role::DistrictDutyOfficer, Scope::Everywhere),
            person("supervisor-1", Role::Supervisor, Scope::Everywhere),
        ];
        Self(PersonsDescription { persons, allow_closing: 0 })
    }
}

impl DescribePersons {
    pub(super) fn decide(&self, persons: &Persons, context: &Context) -> Decision<Persons> {
        let Self(description) = self;
        check_count("persons", description.persons.len(), 0, PERSONS_MAX)?;
        let mut described: BTreeMap<&PersonCode, usize> = BTreeMap::new();
        for (row, spec) in description.persons.iter().enumerate() {
            if let Some(first) = described.insert(&spec.id, row) {
                return Err(Refusal::PersonDescribedTwice { person: spec.id.clone(), first, second: row });
            }
        }
        let mut draft = Draft::of(persons);
        for (row, spec) in description.persons.iter().enumerate() {
            enter(&mut draft, spec, context).map_err(|refusal| InRow::of(format!("persons[{row}]"), refusal))?;
        }
        leave_out(&mut draft, &described, context);
        // Whoever stands in does so for somebody who holds the post by then.
        for of_deputies in [false, true] {
            for (row, spec) in description.persons.iter().enumerate() {
                appoint(&mut draft, row, spec, of_deputies, context)?;
            }
        }
        let Draft { persons: after, events } = draft;
        if events.is_empty() {
            return Ok(events);
        }
        if let Some(own) = events.iter().filter_map(PersonsEvent::person).find(|own| own.as_str() == context.by.id) {
            return Err(Refusal::OwnAccount { person: own.clone() });
        }
        after.check_security(context.at)?;
        match Excess::of(&persons.changed_by(&events), description.allow_closing) {
            Some(excess) => Err(Refusal::ClosesTooMuch(excess)),
            None => Ok(events),
        }
    }
}

/// Enters somebody, or says anew who lends them, and ends what posts of theirs are described no more.
fn enter(draft: &mut Draft, spec: &PersonSpec, context: &Context) -> Result<(), Refusal> {
    check_count("posts", spec.posts.len(), 0, POSTS_MAX)?;
    let (person, seconded_by, since) = (spec.id.clone(), spec.seconded_by.clone(), context.at);
    let known = draft.persons.persons.get(&person).map(Person::last);
    let known = known.filter(|known| !matches!(known.state, State::Ended { .. }));
    let is_lent_anew = known.as_ref().is_none_or(|known| known.seconded_by != seconded_by);
    if let Some(department) = seconded_by.as_ref().filter(|_| is_lent_anew) {
        context.department(department)?;
    }
    match known {
        None => draft.record(PersonEntered { person, name: None, seconded_by, since }),
        Some(known) if known.seconded_by == seconded_by => {}
        Some(known) => draft.record(PersonChanged { person, name: known.name, seconded_by, since }),
    }
    let open: Vec<_> =
        draft.persons.persons.get(&spec.id).into_iter().flat_map(|known| known.open_posts(since)).collect();
    let is_described =
        |post: &&super::Post| spec.posts.iter().any(|described| described.appoint(&spec.id).is_term(post, since));
    let gone: Vec<_> = open.into_iter().filter(|post| !is_described(post)).cloned().collect();
    for post in gone {
        draft.record(ended(&spec.id, &post, since));
    }
    Ok(())
}

/// Whoever is not described leaves.
fn leave_out(draft: &mut Draft, described: &BTreeMap<&PersonCode, usize>, context: &Context) {
    let is_here = |known: &Person| !matches!(known.last().state, State::Ended { .. });
    let known = draft.persons.persons.iter().filter(|(code, known)| !described.contains_key(code) && is_here(known));
    let gone: Vec<PersonCode> = known.map(|(code, _)| code.clone()).collect();
    for person in gone {
        leave(draft, &person, LEFT_OUT, context.at);
    }
}

/// Appoints somebody to what they do not have yet.
fn appoint(
    draft: &mut Draft,
    row: usize,
    spec: &PersonSpec,
    of_deputies: bool,
    context: &Context,
) -> Result<(), Refusal> {
    for (place, post) in spec.posts.iter().enumerate().filter(|(_, post)| post.deputy_for.is_some() == of_deputies) {
        let planned = post.appoint(&spec.id).plan(&draft.persons, context);
        let planned = planned.map_err(|refusal| InRow::of(format!("persons[{row}].posts[{place}]"), refusal))?;
        if let Some(event) = planned {
            draft.record(event);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
