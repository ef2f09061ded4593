use given::Given;
use kernel::consent::{Share, Thresholds};
use kernel::separation::{Earlier, INCOMPATIBLE, Incompatible, Later};
use kernel::{Limit, Step, TimeUnit};

use super::*;
use crate::testing::{calendar_2026, calendar_2027, code, day, described, hotline, published, rulebook, steps};
use crate::{CalendarId, RulesCommand, StepLimit};

/// Rules that were published by these events, in a world where kinds have the steps of the tests.
fn given(events: impl IntoIterator<Item = RulesEvent>) -> Given<Rulebook> {
    given::given(events).knowing(|facts| facts.steps = steps()).adding_to(&["calendars", "consent_rules"])
}

fn register(description: &mut RulesDescription) -> &mut StepLimit {
    description.step_limits.iter_mut().find(|limit| limit.step == Step::REGISTER).unwrap()
}

fn refused(change: impl FnOnce(&mut RulesDescription), refusal: Refusal) {
    let mut description = described();
    change(&mut description);
    given([]).when(PublishRules(description)).then_refused(refusal);
}

/// The same rules from 2020 on, changed by `change`; anything may be withdrawn.
fn from_2020(change: impl FnOnce(&mut RulesDescription)) -> PublishRules {
    let mut description =
        RulesDescription { effective_from: day("2020-01-01"), allow_closing: u32::MAX, ..described() };
    change(&mut description);
    PublishRules(description)
}

#[test]
fn every_step_that_a_kind_has_needs_a_limit() {
    let without = |left_out: &[Step]| {
        let mut description = described();
        description.step_limits.retain(|limit| !left_out.contains(&limit.step));
        PublishRules(description)
    };
    for step in steps() {
        let refusal = Refusal::StepsWithoutLimit { steps: step.as_str().to_owned() };
        given([]).when(without(std::slice::from_ref(&step))).then_refused(refusal.clone());
        given(published()).when(without(&[step])).then_refused(refusal);
    }
    let refusal = Refusal::StepsWithoutLimit { steps: "file, register".to_owned() };
    given([]).when(without(&[Step::REGISTER, Step::FILE])).then_refused(refusal);
}

#[test]
fn a_description_becomes_events_once() {
    given([]).when(PublishRules(described())).then(published());
    given(published()).when(PublishRules(described())).then_nothing();
    given(published()).when(from_2020(|_| {})).then_nothing();
}

#[test]
fn only_the_difference_becomes_events_under_one_new_version() {
    let changed = from_2020(|it| {
        it.matters[0].name = "新名".into();
        register(it).limit.amount = 9;
        it.windows.reopen.limit.amount = 60;
        it.calendars.push(calendar_2027());
        it.filing_criteria.clear();
    });
    let events = given(published()).when(changed).events();
    let versions: BTreeSet<u32> =
        events.iter().map(|event| rulebook(published().into_iter().chain([event.clone()])).version()).collect();
    assert_eq!((events.len(), versions), (5, BTreeSet::from([2])));
    let rules = rulebook(published().into_iter().chain(events));
    let name = |at| rules.matter(&code(), day(at)).unwrap().name.clone();
    assert_eq!((name("2019-12-31"), name("2020-01-01")), ("WM-0101".into(), "新名".into()));
    let amount = |at| rules.step_limit(&Step::REGISTER, day(at)).unwrap().limit.amount;
    assert_eq!((amount("2019-12-31"), amount("2020-01-01")), (1, 9));
}

