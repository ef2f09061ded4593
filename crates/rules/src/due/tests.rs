use super::*;
use kernel::Step;

use crate::testing::{
    calendar_2026, calendar_2027, code, date, day, hotline, published, rulebook, shanghai, with_calendars,
};
use crate::{CalendarId, MatterWithdrawn, RulesEvent, StepLimitsPublished};

fn end(rules: &Rulebook, amount: u32, unit: TimeUnit, from: &str) -> Result<(String, String), NoCount> {
    let due = rules.count(test(amount, unit), shanghai(from))?;
    let local = due.at + TimeDelta::hours(8);
    Ok((local.format("%Y-%m-%d %H:%M").to_string(), due.derivation.calendar.to_string()))
}

fn test(amount: u32, unit: TimeUnit) -> Published {
    Published {
        limit: Limit { amount, unit },
        calendar: CalendarPurpose::default(),
        assumed: false,
        rule: "test".into(),
    }
}

#[track_caller]
fn table(unit: TimeUnit, rows: &[(u32, &str, &str, &str)]) {
    let rules = with_calendars(&[calendar_2026(), calendar_2027()]);
    for (amount, from, expected, calendar) in rows {
        let expected = Ok(((*expected).to_owned(), (*calendar).to_owned()));
        assert_eq!(end(&rules, *amount, unit, from), expected, "{amount} {unit:?} from {from}");
    }
}

// 2026-03-02 is a Monday. The hours are 09:00-12:00 and 13:00-17:30.

#[test]
fn a_work_day_ends_with_its_last_working_hour() {
    table(
        TimeUnit::WorkDay,
        &[
            (1, "2026-03-02 10:00", "2026-03-03 17:30", "cn-2026.1"),
            (1, "2026-03-02 08:00", "2026-03-03 17:30", "cn-2026.1"), // before the hours: the day still counts as 0
            (1, "2026-03-02 23:59", "2026-03-03 17:30", "cn-2026.1"),
            (1, "2026-03-03 00:00", "2026-03-04 17:30", "cn-2026.1"), // midnight in Shanghai, not in London
            (1, "2026-03-06 10:00", "2026-03-09 17:30", "cn-2026.1"), // across a weekend
            (1, "2026-03-07 10:00", "2026-03-09 17:30", "cn-2026.1"), // from a Saturday
            (5, "2026-03-02 10:00", "2026-03-09 17:30", "cn-2026.1"),
            (1, "2026-02-13 10:00", "2026-02-14 17:30", "cn-2026.1"), // the make-up Saturday is worked
            (2, "2026-02-13 10:00", "2026-02-24 17:30", "cn-2026.1"), // then nine days off
            (1, "2026-02-18 10:00", "2026-02-24 17:30", "cn-2026.1"), // from inside the holiday
            (5, "2026-12-28 10:00", "2027-01-05 17:30", "cn-2026.1+cn-2027.1"), // across the turn of the year
            (1, "2026-12-30 10:00", "2026-12-31 17:30", "cn-2026.1"),
        ],
    );
}

#[test]
fn work_hours_run_only_inside_the_working_hours() {
    table(
        TimeUnit::WorkHour,
        &[
            (2, "2026-03-02 09:00", "2026-03-02 11:00", "cn-2026.1"),
            (2, "2026-03-02 11:00", "2026-03-02 14:00", "cn-2026.1"), // across noon
            (3, "2026-03-02 09:00", "2026-03-02 12:00", "cn-2026.1"), // exactly to the end of a span
            (2, "2026-03-02 07:00", "2026-03-02 11:00", "cn-2026.1"), // before the hours
            (2, "2026-03-02 12:30", "2026-03-02 15:00", "cn-2026.1"), // inside the break
            (2, "2026-03-02 17:30", "2026-03-03 11:00", "cn-2026.1"), // at the very end
            (4, "2026-03-02 16:30", "2026-03-03 12:00", "cn-2026.1"),
            (2, "2026-03-06 17:00", "2026-03-09 10:30", "cn-2026.1"), // across a weekend
            (2, "2026-03-08 03:00", "2026-03-09 11:00", "cn-2026.1"), // from a Sunday night
            (2, "2026-02-13 17:00", "2026-02-14 10:30", "cn-2026.1"), // into the make-up Saturday
            (2, "2026-02-14 17:00", "2026-02-24 10:30", "cn-2026.1"), // across the whole holiday
            (8, "2026-03-02 09:00", "2026-03-03 09:30", "cn-2026.1"),
            (2, "2026-12-31 17:00", "2027-01-04 10:30", "cn-2026.1+cn-2027.1"),
        ],
    );
}

