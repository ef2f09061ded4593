//! Every pair of steps × whoever takes the second one: each cell exact, whether the pair is in the table or not.

use kernel::separation::{INCOMPATIBLE, Incompatible};
use kernel::{Actor, Role, Scope};

use super::*;
use crate::testing::{
    LEAD, accepted, close, community, decide_return, department, discovered, dispatched_case, disposed_case, feedback,
    feedback_recorded, given, grid_done, grid_started, refused_filing, return_requested, verified_case, verify,
};
use crate::{CaseCommand, CaseEvent, CloseCase, Outcome, ReturnDecision, VoidIssue};

/// Who took the earlier steps, as the events of the tests say.
fn taker(earlier: Earlier) -> &'static str {
    match earlier {
        Earlier::Discover => "finder-1",
        Earlier::Dispose | Earlier::RequestReturn => "clerk-of-LEAD",
        Earlier::Verify => "staff-verifier",
        Earlier::Hear => "caller-1",
        Earlier::RefuseFiling => "refuser-1",
    }
}

/// A case in which the later step is taken, and the earlier steps that were taken in it.
fn before(later: Later) -> (Vec<CaseEvent>, CaseCommand, Vec<Earlier>) {
    use Earlier::{Discover, Dispose, Hear, RequestReturn, Verify};
    let override_reason = Some("诉求已尽责办理".to_owned());
    let asked = || [dispatched_case(), vec![accepted(LEAD), return_requested(LEAD)]].concat();
    let heard = |satisfied| [verified_case(), vec![feedback_recorded(satisfied)]].concat();
    match later {
        Later::Void => (vec![discovered()], VoidIssue { reason: "误报".into() }.into(), vec![Discover]),
        Later::Verify => (disposed_case(), verify(true).into(), vec![Discover, Dispose]),
        Later::Hear => (verified_case(), feedback(true).into(), vec![Discover, Dispose, Verify]),
        Later::DecideReturn => {
            (asked(), decide_return(LEAD, ReturnDecision::Approve).into(), vec![Discover, RequestReturn])
        }
        Later::Close => (heard(true), close().into(), vec![Discover, Dispose, Verify, Hear]),
        Later::Override => {
            (heard(false), CloseCase { override_reason, ..close() }.into(), vec![Discover, Dispose, Verify, Hear])
        }
    }
}

fn person(id: &str) -> Actor {
    Actor { id: id.into(), role: Role::DutyOfficer, scope: Scope::Everywhere, seconded_by: None }
}

/// What is said to this actor where the table has this pair alone.
fn answer(earlier: Earlier, later: Later, by: Actor) -> Result<(), Refusal> {
    let (events, command, _) = before(later);
    let case = given(events).state();
    let table = vec![Incompatible { earlier, later }];
    let context = |facts| Context {
        id: crate::testing::CASE.uuid(),
        at: crate::testing::NOW,
        today: crate::testing::NOW.date_naive(),
        by,
        facts,
    };
    let mut facts = ::given::facts();
    facts.incompatible = table;
    let steps = <crate::Case as kernel::Aggregate>::STEPS;
    facts.dues.extend(steps.iter().map(|step| (step.clone().into(), Ok(::given::step_due(step)))));
    kernel::Aggregate::decide(&case, &command, &context(facts)).map(drop)
}