#[test]
fn the_same_file_changes_nothing_after_the_rules_moved_on() {
    let later = from_2020(|it| {
        it.matters[0].name = "新名".into();
        register(it).limit.amount = 9;
    });
    let events = given(published()).when(later).events();
    let history = || published().into_iter().chain(events.clone());
    given(history()).when(PublishRules(described())).then_nothing();
    let early = |change: fn(&mut RulesDescription)| {
        let mut description = RulesDescription { effective_from: day("2019-01-01"), ..described() };
        change(&mut description);
        PublishRules(description)
    };
    let order = |what: &str| Refusal::OutOfOrder { what: what.into(), last: day("2020-01-01") };
    given(history()).when(early(|it| it.matters.clear())).then_refused(order("WM-0101"));
    let steps = early(|it| register(it).limit.amount = 3);
    given(history()).when(steps).then_refused(order("the step limits"));
}

#[test]
fn a_matter_that_is_not_described_is_withdrawn_and_may_come_back() {
    let withdrawn = MatterWithdrawn { rules_version: 2, code: code(), effective_from: day("2020-01-01") };
    given(published()).when(from_2020(|it| it.matters.clear())).then([withdrawn.clone()]);
    let back = RulesDescription { effective_from: day("2021-01-01"), ..described() };
    assert_eq!(given(published().into_iter().chain([withdrawn.into()])).when(PublishRules(back)).events().len(), 1);
}

#[test]
fn what_is_pinned_elsewhere_is_never_rewritten() {
    let id = CalendarId::try_from("cn-2026.1".to_owned()).unwrap();
    given(published())
        .when(from_2020(|it| it.calendars[0].holidays.clear()))
        .then_refused(Refusal::CalendarRewritten(id));
    given(published())
        .when(from_2020(|it| it.consent_rules[0].name = "别的".into()))
        .then_refused(Refusal::ConsentRuleRewritten("RESIDENT_2_3".into()));
    let without = from_2020(|it| {
        it.calendars.clear();
        it.consent_rules.clear();
    });
    given(published()).when(without).then_nothing();
}

#[test]
fn nothing_is_described_twice() {
    refused(|it| it.matters.push(it.matters[0].clone()), Refusal::DuplicateMatter(code()));
    refused(|it| it.step_limits.push(it.step_limits[0].clone()), Refusal::Duplicate("step accept".into()));
    refused(|it| it.calendars.push(calendar_2026()), Refusal::Duplicate("cn-2026.1".into()));
    refused(|it| it.consent_rules.push(it.consent_rules[0].clone()), Refusal::Duplicate("RESIDENT_2_3".into()));
    refused(|it| it.filing_criteria.push(it.filing_criteria[0].clone()), Refusal::Duplicate("LA-01".into()));
}

#[test]
fn every_limit_is_more_than_zero() {
    let nothing = Limit { amount: 0, unit: TimeUnit::WorkDay };
    refused(|it| it.step_limits[0].limit = nothing, Refusal::LimitIsZero("step accept".into()));
    refused(|it| it.matters[0].disposal = nothing, Refusal::LimitIsZero("matter WM-0101".into()));
    refused(|it| it.windows.reopen.limit = nothing, Refusal::LimitIsZero("the reopen window".into()));
}

#[test]
fn a_limit_is_at_most_ten_years() {
    let long = |unit| Limit { amount: 4_000_000_000, unit };
    let refusal = |what: &str, max| Refusal::LimitTooLong { what: what.into(), amount: 4_000_000_000, max };
    refused(|it| it.step_limits[0].limit = long(TimeUnit::WorkDay), refusal("step accept", 3_660));
    refused(|it| it.matters[0].disposal = long(TimeUnit::UrgentHour), refusal("matter WM-0101", 87_840));
    refused(|it| it.windows.reopen.limit = long(TimeUnit::CalendarDay), refusal("the reopen window", 3_660));
    refused(|it| it.windows.return_order.limit = long(TimeUnit::WorkHour), refusal("the return window", 87_840));
}