#[test]
fn urgent_hours_and_calendar_days_run_day_and_night_and_need_no_calendar() {
    table(
        TimeUnit::UrgentHour,
        &[
            (2, "2026-03-06 23:30", "2026-03-07 01:30", NO_CALENDAR),
            (24, "2026-12-31 10:00", "2027-01-01 10:00", NO_CALENDAR),
        ],
    );
    table(
        TimeUnit::CalendarDay,
        &[
            (30, "2026-02-14 10:15", "2026-03-16 10:15", NO_CALENDAR),
            (1, "2039-12-31 10:00", "2040-01-01 10:00", NO_CALENDAR),
        ],
    );
}

#[test]
fn beyond_the_calendars_days_are_counted_on_plain_weeks_and_assumed() {
    let known = Calendar { assumed: false, ..calendar_2026() };
    let rules = with_calendars(&[known]);
    for (amount, unit, from, expected, calendar) in [
        (5, TimeUnit::WorkDay, "2026-12-28 10:00", "2027-01-04 17:30", "cn-2026.1+plain"),
        (2, TimeUnit::WorkHour, "2026-12-31 17:00", "2027-01-01 10:30", "cn-2026.1+plain"),
        (1, TimeUnit::WorkDay, "2027-12-31 23:58", "2028-01-03 17:30", "plain"), // from a Friday to a Monday
        (2, TimeUnit::WorkHour, "2027-12-31 23:58", "2028-01-03 11:00", "plain"),
        (1, TimeUnit::WorkDay, "2025-12-31 10:00", "2026-01-01 17:30", "cn-2026.1"), // from before the first calendar
        (1, TimeUnit::WorkDay, "2024-05-01 10:00", "2024-05-02 17:30", "plain"),
    ] {
        assert_eq!(end(&rules, amount, unit, from), Ok((expected.into(), calendar.into())), "from {from}");
        let due = rules.count(test(amount, unit), shanghai(from)).unwrap();
        assert_eq!(due.derivation.assumed, calendar.contains(PLAIN), "from {from}");
    }
    // Where no calendar was published at all: Monday to Friday, nine to five.
    let bare = end(&Rulebook::default(), 1, TimeUnit::WorkDay, "2026-03-06 10:00");
    assert_eq!(bare, Ok(("2026-03-09 17:00".into(), PLAIN.into())));
}

#[test]
fn an_assumed_calendar_makes_an_assumed_due_time() {
    let assumed = |calendar, unit| {
        let rules = with_calendars(&[Calendar { assumed: calendar, ..calendar_2026() }]);
        rules.count(test(1, unit), shanghai("2026-03-02 10:00")).unwrap().derivation.assumed
    };
    assert!(assumed(true, TimeUnit::WorkDay) && assumed(true, TimeUnit::WorkHour));
    assert!(!assumed(false, TimeUnit::WorkDay) && !assumed(false, TimeUnit::WorkHour));
    assert!(!assumed(true, TimeUnit::CalendarDay) && !assumed(true, TimeUnit::UrgentHour), "no calendar was needed");
}

#[test]
fn a_limit_is_counted_by_the_calendars_of_its_purpose_alone() {
    let rules = with_calendars(&[calendar_2026(), hotline()]);
    let office = end(&rules, 2, TimeUnit::WorkHour, "2026-03-02 17:00");
    assert_eq!(office, Ok(("2026-03-03 10:30".into(), "cn-2026.1".into())), "the hotline was published last");
    let by_hotline = |amount, from| {
        let rule = Published { calendar: hotline().purpose, ..test(amount, TimeUnit::WorkHour) };
        let due = rules.count(rule, shanghai(from)).unwrap();
        (due.at, due.derivation.calendar.to_string())
    };
    assert_eq!(by_hotline(2, "2026-03-02 17:00"), (shanghai("2026-03-02 19:00"), "hotline-2026.1".into()));
    // A day of 24 hours is exact: 72 hours are three days.
    assert_eq!(by_hotline(72, "2026-03-06 10:00"), (shanghai("2026-03-09 10:00"), "hotline-2026.1".into()));
    assert_eq!(by_hotline(14, "2026-03-02 10:00"), (shanghai("2026-03-03 00:00"), "hotline-2026.1".into()));
}

#[test]
fn a_limit_names_its_purpose() {
    let limits = crate::testing::described().step_limits.into_iter();
    let limits = limits.map(|limit| crate::StepLimit { calendar: hotline().purpose, ..limit }).collect();
    let from = day("2020-01-01");
    let named = StepLimitsPublished { rules_version: 2, limits, effective_from: from };
    let calendar = crate::CalendarPublished { rules_version: 2, calendar: hotline() };
    let rules = rulebook(published().into_iter().chain([calendar.into(), named.into()]));
    let due = rules.due_of(&Step::FILE.into(), shanghai("2026-03-07 10:00")).unwrap().unwrap();
    assert_eq!((due.at, due.derivation.calendar.as_str()), (shanghai("2026-03-09 00:00"), "hotline-2026.1"));
}

