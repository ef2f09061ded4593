//! Tests of the description of everybody.

use chrono::TimeDelta;
use given::given;
use kernel::{Difference, Role, Turn, Unfit};

use super::super::testing::{after, entered, named, person, post, security};
use super::super::{EnterPerson, SuspendPerson};
use super::*;

/// A person with posts in the grid of the tests.
fn described(id: &str, posts: &[(&str, Role)]) -> PersonSpec {
    let spec = |(code, role): &(&str, Role)| {
        let super::super::Appoint { post: code, role, scope, .. } = post(id, code, *role);
        PostSpec { code, role, scope, from: None, until: None, deputy_for: None }
    };
    PersonSpec { id: person(id), seconded_by: None, posts: posts.iter().map(spec).collect() }
}

/// The three administrators and these.
fn all(others: impl IntoIterator<Item = PersonSpec>) -> DescribePersons {
    let three = DescribePersons::example().0.persons.into_iter().take(3);
    DescribePersons(PersonsDescription { persons: three.chain(others).collect(), allow_closing: 0 })
}

fn allowing(allow_closing: u32, description: DescribePersons) -> DescribePersons {
    DescribePersons(PersonsDescription { allow_closing, ..description.0 })
}

fn team() -> DescribePersons {
    all([
        described("duty", &[("duty", Role::DutyOfficer)]),
        described("leader", &[("leader", Role::GridLeader), ("verifier", Role::Verifier)]),
    ])
}

fn history() -> Vec<PersonsEvent> {
    after([named()], [team().into()])
}

fn rows(events: &[PersonsEvent]) -> Vec<(Turn, &'static str, String, String)> {
    let register = given::<Persons>(history()).state();
    let row = |Difference { turn, what, code, name }| (turn, what, code, name);
    register.changed_by(events).into_iter().map(row).collect()
}

#[test]
fn only_what_differs_is_recorded_and_the_same_again_is_nothing() {
    let events = given::<Persons>([named()]).when(team()).events();
    assert_eq!(events.len(), 5, "two persons, three posts, and nothing of the administrators: {events:?}");
    given::<Persons>(history()).when(team()).then_nothing();
    given::<Persons>(history()).at(given::NOW + TimeDelta::days(9)).when(team()).then_nothing();
    let mut turned = team();
    turned.0.persons.reverse();
    given::<Persons>(history()).when(turned).then_nothing();
}

#[test]
fn names_and_who_is_suspended_stay_as_they_are() {
    let id = EnterPerson::example().person;
    let suspended = after(entered(), [SuspendPerson::example().into()]);
    given::<Persons>(suspended.clone()).when(all([described(id.as_str(), &[])])).then_nothing();
    let lent = PersonSpec { seconded_by: Some(given::department(given::LEAD)), ..described(id.as_str(), &[]) };
    let events = given::<Persons>(suspended).when(all([lent])).events();
    assert!(matches!(&events[..], [PersonsEvent::PersonChanged(event)] if event.name.is_some()), "{events:?}");
}

#[test]
fn what_is_left_out_ends_and_no_more_than_is_allowed() {
    let without_leader = || all([described("duty", &[("duty", Role::DutyOfficer)])]);
    let refusal = |description: DescribePersons, count: u32| {
        let events = given::<Persons>(history()).when(allowing(count, description.clone())).events();
        let excess = Excess::of(&given::<Persons>(history()).state().changed_by(&events), count - 1).expect("too much");
        given::<Persons>(history()).when(allowing(count - 1, description)).then_refused(Refusal::ClosesTooMuch(excess));
    };
    refusal(without_leader(), 3);
    let one_post_less = || {
        all([described("duty", &[("duty", Role::DutyOfficer)]), described("leader", &[("leader", Role::GridLeader)])])
    };
    refusal(one_post_less(), 1);
    let register = given::<Persons>(history()).when(allowing(3, without_leader())).state();
    let later = given::NOW + TimeDelta::days(1);
    assert_eq!(register.acting("leader", None, later, later), Err(super::super::NotActing::Ended));
}

#[test]
fn a_successor_in_the_same_role_and_place_ends_no_post() {
    let moved = all([
        described("duty", &[("duty", Role::DutyOfficer), ("leader", Role::GridLeader)]),
        described("leader", &[("verifier", Role::Verifier)]),
    ]);
    let events = given::<Persons>(history()).when(moved).events();
    let code = format!("grid_leader of grid:{}", given::GRID);
    assert_eq!(rows(&events), [(Turn::Changes, "post", code, "leader → duty".to_owned())]);
}