#[test]
fn a_limit_is_counted_by_calendars_that_exist() {
    let purpose = hotline().purpose;
    let unknown = |what: &str| Refusal::UnknownCalendarPurpose { what: what.into(), purpose: hotline().purpose };
    refused(|it| it.step_limits[0].calendar = purpose.clone(), unknown("step accept"));
    refused(|it| it.matters[0].calendar = purpose.clone(), unknown("matter WM-0101"));
    refused(|it| it.windows.return_order.calendar = purpose.clone(), unknown("the return window"));
    let mut with = described();
    with.matters[0].calendar = purpose;
    with.calendars.push(hotline());
    given([]).when(PublishRules(with)).state();
}

#[test]
fn calendars_leave_no_gap() {
    let late = crate::Calendar { first_day: crate::testing::date("2027-01-04"), holidays: vec![], ..calendar_2027() };
    let gap = Refusal::CalendarGap {
        purpose: late.purpose.clone(),
        id: late.id.clone(),
        day: crate::testing::date("2027-01-01"),
    };
    given(published()).when(from_2020(|it| it.calendars = vec![late.clone()])).then_refused(gap.clone());
    refused(|it| it.calendars.push(late), gap);
}

#[test]
fn a_step_is_not_invented() {
    let known = "accept, file, first_contact, register".to_owned();
    let step = Step::of("repair");
    refused(|it| it.step_limits[0].step = Step::of("repair"), Refusal::UnknownStep { step, known });
}

/// A step that no kind has any more: rules that were published for it leave it out.
#[test]
fn the_limit_of_a_step_that_no_kind_has_ends() {
    let without = from_2020(|it| it.step_limits.retain(|limit| limit.step != Step::FILE));
    let fewer = |facts: &mut kernel::Facts| facts.steps.retain(|step| *step != Step::FILE);
    let rules = given(published()).knowing(fewer).when(without).state();
    let has_limit = |step: &Step| rules.step_limit(step, day("2026-03-02")).is_some();
    assert!(has_limit(&Step::REGISTER) && !has_limit(&Step::FILE));
}

fn unfit(what: &str, field: &'static str, max: usize) -> Refusal {
    kernel::UnfitOf { what: what.into(), unfit: kernel::Unfit::TextLength { field, max } }.into()
}

#[test]
fn everything_has_a_name() {
    for blank in ["", " ", "\u{200b}", "\u{3164}\u{feff}"] {
        refused(|it| it.matters[0].name = blank.into(), unfit("WM-0101", "name", 200));
        refused(|it| it.filing_criteria[0].text = blank.into(), unfit("LA-01", "text", 4000));
        refused(|it| it.filing_criteria[0].code = blank.into(), unfit("a filing criterion", "code", 64));
        refused(|it| it.consent_rules[0].name = blank.into(), unfit("RESIDENT_2_3", "name", 200));
        refused(|it| it.consent_rules[0].id = blank.into(), unfit("a consent rule", "id", 64));
        let holiday = unfit("cn-2026.1, the holiday from 2026-02-15", "name", 200);
        refused(|it| it.calendars[0].holidays[0].name = blank.into(), holiday);
    }
}

#[test]
fn everything_that_limits_somebody_has_a_source() {
    for blank in ["", " ", "\u{200b}", "\u{3164}\u{feff}"] {
        let unfit = |what: &str| unfit(what, "source", 4000);
        refused(|it| it.matters[0].source = blank.into(), unfit("matter WM-0101"));
        refused(|it| it.step_limits[0].source = blank.into(), unfit("step accept"));
        refused(|it| it.windows.return_order.source = blank.into(), unfit("the return window"));
        refused(|it| it.windows.reopen.source = blank.into(), unfit("the reopen window"));
        refused(|it| it.windows.own_due.source = blank.into(), unfit("the window for due times of a dispatcher"));
        refused(|it| it.consent_rules[0].source = blank.into(), unfit("RESIDENT_2_3"));
        refused(|it| it.calendars[0].source = blank.into(), unfit("cn-2026.1"));
        refused(|it| it.review.as_mut().unwrap().source = blank.into(), unfit("the review"));
        refused(|it| it.duplicates.as_mut().unwrap().source = blank.into(), unfit("the rule for duplicates"));
    }
}

