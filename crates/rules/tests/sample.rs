//! The sample rules of `deploy/sample` are published without a refusal and fit the sample departments.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, NaiveDate, Utc, Weekday};
use dualgrid_rules::{MatterClass, PublishRules, Rulebook, RulesDescription, RulesEvent};
use given::{Given, given};
use kernel::consent::Share;
use kernel::facts::Authority;
use kernel::{Aggregate as _, Due, LimitOf, MatterCode, Step};

/// The files of the sample joined: arrays of the same name are put together, any other key occurs once.
fn merged() -> toml::Table {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample");
    let read = |name: &str| -> toml::Table {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let mut all = read("district.toml");
    for name in all.remove("include").unwrap().as_array().unwrap().clone() {
        for (key, value) in read(name.as_str().unwrap()) {
            match (all.get_mut(&key), value) {
                (Some(toml::Value::Array(known)), toml::Value::Array(more)) => known.extend(more),
                (None, value) => drop(all.insert(key, value)),
                (Some(_), _) => panic!("{key} occurs twice"),
            }
        }
    }
    all
}

fn description() -> RulesDescription {
    let mut table = merged();
    let keys = ["effective_from", "matters", "step_limits", "windows", "calendars", "consent_rules", "filing_criteria"];
    table.retain(|key, _| keys.contains(&key));
    table.try_into().unwrap()
}

fn local(text: &str) -> DateTime<Utc> {
    format!("{text}:00+08:00").parse().unwrap()
}

fn matter(text: &str) -> MatterCode {
    MatterCode::try_new(text).unwrap()
}

/// Rules where kinds have every step that the sample names.
fn known(history: impl IntoIterator<Item = RulesEvent>) -> Given<Rulebook> {
    let steps = description().step_limits.into_iter().map(|limit| limit.step);
    given(history).knowing(|facts| facts.steps = steps.collect()).adding_to(&["calendars", "consent_rules"])
}

/// The events of the sample, decided once for all tests.
static EVENTS: LazyLock<Vec<RulesEvent>> = LazyLock::new(|| known([]).when(PublishRules(description())).events());

fn published() -> Rulebook {
    EVENTS.iter().cloned().fold(Rulebook::default(), Rulebook::evolve)
}

#[test]
fn the_sample_is_published_once() {
    assert_eq!(published().version(), 1);
    known(EVENTS.iter().cloned()).when(PublishRules(description())).then_nothing();
}

#[test]
fn the_catalogue_has_three_classes_and_names_what_is_assumed() {
    let (rules, at) = (published(), local("2026-03-02T10:00"));
    let of = |class| rules.matters(at).filter(|matter| matter.class == class).count();
    assert_eq!((of(MatterClass::Safety), of(MatterClass::Service), of(MatterClass::Civility)), (12, 10, 12));
    assert!(rules.matters(at).filter(|matter| matter.disposal.assumed).all(|it| it.disposal.source.starts_with('暂')));
    let bikes = rules.matter(&matter("WM-0201"), at).unwrap();
    assert_eq!(bikes.authority, Authority::Community);
}

#[test]
fn every_matter_is_owned_by_the_departments_it_names() {
    let (table, rules) = (merged(), published());
    let texts = |value: &toml::Value| -> BTreeSet<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    let owned: BTreeMap<String, BTreeSet<String>> = table["departments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|department| (department["code"].as_str().unwrap().to_owned(), texts(&department["matters"])))
        .collect();
    let matters: Vec<_> = rules.matters(local("2026-03-02T10:00")).collect();
    for matter in &matters {
        for department in [&matter.lead].into_iter().chain(&matter.assisting) {
            assert!(
                owned[department.as_str()].contains(matter.code.as_str()),
                "{department} does not own {}",
                matter.code
            );
        }
    }
    let known: BTreeSet<String> = matters.iter().map(|matter| matter.code.to_string()).collect();
    assert!(owned.values().flatten().all(|code| known.contains(code)), "a department owns an unknown matter");
}

#[test]
fn limits_are_counted_by_the_sample_calendars() {
    let rules = published();
    let of = |of: LimitOf, from: &str| rules.due_of(&of, local(from)).unwrap();
    let due = |code: &str, from: &str| -> Due { of(LimitOf::Disposal(matter(code)), from).unwrap() };
    assert_eq!(due("WM-0101", "2026-03-02T16:30").at, local("2026-03-03T12:00"));
    assert_eq!(due("WM-0103", "2026-02-13T10:00").at, local("2026-03-12T17:30"));
    assert_eq!(due("PA-0101", "2026-10-01T23:00").at, local("2026-10-02T01:00"));
    let turn = due("FW-0301", "2026-12-30T10:00");
    assert_eq!((turn.at, turn.derivation.calendar.as_str()), (local("2027-01-07T17:30"), "cn-2026.1+cn-2027.1"));
    for limit in description().step_limits {
        let due = of(limit.step.clone().into(), "2026-11-23T21:40").unwrap();
        assert_eq!(due.derivation.assumed, limit.assumed, "{}", limit.step);
    }
    let late = of(Step::VERIFY.into(), "2027-12-31T23:58").unwrap();
    assert_eq!((late.at, late.derivation.calendar.as_str()), (local("2028-01-03T17:30"), "plain"));
}

/// The days of a year that are not as the week says, by two packages that know nothing of each other. `tests/calendars/days.py`
/// writes the file.
#[derive(serde::Deserialize)]
struct Counted {
    package: String,
    years: BTreeMap<i32, Exceptions>,
}

#[derive(Debug, PartialEq, serde::Deserialize)]
struct Exceptions {
    /// Days from Monday to Friday that are off.
    off: Vec<NaiveDate>,
    /// Saturdays and Sundays that are worked.
    worked: Vec<NaiveDate>,
}

#[test]
fn every_day_of_nine_years_is_as_two_independent_packages_count_it() {
    let rules = published();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/calendars");
    for file in ["chinesecalendar.json", "holidays.json"] {
        let counted: Counted = serde_json::from_slice(&std::fs::read(folder.join(file)).unwrap()).unwrap();
        assert!(counted.years.keys().copied().eq(2018..=2026), "{}", counted.package);
        for (year, theirs) in counted.years {
            let of_year = rules.calendars().filter(|calendar| calendar.first_day.year() == year);
            let calendar = of_year.max_by_key(|calendar| calendar.id.to_string()).unwrap();
            let days = || calendar.first_day.iter_days().take_while(|day| calendar.covers(*day));
            let is_weekend = |day: &NaiveDate| matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
            let ours = Exceptions {
                off: days().filter(|day| !is_weekend(day) && !calendar.is_working_day(*day)).collect(),
                worked: days().filter(|day| is_weekend(day) && calendar.is_working_day(*day)).collect(),
            };
            assert_eq!(ours, theirs, "{} against {}", calendar.id, counted.package);
            assert!(!calendar.assumed && calendar.source.contains("国办发明电"), "{}", calendar.id);
        }
    }
}

#[test]
fn a_number_of_a_notice_that_only_copies_have_is_marked() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/sample/README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let unofficial = readme.lines().filter(|line| line.contains("number: copies of the notice only"));
    let unofficial: BTreeSet<&str> = unofficial.map(|line| line.split('|').nth(1).unwrap().trim()).collect();
    assert_eq!(unofficial, BTreeSet::from(["〔2024〕12号", "〔2025〕7号"]));
    for calendar in published().calendars() {
        let is_unofficial = unofficial.iter().any(|number| calendar.source.contains(number));
        assert_eq!(calendar.source.contains("文号仅见于非官方转载"), is_unofficial, "{}", calendar.id);
    }
}

#[test]
fn a_notice_that_was_changed_has_both_versions() {
    let rules = published();
    let works = |id: &str, day: &str| {
        let calendar = rules.calendars().find(|calendar| calendar.id.to_string() == id).unwrap();
        calendar.is_working_day(day.parse().unwrap())
    };
    for (day, first, changed) in [
        ("2019-04-28", false, true), // a Sunday
        ("2019-05-02", true, false),
        ("2019-05-05", false, true),
        ("2020-01-31", true, false),
        ("2020-02-01", true, false), // a Saturday
        ("2020-02-03", true, true),
    ] {
        let year = &day[..4];
        assert_eq!(
            (works(&format!("cn-{year}.1"), day), works(&format!("cn-{year}.2"), day)),
            (first, changed),
            "{day}"
        );
    }
}

#[test]
fn the_spring_festival_of_2027_is_assumed_from_its_eve_on() {
    let rules = published();
    let calendar = rules.calendars().find(|calendar| calendar.id.to_string() == "cn-2027.1").unwrap();
    let spring = calendar.holidays.iter().find(|holiday| holiday.name == "春节").unwrap();
    let length = spring.from.iter_days().take_while(|day| *day <= spring.until).count();
    let makeup = calendar.makeup_days.iter().filter(|day| (1..=2).contains(&day.month()));
    assert_eq!((calendar.assumed, spring.from.to_string(), length, makeup.count()), (true, "2027-02-05".into(), 8, 2));
    let due = rules.due_of(&LimitOf::Disposal(matter("FW-0301")), local("2027-03-01T10:00")).unwrap().unwrap();
    assert!(due.derivation.assumed, "a limit with a source, along days that nobody has announced");
}

#[test]
fn consent_follows_the_law_of_the_day() {
    let rules = published();
    // Of an electorate of 99, 66 took part and 49 agreed.
    let heads = |id: &str| rules.consent_rule(id).unwrap().heads;
    let reaches = |share: Option<Share>, part, whole| share.unwrap().is_reached(part, whole);
    assert!(!reaches(heads("RESIDENT_2_3").agreed_of_electorate, 49, 99));
    assert!(!reaches(heads("PROPERTY_LAW_76").agreed_of_electorate, 49, 99));
    assert!(reaches(heads("CIVIL_CODE_278").participated_of_electorate, 66, 99));
    assert!(reaches(heads("CIVIL_CODE_278").agreed_of_participated, 49, 66));
    assert!(!reaches(heads("CIVIL_CODE_278_MAJOR").agreed_of_participated, 49, 66));
    let ids = |at| rules.consent_rules(local(at)).map(|rule| rule.id.as_str()).collect::<Vec<_>>();
    assert_eq!(ids("2020-12-31T23:59"), ["PROPERTY_LAW_76", "PROPERTY_LAW_76_MAJOR", "RESIDENT_2_3"]);
    assert_eq!(ids("2021-01-01T00:00"), ["CIVIL_CODE_278", "CIVIL_CODE_278_MAJOR", "RESIDENT_2_3"]);
}
