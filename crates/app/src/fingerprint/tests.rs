use serde_json::{Value, json};

use super::*;
use crate::{door, registry};

/// The schema of a value with what it refers to: members and whether they may be null.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let mut all = vec![schema];
    if let Some(definition) = schema["$ref"].as_str() {
        all.extend(resolved(root, root.pointer(definition.trim_start_matches('#')).unwrap()));
    }
    for list in ["anyOf", "oneOf", "allOf"] {
        all.extend(schema[list].as_array().into_iter().flatten().flat_map(|one| resolved(root, one)));
    }
    all
}

fn is_nullable(root: &Value, schema: &Value) -> bool {
    let names_null = |of: &Value| of == "null" || of.as_array().is_some_and(|all| all.contains(&json!("null")));
    resolved(root, schema).iter().any(|schema| names_null(&schema["type"]))
}

/// The same in other words: members backwards, space between everything, every text in escapes, whole numbers with a fraction where
/// fractions are allowed, and each member that is absent with its default.
fn spelled(root: &Value, schema: &Value, value: &Value, defaults: &mut usize) -> String {
    let schemas = resolved(root, schema);
    match value {
        Value::Object(members) => {
            let mut written: Vec<(String, String)> = Vec::new();
            let known = schemas.iter().filter_map(|schema| schema["properties"].as_object()).flatten();
            for (name, schema) in known.clone() {
                let default = Some(&schema["default"]).filter(|default| !default.is_null());
                let said = match (members.get(name), default) {
                    (Some(member), _) => spelled(root, schema, member, defaults),
                    (None, Some(default)) => default.to_string(),
                    (None, None) if is_nullable(root, schema) => "null".to_owned(),
                    (None, None) => continue,
                };
                *defaults += usize::from(!members.contains_key(name));
                written.push((name.clone(), said));
            }
            for (name, member) in members.iter().filter(|(name, _)| !known.clone().any(|(known, _)| known == *name)) {
                written.push((name.clone(), spelled(root, &json!({}), member, defaults)));
            }
            written.sort_by(|one, other| other.cmp(one));
            written.dedup_by(|one, other| one.0 == other.0);
            let written: Vec<String> = written.iter().map(|(name, said)| format!("{name:?} :\t{said}")).collect();
            format!("{{\n {}\r\n}}", written.join("\n , "))
        }
        Value::Array(entries) => {
            let items = schemas.iter().map(|schema| &schema["items"]).find(|items| !items.is_null());
            let entry = |entry| spelled(root, items.unwrap_or(&Value::Null), entry, defaults);
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("[ {} ]", entries.join(" , "))
        }
        Value::String(text) => {
            let units: Vec<String> = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
            format!("\"{}\"", units.concat())
        }
        Value::Number(number) if schemas.iter().any(|schema| schema["type"] == "number") => format!("{number}e0"),
        Value::Number(_) | Value::Bool(_) | Value::Null => value.to_string(),
    }
}

#[test]
fn a_command_that_is_written_otherwise_is_the_same_command() {
    let (mut defaults, mut verbs) = (0, 0);
    for kind in registry::kinds() {
        for verb in kind.verbs() {
            let (schema, example) = ((verb.schema)().to_value(), (verb.example)());
            let read = |body: &[u8]| {
                let body = door::read(verb.name, body).unwrap_or_else(|error| panic!("{}: {error}", verb.name));
                let asked = kind.parse(verb.name, &body).unwrap_or_else(|error| panic!("{error}: {body}"));
                Said::new(Role::DutyOfficer, None, verb.name, asked.canonical())
            };
            let plain = read(example.to_string().as_bytes());
            let other = spelled(&schema, &schema, &example, &mut defaults);
            let other = read(other.as_bytes());
            assert_eq!((plain.open, &plain.canonical), (other.open, &other.canonical), "{}: {example}", verb.name);
            verbs += 1;
        }
    }
    assert!(verbs > 50 && defaults > 40, "{verbs} verbs, {defaults} defaults");
}

#[test]
fn who_in_which_role_on_what_and_the_verb_make_another_command() {
    let said = |role, of: Option<u128>, verb| Said::new(role, of.map(Uuid::from_u128), verb, Canonical::default()).open;
    let all = [
        said(Role::DutyOfficer, Some(1), "close-case"),
        said(Role::Supervisor, Some(1), "close-case"),
        said(Role::DutyOfficer, Some(2), "close-case"),
        said(Role::DutyOfficer, None, "close-case"),
        said(Role::DutyOfficer, Some(1), "reopen-case"),
    ];
    for (number, one) in all.iter().enumerate() {
        assert!(!all[..number].contains(one), "{number}");
    }
}