#[test]
fn a_calendar_must_be_able_to_count() {
    let unsound = Refusal::CalendarUnsound {
        id: CalendarId::try_from("cn-2026.1".to_owned()).unwrap(),
        reason: "needs working_hours".into(),
    };
    refused(|it| it.calendars[0].working_hours.clear(), unsound);
}

#[test]
fn a_consent_rule_must_be_able_to_decide() {
    let share = "must say which share has to agree, and no share may be more than the whole";
    let unsound = |reason| Refusal::ConsentRuleUnsound { id: "RESIDENT_2_3".into(), reason };
    refused(|it| it.consent_rules[0].heads = Thresholds::default(), unsound(share));
    for (numerator, denominator, exceeded) in [(1, 0, false), (3, 2, false), (0, 2, false), (2, 2, true), (0, 0, true)]
    {
        let share_of = Share { numerator, denominator, exceeded };
        let area = Thresholds { agreed_of_electorate: Some(share_of), ..Thresholds::default() };
        refused(|it| it.consent_rules[0].area = Some(area), unsound(share));
    }
    refused(
        |it| {
            it.consent_rules[0].decided_from = Some(day("2021-01-01"));
            it.consent_rules[0].decided_until = Some(day("2021-01-01"));
        },
        unsound("ends before it begins"),
    );
}

#[test]
fn a_review_rule_can_be_met_and_says_where_it_is_from() {
    let with = |score_min, source: &str| Some(ReviewRule { score_min, assumed: false, source: source.into() });
    refused(|it| it.review = with(101, "测试"), Refusal::ScoreOverHundred(101));
    let later = RulesDescription { effective_from: day("2027-01-01"), review: None, allow_closing: 1, ..described() };
    let rules = rulebook(published().into_iter().chain(given(published()).when(PublishRules(later)).events()));
    let least = ["2017-12-31", "2018-01-01", "2026-12-31", "2027-01-01"].map(|at| rules.review_score_min(day(at)));
    assert_eq!(least, [None, Some(60), Some(60), None]);
}

#[test]
fn a_rule_for_duplicates_is_within_its_bounds_and_says_where_it_is_from() {
    let with = |metres_max, percent_min, source: &str| {
        Some(DuplicateRule { metres_max, percent_min, assumed: false, source: source.into() })
    };
    for (metres_max, percent_min) in [(201, 60), (u32::MAX, 60), (50, 0), (50, 101)] {
        let refusal = Refusal::NoLikeness { metres_max, percent_min };
        refused(|it| it.duplicates = with(metres_max, percent_min, "测试"), refusal);
    }
    let later =
        RulesDescription { effective_from: day("2027-01-01"), duplicates: with(200, 100, "测试"), ..described() };
    let rules = rulebook(published().into_iter().chain(given(published()).when(PublishRules(later)).events()));
    let limits = ["2017-12-31", "2018-01-01", "2026-12-31", "2027-01-01"]
        .map(|at| rules.likeness_limits(day(at)).map(|limits| (limits.metres_max, limits.percent_min)));
    assert_eq!(limits, [None, Some((50, 60)), Some((50, 60)), Some((200, 100))]);
}

#[test]
fn a_rule_for_personal_data_is_within_its_bounds_and_holds_from_its_day() {
    let with = |days_after, readings_a_day_max, source: &str| {
        Some(PersonalDataRule { days_after, readings_a_day_max, assumed: false, source: source.into() })
    };
    for (days_after, readings_a_day_max) in [(366, 50), (u32::MAX, 50), (30, 0), (30, 10_001)] {
        let refusal = Refusal::NoReadingLimit { days_after, readings_a_day_max };
        refused(|it| it.personal_data = with(days_after, readings_a_day_max, "测试"), refusal);
    }
    let later =
        RulesDescription { effective_from: day("2027-01-01"), personal_data: with(0, 10_000, "测试"), ..described() };
    let rules = rulebook(published().into_iter().chain(given(published()).when(PublishRules(later)).events()));
    let limits = |at| {
        let limits = rules.personal_data(day(at));
        (limits.days_after, limits.readings_a_day_max)
    };
    let days = ["2017-12-31", "2018-01-01", "2026-12-31", "2027-01-01"].map(limits);
    assert_eq!(days, [(30, 50), (30, 50), (30, 50), (0, 10_000)], "before any rule the default holds");
}

