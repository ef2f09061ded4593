//! Bodies of commands: from an example of the document and from what exists, and from bodies that were sent with one thing
//! changed. Nothing here knows a kind or a command by name.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::document::Document;
use crate::Randomness;

/// How many values of a name are remembered.
const REMEMBERED: usize = 40;

/// Values that exist, by the name of their schema (`GridCode`) or of their field (`member`).
#[derive(Debug, Default)]
pub(super) struct Pools(BTreeMap<String, Vec<Value>>);

impl Pools {
    /// Remembers a value; of too many, the oldest is forgotten.
    pub(super) fn add(&mut self, name: &str, value: Value) {
        let known = self.0.entry(name.to_owned()).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
        if known.len() > REMEMBERED {
            known.remove(0);
        }
    }

    /// Puts one value in the place of all that are known.
    pub(super) fn only(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), vec![value]);
    }

    pub(super) fn pick(&self, name: &str, chance: &mut Randomness) -> Option<Value> {
        let known = self.0.get(name).filter(|known| !known.is_empty())?;
        Some(chance.pick(known).clone())
    }
}

/// A body like an example, with values that exist in the place of its codes, ids and digests.
pub(super) fn like(
    document: &Document,
    schema: &Value,
    example: &Value,
    name: &str,
    pools: &Pools,
    chance: &mut Randomness,
) -> Value {
    let resolved = document.resolve(schema);
    let by_schema = resolved.name.and_then(|name| pools.pick(name, chance));
    if let Some(known) = by_schema.or_else(|| pools.pick(name, chance)).filter(|_| !example.is_null()) {
        return known;
    }
    let choices = document.choices(schema);
    if !choices.is_empty() && !example.is_null() && chance.happens(60) {
        return (*chance.pick(&choices)).clone();
    }
    match example {
        Value::Object(members) => {
            let of = |name: &str| document.member(schema, name).unwrap_or(&Value::Null);
            let member =
                |(name, value): (&String, &Value)| (name.clone(), like(document, of(name), value, name, pools, chance));
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(entries) => {
            let of = document.entry(schema).unwrap_or(&Value::Null);
            Value::Array(entries.iter().map(|entry| like(document, of, entry, name, pools, chance)).collect())
        }
        other => other.clone(),
    }
}

/// A value somewhere in a body, by the names and numbers that lead there.
type Place = Vec<String>;

/// The body with one value changed to another one of its kind, which is as good; none where nothing can be changed.
pub(super) fn with_one_changed(
    document: &Document,
    schema: &Value,
    body: &Value,
    pools: &Pools,
    chance: &mut Randomness,
) -> Option<Value> {
    let mut places = Vec::new();
    leaves(body, &mut Vec::new(), &mut places);
    if places.is_empty() {
        return None;
    }
    let place = chance.pick(&places).clone();
    let mut of = schema;
    for step in &place {
        of = document.member(of, step).or_else(|| document.entry(of)).unwrap_or(&Value::Null);
    }
    let mut changed = body.clone();
    let leaf = changed.pointer_mut(&pointer(&place))?;
    let other = other(document, of, leaf, pools, chance)?;
    if *leaf == other {
        return None;
    }
    *leaf = other;
    Some(changed)
}

/// The body with something in it that does not fit: a member missing, too many, of another type, or a value that is too much.
pub(super) fn broken(body: &Value, chance: &mut Randomness) -> Value {
    let mut broken = body.clone();
    let Some(members) = broken.as_object_mut() else { return json!([]) };
    let names: Vec<String> = members.keys().cloned().collect();
    if names.is_empty() {
        members.insert("unknown".to_owned(), json!(1));
        return broken;
    }
    let name = chance.pick(&names).clone();
    match chance.below(8) {
        0 => drop(members.remove(&name)),
        1 => drop(members.insert("unknown".to_owned(), json!(1))),
        2 => drop(members.insert(name, json!({ "another": ["type"] }))),
        3 => drop(members.insert(name, json!("字".repeat(12_000)))),
        4 => drop(members.insert(name, json!(""))),
        5 => drop(members.insert(name, json!(-1))),
        6 => drop(members.insert(name, json!(vec![json!("甲"); 300]))),
        _ => drop(members.insert(name, Value::Null)),
    }
    broken
}

fn pointer(place: &[String]) -> String {
    let escaped = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
    place.iter().map(escaped).collect()
}

/// Where in a body texts, numbers and flags are.
fn leaves(value: &Value, at: &mut Place, found: &mut Vec<Place>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                at.push(name.clone());
                leaves(member, at, found);
                at.pop();
            }
        }
        Value::Array(entries) => {
            for (number, entry) in entries.iter().enumerate() {
                at.push(number.to_string());
                leaves(entry, at, found);
                at.pop();
            }
        }
        Value::Null => {}
        Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(at.clone()),
    }
}

fn other(document: &Document, schema: &Value, value: &Value, pools: &Pools, chance: &mut Randomness) -> Option<Value> {
    let choices: Vec<&Value> = document.choices(schema).into_iter().filter(|choice| *choice != value).collect();
    if !choices.is_empty() {
        return Some((*chance.pick(&choices)).clone());
    }
    let resolved = document.resolve(schema);
    match value {
        Value::Bool(flag) => Some(json!(!flag)),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(json!(whole + 1)),
            None => number.as_f64().map(|number| json!(number + 0.001)),
        },
        Value::String(text) => {
            if let Some(known) = resolved.name.and_then(|name| pools.pick(name, chance)) {
                return Some(known);
            }
            let is_plain = resolved.schema.get("pattern").is_none() && resolved.schema.get("format").is_none();
            is_plain.then(|| json!(format!("{text}改")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        let code = json!({ "type": "string", "pattern": "^[A-Z]+$" });
        Document::new(json!({ "components": { "schemas": { "a.GridCode": code } } }))
    }

    fn schema() -> Value {
        json!({ "properties": {
            "grid": { "$ref": "#/components/schemas/a.GridCode" },
            "way": { "enum": ["on", "back"] },
            "parts": { "type": "array", "items": { "properties": { "text": { "type": "string" } } } },
        } })
    }

    #[test]
    fn what_exists_takes_the_place_of_what_the_example_names() {
        let mut pools = Pools::default();
        pools.add("GridCode", json!("HERE"));
        pools.add("text", json!("known"));
        let example = json!({ "grid": "THERE", "parts": [{ "text": "x" }], "other": 7 });
        let made = like(&document(), &schema(), &example, "", &pools, &mut Randomness::from_seed(1));
        assert_eq!(made, json!({ "grid": "HERE", "parts": [{ "text": "known" }], "other": 7 }));
    }

    #[test]
    fn one_thing_is_changed_to_another_of_its_kind() {
        let mut pools = Pools::default();
        pools.add("GridCode", json!("THERE"));
        let body = json!({ "grid": "HERE", "way": "on", "parts": [{ "text": "x" }] });
        let mut seen = std::collections::BTreeSet::new();
        let mut chance = Randomness::from_seed(1);
        for _ in 0..50 {
            seen.insert(with_one_changed(&document(), &schema(), &body, &pools, &mut chance).unwrap().to_string());
        }
        let expected = [
            json!({ "grid": "THERE", "way": "on", "parts": [{ "text": "x" }] }),
            json!({ "grid": "HERE", "way": "back", "parts": [{ "text": "x" }] }),
            json!({ "grid": "HERE", "way": "on", "parts": [{ "text": "x改" }] }),
        ];
        assert_eq!(seen, expected.map(|body| body.to_string()).into());
    }
}
