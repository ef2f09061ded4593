//! The sample rules of `deploy/sample` are published without a refusal and fit the sample departments.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, Utc};
use dualgrid_rules::{Authority, ConsentCount, MatterClass, PublishRules, Rulebook, RulesDescription, evaluate};
use kernel::{Actor, Aggregate as _, Context, Decision, Facts, MatterCode, Role, Scope, Step};

/// Every step of a case.
const STEPS: [Step; 16] = [
    Step::REGISTER,
    Step::ROUTE,
    Step::WORK_IN_GRID,
    Step::DELIBERATE,
    Step::FILE,
    Step::REVIEW_REFUSAL,
    Step::DISPATCH,
    Step::ACCEPT,
    Step::FIRST_CONTACT,
    Step::DECIDE_RETURN,
    Step::DISPOSE,
    Step::VERIFY,
    Step::REWORK,
    Step::COLLECT_FEEDBACK,
    Step::CLOSE,
    Step::ROUTE_AGAIN,
];

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
    table.retain(|key, _| RulesDescription::KEYS.contains(&key));
    table.try_into().unwrap()
}

fn local(text: &str) -> DateTime<Utc> {
    format!("{text}:00+08:00").parse().unwrap()
}

fn matter(text: &str) -> MatterCode {
    MatterCode::try_new(text).unwrap()
}

fn publish(rules: &Rulebook) -> Decision<Rulebook> {
    let by = Actor { id: "administrator".into(), role: Role::Administrator, scope: Scope::Everywhere };
    let (id, at) = (dualgrid_rules::rules_id(), local("2026-03-02T10:00"));
    let facts = Facts { steps: BTreeSet::from(STEPS), ..Facts::default() };
    rules.decide(&PublishRules(description()).into(), &Context { id, at, today: at.date_naive(), by, facts })
}

fn published() -> Rulebook {
    let events = publish(&Rulebook::default()).unwrap();
    events.into_iter().fold(Rulebook::default(), Rulebook::evolve)
}

#[test]
fn the_sample_is_published_once() {
    let rules = published();
    assert_eq!(rules.version(), 1);
    assert_eq!(publish(&rules), Ok(vec![]));
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
    let due = |code: &str, from: &str| rules.matter_due(&matter(code), local(from)).unwrap();
    assert_eq!(due("WM-0101", "2026-03-02T16:30").at, local("2026-03-03T12:00"));
    assert_eq!(due("WM-0103", "2026-02-13T10:00").at, local("2026-03-12T17:30"));
    assert_eq!(due("PA-0101", "2026-10-01T23:00").at, local("2026-10-02T01:00"));
    let turn = due("FW-0301", "2026-12-30T10:00");
    assert_eq!((turn.at, turn.derivation.calendar.as_str()), (local("2027-01-07T17:30"), "cn-2026.1+cn-2027.1"));
    for step in &STEPS {
        assert!(rules.due(step, local("2026-11-23T21:40")).is_ok(), "{step}");
    }
    assert!(rules.due(&Step::ACCEPT, local("2026-03-02T10:00")).unwrap().derivation.assumed);
    assert!(!rules.due(&Step::FIRST_CONTACT, local("2026-03-02T10:00")).unwrap().derivation.assumed);
    let error = rules.due(&Step::VERIFY, local("2027-12-31T10:00")).unwrap_err();
    assert!(error.to_string().contains("cn-2028.1"), "{error}");
}

#[test]
fn the_announced_working_days_of_the_years_are_248_and_248() {
    let rules = published();
    for (id, days) in [("cn-2025.1", 248), ("cn-2026.1", 248)] {
        let calendar = rules.calendars().find(|calendar| calendar.id.to_string() == id).unwrap();
        let worked = calendar.first_day.iter_days().take_while(|day| calendar.covers(*day));
        assert_eq!(worked.filter(|day| calendar.is_working_day(*day)).count(), days, "{id}");
    }
}

#[test]
fn consent_follows_the_law_of_the_day() {
    let rules = published();
    let count = ConsentCount { invited: 99, reached: 80, participated: 66, agreed: 49, opposed: 17 };
    let decided = |id: &str| evaluate(rules.consent_rule(id).unwrap(), &count);
    assert_eq!((decided("RESIDENT_2_3"), decided("PROPERTY_LAW_76")), (false, false));
    assert_eq!((decided("CIVIL_CODE_278"), decided("CIVIL_CODE_278_MAJOR")), (true, false));
    let ids = |at| rules.consent_rules(local(at)).map(|rule| rule.id.as_str()).collect::<Vec<_>>();
    assert_eq!(ids("2020-12-31T23:59"), ["PROPERTY_LAW_76", "PROPERTY_LAW_76_MAJOR", "RESIDENT_2_3"]);
    assert_eq!(ids("2021-01-01T00:00"), ["CIVIL_CODE_278", "CIVIL_CODE_278_MAJOR", "RESIDENT_2_3"]);
}
