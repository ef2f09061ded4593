use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::json;

use super::*;
use crate::{Error, registry};

/// How the door answers a body: the code of the problem, and its text.
fn answered(verb: &str, body: &Value) -> (String, String) {
    let kind = registry::kinds().iter().find(|kind| kind.verbs().iter().any(|one| one.name == verb)).unwrap();
    match kind.parse(verb, body).map(drop) {
        Ok(()) => ("taken".to_owned(), String::new()),
        Err(error) => {
            let problem = Error::from(error).problem();
            (problem.code, problem.detail)
        }
    }
}

fn schemas() -> BTreeMap<&'static str, Value> {
    let verbs = registry::kinds().iter().flat_map(|kind| kind.verbs());
    verbs.map(|verb| (verb.name, (verb.schema)().to_value())).collect()
}

fn examples() -> impl Iterator<Item = (&'static str, Value)> {
    registry::kinds().iter().flat_map(|kind| kind.verbs()).map(|verb| (verb.name, (verb.example)()))
}

/// Every place in a value, the value itself first.
fn places(value: &Value) -> Vec<String> {
    let mut places = vec![String::new()];
    let mut add = |name: String, member: &Value| {
        places.extend(self::places(member).into_iter().map(|below| format!("/{name}{below}")));
    };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| add(name.replace('~', "~0").replace('/', "~1"), member));
        }
        Value::Array(entries) => entries.iter().enumerate().for_each(|(number, entry)| add(number.to_string(), entry)),
        _ => {}
    }
    places
}

/// Changes each place that `wanted` finds, one after the other, and tells how the door answers.
fn changed(wanted: impl Fn(&Value) -> Option<Value>) -> Vec<(String, String, String)> {
    let mut answers = Vec::new();
    for (verb, example) in examples() {
        for place in places(&example) {
            if verb == "import-reference" && place.starts_with("/district/") {
                // The body of another verb, which passes the door as its own.
                continue;
            }
            let Some(other) = wanted(example.pointer(&place).unwrap()) else { continue };
            let mut body = example.clone();
            *body.pointer_mut(&place).unwrap() = other;
            let (code, detail) = answered(verb, &body);
            answers.push((format!("{verb}{place}: {body}"), code, detail));
        }
    }
    answers
}

#[test]
fn every_example_passes() {
    for (verb, example) in examples() {
        assert_eq!(answered(verb, &example), ("taken".into(), String::new()), "{verb}");
    }
}

#[test]
fn a_list_of_its_values_is_no_object_at_any_depth() {
    let as_list = |value: &Value| Some(Value::Array(value.as_object()?.values().cloned().collect()));
    let answers = changed(as_list);
    assert!(answers.len() > 40, "{} objects were tried", answers.len());
    for (what, code, detail) in answers {
        assert_eq!(code, "body-does-not-fit", "{what}");
        assert!(detail.contains("must be") && detail.contains("not a list"), "{what}: {detail}");
    }
}

#[test]
fn no_text_has_control_characters_or_overrides() {
    for bad in ["\0", "甲\0", "\u{1b}[2J", "甲\u{202e}乙", "\u{ffff}"] {
        let answers = changed(|value| value.is_string().then(|| json!(bad)));
        assert!(answers.len() > 100, "{} texts were tried", answers.len());
        for (what, code, _) in answers {
            assert_eq!(code, "text-characters", "{what}");
        }
    }
    assert_eq!(answered("void-issue", &json!({ "rea\0son": "x" })).0, "text-characters", "names are texts too");
}

#[test]
fn a_moment_or_a_day_is_read_strictly_wherever_it_stands() {
    for bad in [
        " 2026-03-02T02:00:00Z",
        "2026-03-02 02:00:00Z",
        "1999-1-2",
        "2026-03-02T02:00:00.123456789Z",
        "-0001-01-01T00:00:00Z",
        "+10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2016-12-31T23:59:60Z",
        "",
    ] {
        let is_time = |text: &str| time::read_moment(text).is_ok() || time::read_day(text).is_ok();
        let answers = changed(|value| value.as_str().is_some_and(is_time).then(|| json!(bad)));
        assert!(answers.len() >= 5, "{} times were tried", answers.len());
        for (what, code, detail) in answers {
            assert_eq!(code, "body-does-not-fit", "{what}");
            assert!(detail.contains("as in RFC 3339"), "{what}: {detail}");
        }
    }
}

