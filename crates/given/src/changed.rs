//! Commands that differ from another one in one field.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use kernel::Command;
use serde_json::{Map, Value, json};

use crate::bounds::resolve;

/// Every command that differs from this one in one value of its body: another text, code, id, number, choice or time, a flag turned
/// over, a list without its last entry.
pub fn changed<C: Command>(command: &C) -> Vec<C> {
    made(command, false)
}

/// Every command that has one member more or less than this one.
pub(crate) fn completed<C: Command>(command: &C) -> Vec<C> {
    made(command, true)
}

fn made<C: Command>(command: &C, completes: bool) -> Vec<C> {
    let verb = C::verb(command.name()).unwrap();
    let (body, schema, example) = (command.body(), (verb.schema)().to_value(), (verb.example)());
    let read = |body: Value| C::parse(command.name(), &body).ok();
    let shape = Shape { root: &schema, schema: &schema, example: &example, completes };
    others(shape, &body).into_iter().filter_map(read).filter(|other| other != command).collect()
}

/// What is published of a value, and what an example has in its place.
#[derive(Clone, Copy)]
struct Shape<'a> {
    root: &'a Value,
    schema: &'a Value,
    example: &'a Value,
    /// Whether members are added and left out, or values changed.
    completes: bool,
}

impl<'a> Shape<'a> {
    fn resolved(self) -> &'a Value {
        resolve(self.root, self.schema)
    }
    fn member(self, name: &str) -> Self {
        Self { schema: &self.resolved()["properties"][name], example: &self.example[name], ..self }
    }
    fn entry(self, at: usize) -> Self {
        Self { schema: &self.resolved()["items"], example: &self.example[at], ..self }
    }
    fn is(self, name: &str) -> bool {
        let of = &self.resolved()["type"];
        of == name || of.as_array().is_some_and(|all| all.contains(&json!(name)))
    }

    /// Something that can stand here, where nothing does.
    fn sample(self) -> Option<Value> {
        if !self.example.is_null() {
            return Some(self.example.clone());
        }
        if let Some(choice) = self.choices().into_iter().next() {
            return Some(choice);
        }
        let resolved = self.resolved();
        if self.is("boolean") {
            return Some(true.into());
        }
        if self.is("integer") {
            return Some(resolved["minimum"].as_u64().unwrap_or(1).max(1).into());
        }
        match resolved["format"].as_str() {
            Some("date-time") => Some("2026-03-01T01:00:00Z".into()),
            Some("date") => Some("2026-03-01".into()),
            None if self.is("string") && resolved["pattern"].is_null() => Some("改".into()),
            _ => None,
        }
    }

    /// The values among which the schema lets choose.
    fn choices(self) -> Vec<Value> {
        let resolved = self.resolved();
        let listed = resolved["enum"].as_array().into_iter().flatten().cloned();
        let alternatives = resolved["oneOf"].as_array().into_iter().flatten();
        listed.chain(alternatives.filter_map(|one| one.get("const").cloned())).collect()
    }
}

/// The value with one thing in it changed, in every way.
fn others(shape: Shape<'_>, value: &Value) -> Vec<Value> {
    match value {
        Value::Array(_) | Value::Object(_) => {}
        _ if shape.completes => return Vec::new(),
        _ => {}
    }
    match value {
        Value::Null => Vec::new(),
        Value::Bool(flag) => vec![Value::Bool(!flag)],
        Value::Number(number) => number.as_f64().map(|float| next(number, float)).into_iter().collect(),
        Value::String(text) => {
            let chosen = shape.choices().into_iter().filter(|choice| choice != value);
            chosen.chain(texts(text)).collect()
        }
        Value::Array(items) => {
            let with = |at: usize, item: Value| {
                let mut items = items.clone();
                items[at] = item;
                Value::Array(items)
            };
            let places = items.iter().enumerate();
            let mut found: Vec<Value> = places
                .flat_map(|(at, item)| others(shape.entry(at), item).into_iter().map(move |item| with(at, item)))
                .collect();
            // An entry that is named twice says nothing new.
            let shorter = items.split_last().filter(|(last, rest)| !shape.completes && !rest.contains(last));
            found.extend(shorter.map(|(_, rest)| Value::Array(rest.to_vec())));
            found
        }
        Value::Object(fields) => members(shape, fields),
    }
}

