//! Whatever is asked of a case, in whatever order: it never panics, never gets stuck, and can be told again.

#[path = "support/any_command.rs"]
mod any_command;
#[path = "support/obliged.rs"]
mod obliged;
#[path = "support/shown.rs"]
mod shown;
#[path = "support/way.rs"]
mod way;
#[path = "support/world.rs"]
mod world;

use std::collections::BTreeSet;

use any_command::{Asked, any_asked};
use chrono::TimeDelta;
use dualgrid_case::{Case, CaseCommand, CaseEvent, Stage};
use kernel::{Aggregate, Command, Event};
use proptest::prelude::{ProptestConfig, Strategy, prop};
use proptest::test_runner::{TestCaseError, TestRng, TestRunner};
use proptest::{prop_assert, prop_assert_eq, prop_assert_ne, proptest};
use shown::Shown;
use world::Told;

/// From any state a case can be closed in so many commands: three an order, and the stages around them.
const STEPS_TO_THE_END_MAX: usize = 30;

fn any_telling() -> impl Strategy<Value = Vec<Asked>> {
    prop::collection::vec(any_asked(), 0..80)
}

/// Lets everything happen that is taken; `each` sees the case before and after, and what led there.
fn tell(
    asked: &[Asked],
    mut each: impl FnMut(&Told, &Told, &Asked, &[CaseEvent]) -> Result<(), TestCaseError>,
) -> Result<Told, TestCaseError> {
    let mut told = Told::new();
    for asked in asked {
        told.at += TimeDelta::hours(asked.hours_later);
        let (by, command) = asked.of(&told);
        let before = told.clone();
        let events = told.tell(&by, &command).unwrap_or_default();
        each(&before, &told, asked, &events)?;
    }
    Ok(told)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_leads_to_the_same_case_in_one_go_and_in_batches(asked in any_telling(), cut in prop::sample::select(vec![1, 2, 7])) {
        let told = tell(&asked, |_, _, _, _| Ok(()))?;
        let replay = |case, events: &[CaseEvent]| events.iter().cloned().fold(case, Case::evolve);
        prop_assert_eq!(&replay(Case::default(), &told.events), &told.case);
        let batches = told.events.chunks(cut).fold(Case::default(), replay);
        prop_assert_eq!(&batches, &told.case);
    }

    #[test]
    fn a_command_that_was_taken_and_comes_again_is_nothing(asked in any_telling()) {
        tell(&asked, |before, after, asked, _| {
            let (by, command) = asked.of(before);
            if before.ask(&by, &command).is_ok() {
                prop_assert_eq!(after.ask(&by, &command), Ok(vec![]), "{:?} in {}", command, before.case.stage());
            }
            Ok(())
        })?;
    }

    #[test]
    fn other_content_is_never_taken_for_a_repeat(asked in any_telling()) {
        let mut taken = Vec::new();
        tell(&asked, |before, after, asked, events| {
            let (by, command) = asked.of(before);
            // The system does not say what the case is to be told, but since when it may look where it belongs; and in the part of a
            // reopening, whether its finder was in time: what they said is on their own case. Of a department that is closed, what it must
            // still do is taken back, however often that is said and of whichever department.
            let says_nothing = events.is_empty()
                || matches!(
                    command,
                    CaseCommand::FollowGrid(_) | CaseCommand::ReopenForMerged(_) | CaseCommand::TakeBackOrders(_)
                );
            // What was taken earlier, for example the coordination meeting before a hearing of the same words, is a repeat of that.
            let others = if says_nothing { vec![] } else { given::changed(&command) };
            for other in others.into_iter().filter(|other| !taken.contains(other)) {
                prop_assert_ne!(after.ask(&by, &other), Ok(vec![]), "{:?} after {:?}", other, command);
            }
            if !events.is_empty() {
                taken.push(command);
            }
            Ok(())
        })?;
    }

    #[test]
    fn somebody_has_to_act_until_nobody_has_to(asked in any_telling()) {
        tell(&asked, |_, after, _, _| {
            let next = after.case.standing.next();
            let over = after.case.stage() == Stage::Absent || after.case.stage().is_final();
            // The finder of a merged case is told the answer and asked, though nothing else is to be done on it.
            prop_assert!(next.is_none() == over || after.case.stage() == Stage::Merged, "{}", after.case.stage());
            Ok(())
        })?;
    }

    #[test]
    fn the_views_show_where_the_case_stands(asked in any_telling()) {
        let mut shown = Shown::new();
        tell(&asked, |_, after, _, events| {
            shown.follow(events);
            shown.agrees(after)
        })?;
    }

    #[test]
    fn every_event_is_read_as_it_was_written(asked in any_telling()) {
        tell(&asked, |_, _, _, events| {
            for event in events {
                given::fits(event);
                let data = event.data().expect("an event is written");
                prop_assert_eq!(&CaseEvent::read(event.name(), data.get()).expect("an event is read"), event);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_case_is_never_stuck(asked in any_telling()) {
        let mut told = tell(&asked, |_, _, _, _| Ok(()))?;
        for _ in 0..STEPS_TO_THE_END_MAX {
            let Some((by, command)) = told.way_to_the_end() else { return Ok(()) };
            let events = told.tell(&by, &command);
            let moved = events.as_ref().is_ok_and(|events| !events.is_empty());
            prop_assert!(moved, "{:?} in {} led to {:?}", command, told.case.stage(), events);
        }
        prop_assert!(false, "the case stands in {} still", told.case.stage());
    }

    #[test]
    fn what_is_over_stays_over_unless_it_is_reopened(asked in any_telling()) {
        tell(&asked, |before, after, _, events| {
            if before.case.stage().is_final() && before.case.stage() != after.case.stage() {
                prop_assert_eq!((before.case.stage(), after.case.stage()), (Stage::Closed, Stage::Reopened), "{:?}", events);
            }
            Ok(())
        })?;
    }
}

proptest! {
    // Some of what must not happen lies ten steps deep.
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_is_obliged_can_do_what_is_asked_of_them(asked in any_telling()) {
        tell(&asked, |_, after, _, _| {
            for (order, next) in after.obligations() {
                let met = after.can_be_met(order, &next);
                prop_assert_eq!(met, Ok(()), "{:?} in {}", next.step, after.case.stage());
            }
            Ok(())
        })?;
    }
}

/// The properties would hold for a generator that never gets far; this one says how far it gets.
#[test]
fn the_tellings_reach_every_stage_every_event_and_every_command() {
    let config = ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() };
    let seed = TestRng::deterministic_rng(config.rng_algorithm);
    let reached = std::cell::RefCell::new((BTreeSet::new(), BTreeSet::new(), BTreeSet::new()));
    TestRunner::new_with_rng(config, seed)
        .run(&any_telling(), |asked| {
            tell(&asked, |before, after, asked, events| {
                let mut reached = reached.borrow_mut();
                reached.0.insert(after.case.stage());
                reached.1.extend(events.iter().map(Event::name));
                if !events.is_empty() {
                    reached.2.insert(asked.of(before).1.name());
                }
                Ok(())
            })
            .map(drop)
        })
        .unwrap();
    let (stages, events, commands) = reached.into_inner();
    assert_eq!(stages.len(), 18, "every stage: {stages:?}");
    let unseen: Vec<_> =
        CaseEvent::EVENTS.iter().map(|event| event.name).filter(|name| !events.contains(name)).collect();
    // Facts of the told street know no similar cases.
    assert_eq!(unseen, ["cn.dualgrid.case.duplicate_suspected.v1"]);
    let unseen: Vec<_> =
        CaseCommand::VERBS.iter().map(|verb| verb.name).filter(|name| !commands.contains(name)).collect();
    assert!(unseen.is_empty(), "never taken: {unseen:?}");
}