#[test]
fn a_rule_for_steps_of_one_person_names_each_pair_once_and_holds_from_its_day() {
    let pair = |earlier, later| Incompatible { earlier, later };
    let one = pair(Earlier::Dispose, Later::Hear);
    let with = |pairs: &[Incompatible]| {
        Some(SeparationRule { pairs: pairs.to_vec(), assumed: false, source: "测试".into() })
    };
    let twice = "disposed and write down the answer of the finder".to_owned();
    refused(|it| it.separation = with(&[one, one]), Refusal::Duplicate(twice));
    let later = RulesDescription { effective_from: day("2027-01-01"), separation: with(&[one]), ..described() };
    let rules = rulebook(published().into_iter().chain(given(published()).when(PublishRules(later)).events()));
    assert_eq!(rules.incompatible(day("2017-12-31")), INCOMPATIBLE, "before any rule the default holds");
    assert_eq!(rules.incompatible(day("2026-12-31")), [pair(Earlier::Hear, Later::Close)]);
    assert_eq!(rules.incompatible(day("2027-01-01")), [one]);
}

#[test]
fn the_body_is_the_description() {
    let json = serde_json::to_value(described()).unwrap();
    let command = <RulesCommand as kernel::Command>::parse("publish-rules", &json).unwrap();
    given([]).when(command).then(published());
}

#[test]
fn more_than_allowed_is_not_withdrawn() {
    let emptied = |allow_closing| {
        from_2020(|it| {
            it.matters.clear();
            it.step_limits.retain(|limit| limit.step != Step::REGISTER);
            it.review = None;
            it.duplicates = None;
            it.personal_data = None;
            it.separation = None;
            it.filing_criteria.clear();
            it.allow_closing = allow_closing;
        })
    };
    let known = rulebook(published());
    let fewer = |facts: &mut kernel::Facts| facts.steps.retain(|step| *step != Step::REGISTER);
    let events = given(published()).knowing(fewer).when(emptied(7)).events();
    let rows: Vec<_> = kernel::Aggregate::differences(&known, &events)
        .into_iter()
        .map(|row| format!("{} {} {}", row.turn, row.what, row.code))
        .collect();
    let expected = [
        "ends matter WM-0101",
        "ends step limit register",
        "ends review review",
        "ends duplicates duplicates",
        "ends personal data personal_data",
        "ends steps of one person separation",
        "ends filing criterion LA-01",
    ];
    assert_eq!(rows, expected);
    for allowed in [0, 6] {
        let excess = Excess::of(&kernel::Aggregate::differences(&known, &events), allowed).unwrap();
        given(published()).knowing(fewer).when(emptied(allowed)).then_refused(Refusal::ClosesTooMuch(excess));
    }
    let changed = from_2020(|it| {
        it.matters[0].name = "新名".into();
        register(it).limit.amount = 9;
        it.calendars.push(calendar_2027());
        it.allow_closing = 0;
    });
    let events = given(published()).when(changed).events();
    let rows: Vec<_> = kernel::Aggregate::differences(&known, &events)
        .into_iter()
        .map(|row| format!("{} {} {} {}", row.turn, row.what, row.code, row.name))
        .collect();
    let expected = [
        "begins calendar cn-2027.1 office",
        "changes matter WM-0101 新名",
        "changes step limit register 9 working days",
    ];
    assert_eq!(rows, expected);
}