#[test]
fn somebody_new_in_the_place_of_somebody_who_leaves_ends_one_person() {
    let replaced = all([
        described("duty", &[("duty", Role::DutyOfficer)]),
        described("fresh", &[("leader", Role::GridLeader), ("verifier", Role::Verifier)]),
    ]);
    let events = given::<Persons>(history()).when(allowing(1, replaced)).events();
    let of = |role: &str| format!("{role} of grid:{}", given::GRID);
    let expected = [
        (Turn::Begins, "person", "fresh".to_owned(), String::new()),
        (Turn::Ends, "person", "leader".to_owned(), String::new()),
        (Turn::Changes, "post", of("grid_leader"), "leader → fresh".to_owned()),
        (Turn::Changes, "post", of("verifier"), "leader → fresh".to_owned()),
    ];
    assert_eq!(rows(&events), expected);
}

#[test]
fn a_deputy_may_stand_before_the_holder_in_the_file() {
    let mut deputy = described("deputy", &[("deputy", Role::DutyOfficer)]);
    deputy.posts[0].until = Some(given::NOW + TimeDelta::days(7));
    deputy.posts[0].deputy_for = Some(person("duty"));
    let description = || all([deputy.clone(), described("duty", &[("duty", Role::DutyOfficer)])]);
    let register = after([named()], [description().into()]);
    given::<Persons>(register).when(description()).then_nothing();
}

#[test]
fn every_refusal_names_the_row() {
    let in_row = |place: &str, refusal: Refusal| Refusal::InRow(InRow::of(place.to_owned(), refusal));
    let twice = all([described("duty", &[]), described("duty", &[])]);
    let refusal = Refusal::PersonDescribedTwice { person: person("duty"), first: 3, second: 4 };
    given::<Persons>([named()]).when(twice).then_refused(refusal);
    let two_leaders = all([
        described("one", &[("leader", Role::GridLeader)]),
        described("other", &[("verifier", Role::Verifier), ("leader", Role::GridLeader)]),
    ]);
    let scope = || Scope::Grid(given::grid(given::GRID));
    let held = Refusal::PostHeld { role: Role::GridLeader, scope: scope(), holder: person("one") };
    given::<Persons>([named()]).when(two_leaders).then_refused(in_row("persons[4].posts[1]", held));
    let mut of_the_other_kind = described("one", &[("clerk", Role::DepartmentClerk)]);
    let unfit = Refusal::ScopeUnfit { role: Role::DepartmentClerk, scope: scope() };
    given::<Persons>([named()])
        .when(all([of_the_other_kind.clone()]))
        .then_refused(in_row("persons[3].posts[0]", unfit));
    of_the_other_kind.posts[0].scope = Scope::Department(given::department("NOBODY"));
    let unknown = Unfit::UnknownDepartment { department: given::department("NOBODY") };
    given::<Persons>([named()])
        .when(all([of_the_other_kind]))
        .then_refused(in_row("persons[3].posts[0]", unknown.clone().into()));
    let lent = PersonSpec { seconded_by: Some(given::department("NOBODY")), ..described("one", &[]) };
    given::<Persons>([named()]).when(all([lent])).then_refused(in_row("persons[3]", unknown.into()));
    let code_twice = all([described("one", &[("x", Role::GridMember), ("x", Role::Verifier)])]);
    let taken = Refusal::PostCodeTaken { person: person("one"), post: PostCode::try_new("x").expect("a code") };
    given::<Persons>([named()]).when(code_twice).then_refused(in_row("persons[3].posts[1]", taken));
}

#[test]
fn a_description_keeps_the_administrators_and_does_not_change_who_gives_it() {
    let without = |id: &str| {
        let mut description = allowing(9, team());
        description.0.persons.retain(|person| person.id.as_str() != id);
        description
    };
    let last = Refusal::LastSecurityAdministrator { from: given::NOW };
    given::<Persons>(history()).when(without("security-admin")).then_refused(last);
    let own = Refusal::OwnAccount { person: security() };
    given::<Persons>(history()).by(security().as_str()).when(without("security-admin")).then_refused(own.clone());
    let mut more = team();
    more.0.persons[1].seconded_by = Some(given::department(given::LEAD));
    given::<Persons>(history()).by(security().as_str()).when(more).then_refused(own);
    assert_eq!(given::<Persons>(history()).by(security().as_str()).when(without("audit-admin")).events().len(), 2);
    let both = {
        let mut description = team();
        let second = description.0.persons[2].posts[0].clone();
        description.0.persons[0].posts.push(second);
        description
    };
    let codes = |text: &str| PostCode::try_new(text).expect("a code");
    let apart = Refusal::DutiesNotApart {
        person: person("system-admin"),
        post: codes("audit-administrator"),
        other: codes("system-administrator"),
    };
    let refusal = Refusal::InRow(InRow::of("persons[0].posts[1]".to_owned(), apart));
    given::<Persons>(history()).when(both).then_refused(refusal);
}