/// The object with one member changed, added or left out. A time that is left out is the time of the command: the same again, later,
/// is a repeat.
fn members(shape: Shape<'_>, fields: &Map<String, Value>) -> Vec<Value> {
    let with = |name: &String, field: Value| {
        let mut fields = fields.clone();
        fields.insert(name.clone(), field);
        Value::Object(fields)
    };
    let without = |name: &String| {
        let mut fields = fields.clone();
        fields.remove(name);
        Value::Object(fields)
    };
    let changed = |(name, field): (&String, &Value)| {
        let name = name.clone();
        others(shape.member(&name), field).into_iter().map(move |field| with(&name, field)).collect::<Vec<_>>()
    };
    let is_time = |name: &String| shape.member(name).resolved()["format"] == "date-time";
    let known = shape.resolved()["properties"].as_object().into_iter().flatten();
    let absent = known.filter(|(name, _)| fields.get(*name).is_none_or(Value::is_null));
    let added = absent.filter_map(|(name, _)| Some(with(name, shape.member(name).sample()?)));
    let left_out = fields.iter().filter(|(name, field)| !field.is_null() && !is_time(name));
    let completed = added.chain(left_out.map(|(name, _)| without(name))).filter(|_| shape.completes);
    fields.iter().flat_map(changed).chain(completed).collect()
}

fn next(number: &serde_json::Number, float: f64) -> Value {
    match number.as_u64() {
        Some(whole) => (whole + 1).into(),
        None => (float + 0.001).into(),
    }
}

/// Another text, and, where it is a code, a digest or an id, another one of these.
fn texts(text: &str) -> Vec<Value> {
    if let Ok(moment) = text.parse::<DateTime<Utc>>() {
        return vec![json!(moment + TimeDelta::days(1)), json!(moment - TimeDelta::seconds(1))];
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return day.succ_opt().map(|next| json!(next)).into_iter().collect();
    }
    let turned = |last: char| if last == '0' { '1' } else { '0' };
    let mut other = text.to_owned();
    let last = other.pop();
    let other = last.map(|last| format!("{other}{}", turned(last)));
    [Some(format!("{text}改")), other].into_iter().flatten().map(Value::String).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_thing_is_changed_at_a_time() {
        let body = json!({"a": {"b": [1, true]}, "c": "x0", "d": null});
        let shape = Shape { root: &Value::Null, schema: &Value::Null, example: &Value::Null, completes: false };
        let changed = others(shape, &body);
        // What is left out is refused by the type, where it must be there.
        let left_out = others(Shape { completes: true, ..shape }, &body);
        let expected = [
            json!({"a": {}, "c": "x0", "d": null}),
            json!({"c": "x0", "d": null}),
            json!({"a": {"b": [1, true]}, "d": null}),
        ];
        assert_eq!(left_out, expected);
        let expected = [
            json!({"a": {"b": [2, true]}, "c": "x0", "d": null}),
            json!({"a": {"b": [1, false]}, "c": "x0", "d": null}),
            json!({"a": {"b": [1]}, "c": "x0", "d": null}),
            json!({"a": {"b": [1, true]}, "c": "x0改", "d": null}),
            json!({"a": {"b": [1, true]}, "c": "x1", "d": null}),
        ];
        assert_eq!(changed, expected);
    }

    #[test]
    fn times_and_choices_are_changed_and_what_is_absent_is_added() {
        let schema = json!({"properties": {
            "at": {"type": "string", "format": "date-time"},
            "how": {"$ref": "#/$defs/How"},
            "why": {"type": ["string", "null"], "maxLength": 9},
            "many": {"type": "integer", "minimum": 3},
        }, "$defs": {"How": {"oneOf": [{"const": "by_hand"}, {"const": "by_post"}]}}});
        let example = json!({"many": 7});
        let shape = Shape { root: &schema, schema: &schema, example: &example, completes: false };
        let body = json!({"at": "2026-03-01T00:00:00Z", "how": "by_hand"});
        let found = [others(shape, &body), others(Shape { completes: true, ..shape }, &body)].concat();
        let has = |at: &str, value: Value| found.iter().any(|other| other.get(at) == Some(&value));
        assert!(has("at", json!("2026-03-02T00:00:00Z")) && has("at", json!("2026-02-28T23:59:59Z")), "{found:?}");
        assert!(has("how", json!("by_post")) && has("why", json!("改")) && has("many", json!(7)), "{found:?}");
        assert!(found.iter().any(|other| other.get("how").is_none()), "{found:?}");
        assert!(found.iter().all(|other| other.get("at").is_some()), "a time that is left out is no other content");
    }
}
