//! What events change about the register, as rows for people.

use std::collections::BTreeMap;

use kernel::{Difference, Role, Scope, Turn};

use super::{PersonCode, Persons, PersonsEvent};

/// Who came and who went in one role and place.
#[derive(Default)]
struct Exchange {
    gone: Vec<String>,
    come: Vec<String>,
}

impl Exchange {
    /// Whoever went and has a successor changes; the rest begins or ends.
    fn rows(self, code: &str) -> Vec<Difference> {
        let Self { gone, come } = self;
        let row = |turn, name: String| Difference { turn, what: "post", code: code.to_owned(), name };
        let replaced = gone.len().min(come.len());
        let ended = gone.iter().skip(replaced).map(|name| row(Turn::Ends, name.clone()));
        let begun = come.iter().skip(replaced).map(|name| row(Turn::Begins, name.clone()));
        let changed = gone.iter().zip(&come).map(|(gone, come)| row(Turn::Changes, format!("{gone} → {come}")));
        changed.chain(ended).chain(begun).collect()
    }
}

impl Persons {
    /// What these events would change, each person and each post once.
    pub(super) fn changed_by(&self, events: &[PersonsEvent]) -> Vec<Difference> {
        let mut persons: BTreeMap<&PersonCode, Turn> = BTreeMap::new();
        let mut posts: BTreeMap<String, Exchange> = BTreeMap::new();
        let code = |role: Role, scope: &Scope| format!("{role} of {scope}");
        for event in events {
            match event {
                PersonsEvent::PersonEntered(event) => drop(persons.insert(&event.person, Turn::Begins)),
                PersonsEvent::PersonEnded(event) => drop(persons.insert(&event.person, Turn::Ends)),
                PersonsEvent::PersonChanged(event) => drop(persons.insert(&event.person, Turn::Changes)),
                PersonsEvent::PersonAppointed(event) => {
                    let exchange = posts.entry(code(event.role, &event.scope)).or_default();
                    exchange.come.push(event.person.to_string());
                }
                PersonsEvent::AppointmentEnded(event) => {
                    let known = self.persons.get(&event.person).into_iter().flat_map(|known| &known.posts);
                    let is_it = |post: &&super::Post| post.code == event.post && post.from == event.from;
                    let Some(post) = known.into_iter().find(is_it) else { continue };
                    posts.entry(code(post.role, &post.scope)).or_default().gone.push(event.person.to_string());
                }
                // Not of a description.
                PersonsEvent::AdministratorsNamed(_)
                | PersonsEvent::PersonSuspended(_)
                | PersonsEvent::PersonReinstated(_)
                | PersonsEvent::SessionsEnded(_) => {}
            }
        }
        let row = |(person, turn): (&PersonCode, Turn)| Difference {
            turn,
            what: "person",
            code: person.to_string(),
            name: String::new(),
        };
        let posts = posts.into_iter().flat_map(|(code, exchange)| exchange.rows(&code));
        persons.into_iter().map(row).chain(posts).collect()
    }
}
