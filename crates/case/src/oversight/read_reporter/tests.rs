//! Role × state of the case and its orders × time × confidence: each cell exact.

use kernel::{Actor, CaseId, DepartmentCode, PersonalField, Scope, Sealed};

use super::*;
use crate::testing::{
    ASSIST, LEAD, NOW, accepted, closed_case, discovered, dispatched_case, disposed_case, failed, feedback_recorded,
    filed_case, given, merged, registered, reopened, return_approved, return_requested, rework, verified_case, voided,
};
use crate::{CaseEvent, Confidential, NameReader, ReaderNamed, Reporter};

/// Columns of the table.
const READERS: [Role; 7] = [
    Role::GridLeader,
    Role::ResidentialSecretary,
    Role::Registrar,
    Role::DutyOfficer,
    Role::Dispatcher,
    Role::Verifier,
    Role::Caller,
];
/// The last columns: clerks of the lead department, of an assisting one, and of one that never had to do with the case.
const DEPARTMENTS: [&str; 3] = [LEAD, ASSIST, "OTHER"];

fn states() -> [(&'static str, Vec<CaseEvent>, &'static str); 15] {
    let closed = closed_case;
    let asked = || [dispatched_case(), vec![return_requested(LEAD)]].concat();
    let refused = || [dispatched_case(), vec![accepted(LEAD), return_requested(ASSIST)]].concat();
    // L: while it stands so. A: for 30 days after. -: not at all.
    //                                              leader secretary registrar duty dispatcher verifier caller | lead assist other
    [
        ("discovered", vec![discovered()], "LLLL---|---"),
        ("registered", vec![discovered(), registered()], "LLAL---|---"),
        ("filed, without an order", filed_case(), "AAALL--|---"),
        ("dispatched", dispatched_case(), "AAALA--|LL-"),
        ("accepted", [dispatched_case(), vec![accepted(LEAD), accepted(ASSIST)]].concat(), "AAALA--|LL-"),
        ("return requested by the lead", asked(), "AAALA--|LL-"),
        ("return requested by who assists", refused(), "AAALA--|LL-"),
        ("return approved, the other withdrawn", [asked(), return_approved()].concat(), "AAALL--|---"),
        ("disposed", disposed_case(), "AAALAL-|LL-"),
        ("sent back", [disposed_case(), vec![failed(), rework(ASSIST), rework(LEAD)]].concat(), "AAALAA-|LL-"),
        ("verified", verified_case(), "LLALAAL|LL-"),
        ("heard", [verified_case(), vec![feedback_recorded(true)]].concat(), "AAALAAA|LL-"),
        ("closed", closed(), "AAAAAAA|AA-"),
        ("reopened", [closed(), vec![reopened()]].concat(), "LLALAAA|AA-"),
        ("merged", vec![discovered(), registered(), merged(CaseId::named("target"))], "AAAA---|---"),
    ]
}

fn actor(role: Role) -> Actor {
    Actor { id: "staff-7".into(), role, scope: Scope::Grid(::given::grid(::given::CENTRE)), seconded_by: None }
}

fn clerk(code: &str) -> Actor {
    let scope = Scope::Department(DepartmentCode::try_new(code).unwrap());
    Actor { id: "staff-7".into(), role: Role::DepartmentClerk, scope, seconded_by: None }
}

fn reporter() -> Reporter {
    let person = PersonId::named("王秀英");
    let phone = Sealed { person, field: PersonalField::Phone, ciphertext: "AA==".into() };
    Reporter { person, name: None, phone: Some(phone), address: None }
}

/// The same events, where somebody reported the issue.
fn reported(mut events: Vec<CaseEvent>, confidential: Option<Confidential>) -> Vec<CaseEvent> {
    let Some(CaseEvent::IssueDiscovered(event)) = events.first_mut() else { panic!("{events:?}") };
    (event.reporter, event.confidential) = (Some(reporter()), confidential);
    events
}

fn read() -> ReadReporter {
    ReadReporter { purpose: ReadPurpose::Contact }
}

fn cells() -> impl Iterator<Item = (&'static str, Vec<CaseEvent>, Actor, char)> {
    states().into_iter().flat_map(|(state, events, cells)| {
        let readers: Vec<Actor> = READERS.into_iter().map(actor).chain(DEPARTMENTS.map(clerk)).collect();
        let cells: Vec<char> = cells.chars().filter(|cell| *cell != '|').collect();
        assert_eq!(readers.len(), cells.len(), "{state}");
        readers.into_iter().zip(cells).map(move |(by, cell)| (state, events.clone(), by, cell))
    })
}

/// In a cell, at these days after what happened last: whether it is shown.
fn days(cell: char) -> [(i64, bool); 3] {
    [(0, cell != '-'), (29, cell != '-'), (31, cell == 'L')]
}

#[test]
fn a_reporter_is_shown_by_a_live_duty_and_for_thirty_days_after_it() {
    for (state, events, by, cell) in cells() {
        for (day, is_shown) in days(cell) {
            let asked = given(reported(events.clone(), None)).by_actor(by.clone()).at(NOW + TimeDelta::days(day));
            let asked = asked.when(read());
            let shown = std::panic::AssertUnwindSafe(|| {
                if is_shown {
                    assert_eq!(asked.events().len(), 1);
                } else {
                    asked.then_refused(Refusal::NoDuty { days_after: 30 });
                }
            });
            let outcome = std::panic::catch_unwind(shown);
            assert!(outcome.is_ok(), "{state}: {} {} after {day} days, expected {cell}", by.role, by.scope);
        }
    }
}

