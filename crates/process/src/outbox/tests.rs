use case::{AnswerMerged, CaseEvent, FeedbackRecorded, IssueTakenIn, MergedIssueAnswered, Reopening};
use chrono::TimeDelta;
use kernel::{CaseId, Obligation, Party, Step, Verb as _};

use super::*;
use crate::merged_answer::MergedAnswer;
use crate::run::{FollowUpAnswered, ProcessWoken};
use crate::testing::History;

fn case(name: &str) -> CaseId {
    CaseId::named(name)
}

fn taken_in(from: &str) -> CaseEvent {
    let (urgency, consent_rule) = (case::Urgency::Ordinary, None);
    IssueTakenIn { from: case(from), reason: "同一件事".into(), urgency, consent_rule, electorate: None }.into()
}

fn answered(answer: &str) -> CaseEvent {
    let by = Party::in_grid(kernel::Role::DutyOfficer, &given::grid(given::CENTRE));
    let next = Obligation { step: Step::CLOSE, by, due: given::step_due(&Step::CLOSE) };
    let (comment, solved, satisfied) = (None, Some(true), Some(true));
    FeedbackRecorded {
        answer: answer.into(),
        contacted: true,
        solved,
        satisfied,
        comment,
        by: "caller-1".into(),
        cycle: 1,
        next,
    }
    .into()
}

fn sent(entry: &Entry<crate::merged_answer::Merged>) -> Vec<(Uuid, String)> {
    let body = |waiting: &Waiting| serde_json::from_value::<AnswerMerged>(waiting.body.clone()).unwrap().answer;
    let of = |waiting: &Waiting| match waiting.on {
        On::One(id) => id,
        On::EachOpenIn(_) | On::EachOpenAt(_) => panic!("a merged case is one"),
    };
    entry.waiting.iter().map(|waiting| (of(waiting), body(waiting))).collect()
}

#[test]
fn every_merged_case_gets_the_answer_of_the_one_that_continued() {
    let (b, mut history) = (case("b").uuid(), History::<Outbox<MergedAnswer>>::new());
    history.then(b, taken_in("a1")).then(b, taken_in("a2")).then(b, answered("已改建"));
    let expected: Vec<(Uuid, String)> =
        [case("a1"), case("a2")].into_iter().map(|case| (case.uuid(), "已改建".to_owned())).collect();
    let mut waiting = sent(history.row(b));
    waiting.sort();
    let mut expected_in_order = expected;
    expected_in_order.sort();
    assert_eq!(waiting, expected_in_order);
    assert!(
        history.row(b).waiting.iter().all(|waiting| (&*waiting.category, &*waiting.verb) == ("case", "answer-merged"))
    );
}

#[test]
fn a_case_that_is_merged_later_gets_the_last_answer_at_once() {
    let (b, mut history) = (case("b").uuid(), History::<Outbox<MergedAnswer>>::new());
    history.then(b, answered("已改建")).then(b, taken_in("a1"));
    assert_eq!(sent(history.row(b)), [(case("a1").uuid(), "已改建".to_owned())]);
}

#[test]
fn how_a_case_was_closed_and_why_it_was_reopened_reaches_every_finder() {
    let (b, mut history) = (case("b").uuid(), History::<Outbox<MergedAnswer>>::new());
    let reopen_until = given::due("reopen window", 30);
    let (outcome, resolution) = (case::Outcome::Solved, vec![case::Resolution::Joint]);
    let (summary, override_reason) = ("已结案".to_owned(), None);
    let closed = case::CaseClosed { outcome, resolution, summary, override_reason, cycle: 1, reopen_until };
    let step = Step::ROUTE_AGAIN;
    let by = Party::in_grid(kernel::Role::Dispatcher, &given::grid(given::CENTRE));
    let next = Obligation { due: given::step_due(&step), step, by };
    let (title, grids, from) = ("车棚".into(), given::grid_facts().path, None);
    let (cause, reason) = (case::ReopenCause::Recurred, "又出现了".to_owned());
    let reopened = case::CaseReopened { title, grids, cycle: 2, cause, reason, from, next };
    history.then(b, taken_in("a1")).then(b, CaseEvent::from(closed)).then(b, CaseEvent::from(reopened));
    let a1 = case("a1").uuid();
    assert_eq!(sent(history.row(b)), [(a1, "已结案".to_owned()), (a1, "又出现了".to_owned())]);
}

