//! What the tests of the register share.

use given::given;
use kernel::{Role, Scope, Verb as _};

use super::{Appoint, EndPerson, EnterPerson, NameAdministrators, PersonCode, Persons, PersonsEvent, PostCode};

pub(super) fn person(id: &str) -> PersonCode {
    PersonCode::try_new(id).expect("a staff id")
}

/// The first security administrator.
pub(super) fn security() -> PersonCode {
    person("security-admin")
}

/// The first administrators.
pub(super) fn named() -> PersonsEvent {
    given::<Persons>([]).when(NameAdministrators::example()).events().remove(0)
}

/// The person of the examples, beside the administrators.
pub(super) fn entered() -> Vec<PersonsEvent> {
    [named()].into_iter().chain(given::<Persons>([named()]).when(EnterPerson::example()).events()).collect()
}

/// They have left.
pub(super) fn gone() -> PersonsEvent {
    given::<Persons>(entered()).when(EndPerson::example()).events().remove(0)
}

/// A post in the grid of the tests.
pub(super) fn post(id: &str, code: &str, role: Role) -> Appoint {
    Appoint {
        person: person(id),
        post: PostCode::try_new(code).expect("a code"),
        role,
        scope: Scope::Grid(given::grid(given::GRID)),
        from: None,
        until: None,
        deputy_for: None,
    }
}

/// Everything that these commands lead to, one after the other, each of which is taken.
pub(super) fn after(
    events: impl IntoIterator<Item = PersonsEvent>,
    commands: impl IntoIterator<Item = super::PersonsCommand>,
) -> Vec<PersonsEvent> {
    let mut history: Vec<PersonsEvent> = events.into_iter().collect();
    for command in commands {
        history.extend(given::<Persons>(history.clone()).when(command).events());
    }
    history
}