#[test]
fn a_later_revision_wins_and_the_earlier_one_stays() {
    let id = CalendarId::try_from("cn-2026.2".to_owned()).unwrap();
    let typhoon = crate::Holiday { from: date("2026-03-03"), until: date("2026-03-03"), name: "台风停工".into() };
    let revised = Calendar { id, holidays: vec![typhoon], makeup_days: vec![], ..calendar_2026() };
    let rules = with_calendars(&[calendar_2026(), revised]);
    let expected = ("2026-03-04 17:30".to_owned(), "cn-2026.2".to_owned());
    assert_eq!(end(&rules, 1, TimeUnit::WorkDay, "2026-03-02 10:00"), Ok(expected));
    assert_eq!(rules.calendars().count(), 2);
}

#[test]
fn the_derivation_tells_everything() {
    let rules = rulebook(published());
    let from = shanghai("2026-03-02 10:00");
    let due = |of: LimitOf| rules.due_of(&of, from).unwrap().unwrap();
    let contact = due(Step::FIRST_CONTACT.into());
    assert_eq!(contact.at, shanghai("2026-03-03 17:30"));
    let expected = Derivation {
        from,
        limit: Limit { amount: 1, unit: TimeUnit::WorkDay },
        rule: "step first_contact".into(),
        rules_version: 1,
        calendar: "cn-2026.1".into(),
        assumed: true,
    };
    assert_eq!(contact.derivation, expected);
    for (of, at, rule) in [
        (LimitOf::Disposal(code()), "2026-03-02 15:00", "matter WM-0101 disposal"),
        (LimitOf::ReturnWindow, "2026-03-04 17:30", "window return"),
        (LimitOf::ReopenWindow, "2026-04-01 10:00", "window reopen"),
    ] {
        let due = due(of);
        assert_eq!((due.at, due.derivation.rule.as_str()), (shanghai(at), rule));
    }
}

#[test]
fn what_was_not_in_force_has_no_limit() {
    let (rules, early) = (rulebook(published()), day("2017-01-01"));
    let windows = [LimitOf::ReturnWindow, LimitOf::ReopenWindow];
    for of in windows.into_iter().chain([LimitOf::Step(Step::FILE), LimitOf::Disposal(code())]) {
        assert_eq!(rules.due_of(&of, early), None, "{of}");
    }
    assert_eq!(rules.due_of(&Step::of("repair").into(), day("2026-03-02")), None, "no limit was published for it");
}

#[test]
fn a_matter_that_was_withdrawn_keeps_its_last_limit_for_the_cases_filed_on_it() {
    let withdrawn =
        |from: &str| RulesEvent::from(MatterWithdrawn { rules_version: 2, code: code(), effective_from: day(from) });
    let of = LimitOf::Disposal(code());
    let before = rulebook(published());
    let rules = rulebook(published().into_iter().chain([withdrawn("2026-03-02")]).collect::<Vec<_>>());
    for moment in ["2026-03-01", "2026-03-02", "2026-06-01"] {
        let from = day(moment);
        let (known, kept) = (before.due_of(&of, from).unwrap().unwrap(), rules.due_of(&of, from).unwrap().unwrap());
        assert_eq!((kept.at, kept.derivation.limit), (known.at, known.derivation.limit), "{moment}");
        let is_in_force = rules.matter(&code(), from).is_some();
        let rule = if is_in_force { "" } else { ", as before it was withdrawn" };
        assert_eq!(kept.derivation.rule, format!("matter WM-0101 disposal{rule}"), "{moment}");
    }
    assert_eq!(rules.matter(&code(), day("2026-03-02")), None, "no new case begins under it");
    assert_eq!(rules.due_of(&of, day("2017-01-01")), None, "it was not published yet");
    let other = LimitOf::Disposal(kernel::MatterCode::try_new("XX-9999").unwrap());
    assert_eq!(rules.due_of(&other, day("2026-06-01")), None, "it was never published");
}

#[test]
fn intake_never_depends_on_a_calendar() {
    let rules = rulebook(published());
    for at in ["1999-12-31", "2026-12-31", "2027-12-31", "2028-02-29", "2106-01-01", "9999-12-31"] {
        for of in crate::testing::steps().into_iter().map(LimitOf::from).chain([LimitOf::ReturnWindow]) {
            if let Some(due) = rules.due_of(&of, day(at)) {
                assert!(due.unwrap().at > day(at), "{of} from {at}");
            }
        }
    }
}

#[test]
fn no_due_time_is_after_the_last_date() {
    let rules = with_calendars(&[calendar_2026()]);
    for unit in [TimeUnit::UrgentHour, TimeUnit::CalendarDay, TimeUnit::WorkHour, TimeUnit::WorkDay] {
        assert_eq!(rules.count(test(1, unit), DateTime::<Utc>::MAX_UTC), Err(NoCount::OutOfRange));
        assert_eq!(rules.count(test(u32::MAX, unit), day("2026-03-02")), Err(NoCount::OutOfRange));
        assert!(rules.count(test(amount_max(unit), unit), day("2026-03-02")).is_ok());
    }
}
