use given::Given;
use kernel::MatterCode;

use super::*;
use crate::testing::{
    calendar_2026, calendar_2027, code, day, described, hotline, published, resident_two_thirds, rulebook, steps,
};
use crate::withdrawn::Withdrawn;
use crate::{Calendar, CalendarPublished, ConsentRule, ConsentRulePublished, PublishRules, RulesDescription};

const M: &str = "2099-01-01";

fn given(events: impl IntoIterator<Item = RulesEvent>) -> Given<Rulebook> {
    given::given(events).knowing(|facts| facts.steps = steps())
}

/// What a description with a wrong year leads to: a matter is gone, another comes, every rule is another.
fn scheduled() -> Vec<RulesEvent> {
    let mut description = RulesDescription { effective_from: day(M), allow_closing: 99, ..described() };
    description.matters[0].code = MatterCode::try_new("WM-0102").unwrap();
    description.step_limits[0].limit.amount = 7;
    description.windows.reopen.limit.amount = 7;
    description.review = None;
    description.duplicates = None;
    description.filing_criteria.clear();
    given(published()).when(PublishRules(description)).events()
}

fn mistaken() -> Given<Rulebook> {
    given(published().into_iter().chain(scheduled()))
}

fn as_of(from: &str) -> WithdrawRules {
    WithdrawRules { scheduled_from: Some(day(from)), calendars: BTreeSet::new(), consent_rules: BTreeSet::new() }
}

fn calendar(id: &str) -> WithdrawRules {
    let id = CalendarId::try_from(id.to_owned()).unwrap();
    WithdrawRules { scheduled_from: None, calendars: [id].into(), consent_rules: BTreeSet::new() }
}

fn rule(id: &str) -> WithdrawRules {
    WithdrawRules { scheduled_from: None, calendars: BTreeSet::new(), consent_rules: [id.to_owned()].into() }
}

fn nothing(what: &str) -> Refusal {
    Refusal::NothingScheduled { what: what.into() }
}

#[test]
fn rules_that_were_published_for_a_wrong_date_are_as_if_they_had_never_been() {
    let known = rulebook(published());
    for from in [M, "2098-12-31"] {
        let after = mistaken().when(as_of(from)).state();
        assert_eq!(after.version(), 3, "the withdrawal is a version too");
        let after = Rulebook { version: known.version, withdrawn: Withdrawn::default(), ..after };
        assert_eq!(after, known, "{from}");
    }
}

#[test]
fn a_repeat_is_nothing_and_what_is_in_force_stays() {
    let events = mistaken().when(as_of(M)).events();
    let expected: [RulesEvent; 1] = [RulesWithdrawn { rules_version: 3, scheduled_from: day(M) }.into()];
    assert_eq!(events, expected);
    let history = || given(published().into_iter().chain(scheduled()).chain(events.clone()));
    history().when(as_of(M)).then_nothing();
    let missing = format!("no rule is scheduled for {} or later", day("2100-01-01"));
    history().when(as_of("2100-01-01")).then_refused(nothing(&missing));
    let in_force = |from| Refusal::InForce { what: format!("the rules as of {}", day(from)) };
    mistaken().when(as_of("2018-01-01")).then_refused(in_force("2018-01-01"));
    mistaken().at(day(M)).when(as_of(M)).then_refused(in_force(M));
    let none = WithdrawRules { scheduled_from: None, calendars: BTreeSet::new(), consent_rules: BTreeSet::new() };
    mistaken().when(none).then_refused(nothing("nothing is named"));
}

#[test]
fn a_calendar_is_withdrawn_before_its_first_day_and_its_id_stays_its_own() {
    let with_next = || {
        let next = CalendarPublished { rules_version: 2, calendar: calendar_2027() };
        published().into_iter().chain([next.into()])
    };
    let at = |events: Vec<RulesEvent>, day: &str| given(events).at(crate::testing::day(day));
    let withdrawn = at(with_next().collect(), "2026-06-01").when(calendar("cn-2027.1")).events();
    let history = || -> Vec<RulesEvent> { with_next().chain(withdrawn.clone()).collect() };
    assert_eq!(rulebook(history()).calendars().count(), 1);
    at(history(), "2026-06-01").when(calendar("cn-2027.1")).then_nothing();
    let begun = Refusal::InForce { what: "calendar cn-2026.1".into() };
    at(history(), "2026-06-01").when(calendar("cn-2026.1")).then_refused(begun);
    at(history(), "2026-06-01").when(calendar("cn-2028.1")).then_refused(nothing("no calendar cn-2028.1 is published"));
    let other = Calendar { source: "另一通知".into(), ..calendar_2027() };
    let publish = |calendar| PublishRules(RulesDescription { calendars: vec![calendar], ..described() });
    given(history()).when(publish(other)).then_refused(Refusal::CalendarRewritten(calendar_2027().id));
    let back = given(history()).when(publish(calendar_2027())).state();
    assert!(back.calendars().any(|known| *known == calendar_2027()) && back.withdrawn.calendars.is_empty());
}

#[test]
fn no_limit_and_no_day_is_left_without_calendars() {
    let late = |year: i32| Calendar {
        id: CalendarId::try_from(format!("cn-{year}.1")).unwrap(),
        first_day: crate::testing::date(&format!("{year}-01-01")),
        last_day: crate::testing::date(&format!("{year}-12-31")),
        holidays: vec![],
        ..calendar_2027()
    };
    let more = [calendar_2027(), late(2028)].map(|calendar| CalendarPublished { rules_version: 2, calendar }.into());
    let gap = Refusal::CalendarGap {
        purpose: CalendarPurpose::default(),
        id: late(2028).id,
        day: crate::testing::date("2027-01-01"),
    };
    given(published().into_iter().chain(more)).at(day("2026-06-01")).when(calendar("cn-2027.1")).then_refused(gap);
    let mut counted = described();
    counted.matters[0].calendar = hotline().purpose;
    counted.calendars.push(hotline());
    let events = given([]).when(PublishRules(counted)).events();
    let what = format!("matter {}", code());
    given(events)
        .at(day("2025-06-01"))
        .when(calendar("hotline-2026.1"))
        .then_refused(Refusal::UnknownCalendarPurpose { what, purpose: hotline().purpose });
    assert_eq!(calendar_2026().purpose, CalendarPurpose::default());
}

#[test]
fn a_consent_rule_is_withdrawn_before_the_decisions_that_it_is_for() {
    let late = ConsentRule { id: "LATE".into(), decided_from: Some(day(M)), ..resident_two_thirds() };
    let event = ConsentRulePublished { rules_version: 2, rule: late.clone() };
    let history = || given(published().into_iter().chain([event.clone().into()]));
    let expected = ConsentRuleWithdrawn { rules_version: 3, id: "LATE".into() };
    history().when(rule("LATE")).then([expected.clone()]);
    let after = || given(published().into_iter().chain([event.clone().into(), expected.clone().into()]));
    after().when(rule("LATE")).then_nothing();
    assert!(after().state().consent_rule("LATE").is_none());
    history().when(rule("RESIDENT_2_3")).then_refused(Refusal::InForce { what: "consent rule RESIDENT_2_3".into() });
    history().at(day(M)).when(rule("LATE")).then_refused(Refusal::InForce { what: "consent rule LATE".into() });
    history().when(rule("NONE")).then_refused(nothing("no consent rule NONE is published"));
    let other = PublishRules(RulesDescription {
        consent_rules: vec![ConsentRule { name: "别的".into(), ..late }],
        ..described()
    });
    after().when(other).then_refused(Refusal::ConsentRuleRewritten("LATE".into()));
}