#[test]
fn the_same_words_again_are_another_answer() {
    let (b, mut history) = (case("b").uuid(), History::<Outbox<MergedAnswer>>::new());
    history.then(b, taken_in("a1")).then(b, answered("已答复")).then(b, answered("已答复"));
    let number = |waiting: &Waiting| serde_json::from_value::<AnswerMerged>(waiting.body.clone()).unwrap().number;
    assert_eq!(history.row(b).waiting.iter().map(number).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn an_answer_goes_on_along_a_chain_of_mergers() {
    let (b, mut history) = (case("b").uuid(), History::<Outbox<MergedAnswer>>::new());
    let by = Party::in_grid(kernel::Role::DutyOfficer, &given::grid(given::CENTRE));
    let step = Step::COLLECT_FEEDBACK;
    let next = Obligation { due: given::step_due(&step), step, by };
    let (title, grids) = ("车棚".into(), given::grid_facts().path);
    let answer = MergedIssueAnswered {
        by_case: case("c"),
        number: 1,
        cycle: 2,
        answer: "一并解决".into(),
        reopening: Reopening::UntilClosed,
        title,
        grids,
        next,
    };
    history.then(b, taken_in("a1")).then(b, CaseEvent::from(answer));
    assert_eq!(sent(history.row(b)), [(case("a1").uuid(), "一并解决".to_owned())]);
}

#[test]
fn a_command_waits_until_it_is_answered_and_a_refusal_is_shown() {
    let (b, mut history) = (case("b").uuid(), History::<Outbox<MergedAnswer>>::new());
    history.then(b, taken_in("a1")).then(b, answered("已改建"));
    let waiting = history.row(b).waiting[0].clone();
    let refused = Refused { code: "wrong-stage".into(), detail: "the case is closed".into() };
    let answered = FollowUpAnswered {
        process: "merged_answer".into(),
        version: 1,
        key: b.to_string(),
        position: waiting.position.0,
        number: waiting.number,
        command: waiting.command,
        refused: Some(refused.clone()),
    };
    let of_another = FollowUpAnswered { version: 2, ..answered.clone() };
    history.then(Uuid::nil(), RunEvent::from(of_another));
    assert_eq!(history.row(b).waiting.len(), 1, "what another version was answered is not about this one");
    history.then(Uuid::nil(), RunEvent::from(answered));
    assert_eq!(history.row(b).waiting, []);
    assert_eq!(history.row(b).refused[0].refused, refused);
}

/// Reminds once, an hour after a merger; then never.
struct Reminder;

impl Process for Reminder {
    const NAME: &'static str = "reminder";
    const PATH: &'static str = "reminders";
    const ACTION: &'static str = "read-reminders";
    const ABOUT: &'static str = "For this test";
    const FROM: &'static [&'static str] = &["case", "process"];
    const NONE: &'static [&'static str] = &[];
    type State = Option<DateTime<Utc>>;

    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key)) {
        touch(event.id().into());
    }
    fn react(_: &Key, state: &mut Option<Self::State>, event: &Read<'_>) -> Vec<FollowUp> {
        *state = Some(Some(event.time() + TimeDelta::hours(1)));
        Vec::new()
    }
    fn next(state: &Self::State) -> Option<DateTime<Utc>> {
        *state
    }
    fn wake(key: &Key, state: &mut Self::State, _: DateTime<Utc>) -> Vec<FollowUp> {
        *state = None;
        let command = AnswerMerged { by_case: case("b"), answer: "提醒".into(), ..AnswerMerged::example() };
        key.id().map(|id| FollowUp::new(id, &command)).into_iter().collect()
    }
}

impl Timed for Reminder {
    const ALARMS: &'static str = "reminder_alarm";
    const ALARMS_PATH: &'static str = "reminder-alarms";
    const ALARMS_ACTION: &'static str = "read-reminder-alarms";
}

fn woken(moment: DateTime<Utc>, key: Uuid) -> RunEvent {
    ProcessWoken { process: "reminder".into(), version: 1, key: key.to_string(), moment }.into()
}

#[test]
fn a_process_is_woken_once_for_the_moment_for_which_it_asked() {
    let (b, moment) = (case("b").uuid(), given::NOW + TimeDelta::hours(1));
    let due = |row: &Entry<Option<DateTime<Utc>>>| {
        let mut given = Vec::new();
        Alarms::<Reminder>::values(row, "due", &mut |value| given.push(value.to_owned()));
        (given.len(), Alarms::<Reminder>::sort(row))
    };
    let (mut outbox, mut alarms) = (History::<Outbox<Reminder>>::new(), History::<Alarms<Reminder>>::new());
    outbox.then(b, taken_in("a1"));
    alarms.then(b, taken_in("a1"));
    assert_eq!(due(alarms.row(b)), (1, moment.timestamp_micros()));
    for early in [given::NOW, moment] {
        outbox.then(Uuid::nil(), woken(early, b));
        alarms.then(Uuid::nil(), woken(early, b));
        assert_eq!(outbox.row(b).waiting.len(), usize::from(early == moment));
    }
    outbox.then(Uuid::nil(), woken(moment, b));
    assert_eq!(outbox.row(b).waiting.len(), 1, "it waits for nothing any more");
    assert_eq!(due(alarms.row(b)).0, 0);
}