#[test]
fn a_confidential_reporter_is_shown_to_the_duty_officer_and_to_whoever_is_named() {
    let confidential = Some(Confidential::CentreOnly);
    for (state, events, by, cell) in cells() {
        let events = reported(events, confidential);
        let named =
            || [events.clone(), vec![ReaderNamed { reader: by.id.clone(), reason: "核实".into() }.into()]].concat();
        for (day, is_shown) in days(cell) {
            let ask = |events| given(events).by_actor(by.clone()).at(NOW + TimeDelta::days(day)).when(read());
            match (is_shown, by.role) {
                (true, Role::DutyOfficer) => assert_eq!(ask(events.clone()).events().len(), 1, "{state} {day}"),
                (true, _) => ask(events.clone()).then_refused(Refusal::ReporterConfidential),
                (false, _) => ask(events.clone()).then_refused(Refusal::NoDuty { days_after: 30 }),
            }
            let is_over = ["closed", "merged"].contains(&state);
            if day < 30 || !is_over {
                assert_eq!(ask(named()).events().len(), 1, "{state} {day}: named");
            } else {
                ask(named()).then_refused(Refusal::NoDuty { days_after: 30 });
            }
        }
    }
    given(vec![discovered()]).when(NameReader { reader: "staff-7".into(), reason: "核实".into() }).events();
}

#[test]
fn of_several_reporters_those_are_shown_who_may_be() {
    let mut events = reported(vec![discovered()], Some(Confidential::CentreOnly));
    let other = Reporter { person: PersonId::named("李明"), ..reporter() };
    let CaseEvent::IssueDiscovered(first) = &events[0] else { panic!("{events:?}") };
    let report = crate::ReportAdded {
        number: 2,
        title: first.title.clone(),
        description: first.description.clone(),
        grid: ::given::grid(crate::testing::GRID),
        location: first.location.clone(),
        reporter: Some(other.clone()),
        confidential: None,
        evidence: vec![],
        list_line: None,
        found_at: NOW,
    };
    events.push(report.into());
    let shown = |role| {
        let events = given(events.clone()).by_actor(actor(role)).when(read()).events();
        let [CaseEvent::ReporterRead(read)] = &events[..] else { panic!("{events:?}") };
        read.persons.clone()
    };
    assert_eq!(shown(Role::GridLeader), [other.person]);
    assert_eq!(shown(Role::DutyOfficer), [reporter().person, other.person]);
}

#[test]
fn the_rules_say_for_how_many_days() {
    let closed = reported(closed_case(), None);
    let ask = |days_after, days| {
        let known = given(closed.clone()).knowing(|facts| facts.reading_limits.days_after = days_after);
        known.by_actor(clerk(LEAD)).at(NOW + TimeDelta::days(days)).when(read())
    };
    assert_eq!(ask(90, 89).events().len(), 1);
    ask(90, 90).then_refused(Refusal::NoDuty { days_after: 90 });
    ask(0, 0).then_refused(Refusal::NoDuty { days_after: 0 });
    let voided = reported(vec![discovered(), voided()], None);
    let ask =
        |days| given(voided.clone()).by_actor(actor(Role::GridLeader)).at(NOW + TimeDelta::days(days)).when(read());
    assert_eq!(ask(29).events().len(), 1);
    ask(30).then_refused(Refusal::NoDuty { days_after: 30 });
}

#[test]
fn what_is_read_again_within_fifteen_minutes_for_the_same_is_one_reading() {
    let events = reported(vec![discovered()], None);
    let by = || actor(Role::GridLeader);
    let first = given(events.clone()).by_actor(by()).when(read()).events();
    let after = [events.clone(), first].concat();
    let minutes = |minutes| given(after.clone()).by_actor(by()).at(NOW + TimeDelta::minutes(minutes)).when(read());
    minutes(14).then_nothing();
    assert_eq!(minutes(15).events().len(), 1, "another reading");
    let other = ReadReporter { purpose: ReadPurpose::Answer };
    assert_eq!(given(after.clone()).by_actor(by()).when(other).events().len(), 1, "another purpose");
    let other = Actor { id: "staff-8".into(), ..by() };
    assert_eq!(given(after.clone()).by_actor(other).when(read()).events().len(), 1, "another person");
}

#[test]
fn nobody_is_shown_where_nobody_reported() {
    given(vec![discovered()]).by_actor(actor(Role::GridLeader)).when(read()).then_refused(Refusal::NoReporter);
    given([]).by_actor(actor(Role::GridLeader)).when(read()).then_refused(Refusal::UnknownCase);
}

#[test]
fn a_department_reads_the_history_as_long_as_it_needs_to_know() {
    for (state, events, by, cell) in cells() {
        let case = given(events).state();
        for (day, is_needed) in days(cell) {
            let is_open = kernel::Aggregate::is_open_to(&case, &by, NOW + TimeDelta::days(day), 30);
            assert_eq!(is_open, by.role != Role::DepartmentClerk || is_needed, "{state}: {} after {day}", by.scope);
        }
    }
}