#[test]
fn an_id_is_not_of_zeros_wherever_it_stands() {
    for bad in ["00000000-0000-0000-0000-000000000000", "{0190163d-8694-739b-aea5-966c26f8ad91}", "seven"] {
        let is_id = |text: &str| id::read_uuid(text).is_ok();
        let answers = changed(|value| value.as_str().is_some_and(is_id).then(|| json!(bad)));
        assert!(answers.len() > 5, "{} ids were tried", answers.len());
        // The key under which a process waits is a text that may look like an id.
        for (what, code, detail) in answers.into_iter().filter(|(what, ..)| !what.contains("/key: ")) {
            assert_eq!(code, "body-does-not-fit", "{what}");
            assert!(detail.contains("an id is a UUID"), "{what}: {detail}");
        }
    }
}

#[test]
fn every_time_in_every_schema_has_a_format_that_is_checked() {
    for (verb, schema) in &schemas() {
        for place in places(schema) {
            let Some(format) = place.strip_suffix("/format").and_then(|_| schema.pointer(&place)?.as_str()) else {
                continue;
            };
            let known = [
                "date-time",
                "date",
                "uuid",
                "partial-time",
                "double",
                "int32",
                "int64",
                "uint",
                "uint8",
                "uint16",
                "uint32",
                "uint64",
            ];
            assert!(known.contains(&format), "{verb}{place}: nobody checks texts of the format {format}");
        }
    }
}

/// Every form in which serde and schemars write a type.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Sample {
    inner: Inner,
    #[serde(default)]
    maybe: Option<Inner>,
    #[serde(default)]
    list: Vec<Inner>,
    #[serde(default)]
    by_name: BTreeMap<String, Inner>,
    #[serde(default)]
    choice: Option<Choice>,
    #[serde(default)]
    day: Option<chrono::NaiveDate>,
    #[serde(default)]
    moments: Vec<chrono::DateTime<chrono::Utc>>,
}

#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its schema is of interest")]
struct Inner {
    number: u32,
}

#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is of interest")]
enum Choice {
    Unit,
    Wrapped(Inner),
    Named { number: u32 },
}

#[test]
fn every_form_of_a_type_is_checked_where_it_stands() {
    let schema = schemars::schema_for!(Sample).to_value();
    let said = |body: Value| {
        let checked = Shape { root: &schema }.check(&schema, &body, &mut Path::default());
        checked.err().map_or_else(|| "taken".to_owned(), |misfit| misfit.to_string())
    };
    let with = |name: &str, value: Value| {
        let mut body = json!({ "inner": { "number": 1 } });
        body[name] = value;
        said(body)
    };
    for (name, value) in [
        ("maybe", json!(null)),
        ("list", json!([{ "number": 1 }])),
        ("by_name", json!({ "甲": { "number": 1 } })),
        ("choice", json!("unit")),
        ("choice", json!({ "wrapped": { "number": 1 } })),
        ("choice", json!({ "named": { "number": 1 } })),
        ("day", json!("2026-03-02")),
        ("moments", json!(["2026-03-02T02:00:00Z"])),
    ] {
        assert_eq!(with(name, value), "taken", "{name}");
    }
    assert_eq!(said(json!([[1]])), "the body must be an object, not a list");
    assert_eq!(said(json!({})), "the body must have `inner`");
    assert_eq!(with("inner", json!([1])), "inner must be an object, not a list");
    assert_eq!(with("maybe", json!([1])), "maybe must be an object, not a list");
    assert_eq!(with("list", json!([{ "number": 1 }, [1]])), "list[1] must be an object, not a list");
    assert_eq!(with("by_name", json!({ "甲": [1] })), "by_name.甲 must be an object, not a list");
    assert_eq!(with("choice", json!({ "wrapped": [1] })), "choice.wrapped must be an object, not a list");
    assert_eq!(with("choice", json!({ "named": [1] })), "choice.named must be an object, not a list");
    assert_eq!(with("inner", json!({ "number": "1" })), "inner.number must be a whole number, not a text");
    assert_eq!(
        with("inner", json!({ "number": 1.5 })),
        "inner.number must be a whole number, not a number of this kind"
    );
    assert!(with("colour", json!("red")).starts_with("colour is not known here; known are by_name, choice"));
    assert!(with("day", json!("2026-3-2")).starts_with("day does not fit: a day is written as in RFC 3339"));
    let second = with("moments", json!(["2026-03-02T02:00:00Z", "2026-03-02"]));
    assert!(second.starts_with("moments[1] does not fit: a moment is written"), "{second}");
}