#[test]
fn whoever_took_a_step_does_not_take_one_that_does_not_go_with_it() {
    for later in Later::ALL {
        let (_, _, taken) = before(later);
        for earlier in Earlier::ALL {
            let is_taken = taken.contains(&earlier);
            let (done, to_do) = (earlier.as_str(), later.as_str());
            let expect = |refusal: Refusal| if is_taken { Err(refusal) } else { Ok(()) };
            let cell = format!("{done} and {to_do}");
            let needed = || Refusal::AnotherPersonNeeded { earlier: done, later: to_do };
            assert_eq!(answer(earlier, later, person(taker(earlier))), expect(needed()), "{cell}: the same person");
            let post = Actor { role: Role::GridLeader, ..person(taker(earlier)) };
            assert_eq!(answer(earlier, later, post), expect(needed()), "{cell}: in another post");
            assert_eq!(answer(earlier, later, person("staff-99")), Ok(()), "{cell}: another person");
            let unknown = Refusal::PersonUnknown { earlier: done, later: to_do };
            assert_eq!(answer(earlier, later, person("department/CGZF")), expect(unknown), "{cell}: a program");
            let lent = Actor { seconded_by: Some(department(LEAD)), ..person("staff-99") };
            let lender = Refusal::PersonSeconded { department: department(LEAD), earlier: done, later: to_do };
            let is_of_department = matches!(earlier, Earlier::Dispose | Earlier::RequestReturn);
            let expected = if is_of_department { expect(lender) } else { Ok(()) };
            assert_eq!(answer(earlier, later, lent), expected, "{cell}: lent by the department");
        }
    }
}

#[test]
fn the_default_table_is_what_the_field_asks_for() {
    let pairs = |later| -> Vec<Earlier> {
        INCOMPATIBLE.iter().filter(|pair| pair.later == later).map(|pair| pair.earlier).collect()
    };
    assert_eq!(pairs(Later::Void), [Earlier::Discover]);
    assert_eq!(pairs(Later::Verify), [Earlier::Dispose]);
    assert_eq!(pairs(Later::Close), [Earlier::Dispose, Earlier::Verify, Earlier::Hear]);
    assert_eq!(pairs(Later::Override), [Earlier::Dispose, Earlier::Verify, Earlier::Hear]);
    assert_eq!(pairs(Later::DecideReturn), [Earlier::RequestReturn]);
    assert_eq!(pairs(Later::Hear), []);
}

#[test]
fn work_of_the_grid_and_the_newest_answer_count() {
    let done = [discovered(), community(), grid_started(), grid_done()];
    let refusal = |earlier: Earlier, later: Later| Refusal::AnotherPersonNeeded {
        earlier: earlier.as_str(),
        later: later.as_str(),
    };
    given(done).by("staff-1").when(verify(true)).then_refused(refusal(Earlier::Dispose, Later::Verify));
    let heard = |by: &str| {
        let CaseEvent::FeedbackRecorded(mut event) = feedback_recorded(true) else { panic!("an answer") };
        event.by = by.into();
        CaseEvent::FeedbackRecorded(event)
    };
    let events = |answers: Vec<CaseEvent>| [verified_case(), answers].concat();
    given(events(vec![heard("staff-7")]))
        .by("staff-7")
        .when(close())
        .then_refused(refusal(Earlier::Hear, Later::Close));
    let again = given(events(vec![heard("staff-7"), heard("staff-8")])).by("staff-7").when(close()).events();
    assert_eq!(again.len(), 1, "somebody else heard the finder since");
    let CaseEvent::FeedbackRecorded(mut in_vain) = heard("staff-8") else { panic!("an answer") };
    (in_vain.contacted, in_vain.solved, in_vain.satisfied) = (false, None, None);
    given(events(vec![heard("staff-7"), CaseEvent::FeedbackRecorded(in_vain)]))
        .by("staff-7")
        .when(close())
        .then_refused(refusal(Earlier::Hear, Later::Close));
    let refused = [discovered(), crate::testing::registered(), crate::testing::escalated(), refused_filing()];
    let explained = CloseCase { outcome: Outcome::Explained, resolution: vec![], ..close() };
    let table = |facts: &mut kernel::Facts| {
        facts.incompatible = vec![Incompatible { earlier: Earlier::RefuseFiling, later: Later::Close }];
    };
    let over = crate::testing::NOW + chrono::TimeDelta::days(40);
    given(refused.into_iter().chain([feedback_recorded(true)]))
        .knowing(table)
        .at(over)
        .by("refuser-1")
        .when(explained)
        .then_refused(refusal(Earlier::RefuseFiling, Later::Close));
}
