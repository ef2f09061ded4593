//! Bounds of texts and lists: what a schema publishes is what a decision keeps.

use std::collections::BTreeSet;
use std::sync::Mutex;

use kernel::{Command, VerbSpec};
use serde_json::{Value, json};

/// Codes of the refusals that name a bound.
const CODES: [&str; 3] = ["text-length", "entry-count", "too-deep"];

/// A list of more entries is filled once in a process and not in every test: it takes tenths of a second.
const FILLED_ALWAYS_MAX: usize = 500;

/// The long lists that this process has filled, as verb and place.
static FILLED: Mutex<BTreeSet<(&str, String)>> = Mutex::new(BTreeSet::new());

/// A text or a list of a body, with the most that its schema allows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Where, as a JSON pointer.
    place: String,
    max: usize,
    is_list: bool,
}

impl Bound {
    /// The command with so much in that place; none where its type does not read that.
    pub(crate) fn filled<C: Command>(&self, command: &C, beyond: usize) -> Option<C> {
        let body = command.body();
        let count = self.max + beyond;
        let fillings = match body.pointer(&self.place)? {
            Value::Array(entries) => entries_like(entries.last()?, count),
            _ => vec![json!("字".repeat(count))],
        };
        fillings.into_iter().find_map(|filling| {
            let mut body = body.clone();
            *body.pointer_mut(&self.place)? = filling;
            let filled = C::parse(command.name(), &body).ok()?;
            // A set counts what is named twice once.
            let kept = filled.body().pointer(&self.place)?.as_array().map(Vec::len);
            kept.is_none_or(|kept| kept == count).then_some(filled)
        })
    }

    /// Whether it is to be filled now: a long list once in a process.
    pub(crate) fn is_due(&self, verb: &'static str) -> bool {
        let is_new = || FILLED.lock().is_ok_and(|mut filled| filled.insert((verb, self.place.clone())));
        self.max <= FILLED_ALWAYS_MAX || !self.is_list || is_new()
    }

    /// Checks what the decision says of as much as is allowed, and of one more: the codes of the refusals.
    #[track_caller]
    pub(crate) fn check(&self, most: Result<(), &str>, more: Result<(), &str>) {
        let Self { place, max, .. } = self;
        let names_a_bound = |said: Result<(), &str>| said.is_err_and(|code| CODES.contains(&code));
        assert!(!names_a_bound(most), "{place} may have {max} by its schema, and the decision says {most:?}");
        let is_kept = names_a_bound(more) || (more.is_err() && more == most);
        assert!(is_kept, "{place} has more than the {max} of its schema, and the decision says {more:?}");
    }
}

/// Every text and list of a command that has something in it and a bound.
pub(crate) fn bounds<C: Command>(command: &C) -> Vec<Bound> {
    let schema = schema_of::<C>(command.name());
    let mut found = Vec::new();
    gather(&schema, &schema, &command.body(), &mut String::new(), &mut found);
    found
}

/// The texts and lists in the schemas of these verbs that have no bound, as `verb/member`: there should be none.
pub fn unbounded(verbs: &[VerbSpec]) -> Vec<String> {
    let mut found = Vec::new();
    for verb in verbs {
        let schema = (verb.schema)().to_value();
        look(&schema, &schema, verb.name, &mut found);
    }
    found
}

/// Lists of so many entries like this one, to be tried in turn: the same again and again, and texts that differ.
fn entries_like(entry: &Value, count: usize) -> Vec<Value> {
    let mut fillings = vec![json!(vec![entry.clone(); count])];
    if let Some(text) = entry.as_str() {
        let stem = text.trim_end_matches(|char: char| char.is_ascii_digit());
        let width = text.len() - stem.len();
        for (stem, width) in [(stem, width), (stem, 1), (text, 5)] {
            fillings.push((0..count).map(|number| json!(format!("{stem}{number:0width$}"))).collect());
        }
    }
    fillings
}

fn schema_of<C: Command>(name: &str) -> Value {
    C::verb(name).map(|verb| (verb.schema)().to_value()).unwrap_or_default()
}

/// What a reference leads to, and of an optional value what it is where there is one. What stands beside the reference counts too.
pub(crate) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let some = schema["anyOf"].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null"));
    let target = schema["$ref"].as_str().and_then(|reference| root.pointer(reference.trim_start_matches('#')));
    match some.or(target) {
        Some(next) => resolve(root, next),
        None => schema,
    }
}

fn bound_of(root: &Value, schema: &Value, name: &str) -> Option<usize> {
    let bound = schema.get(name).or_else(|| resolve(root, schema).get(name))?;
    usize::try_from(bound.as_u64()?).ok()
}

fn gather(root: &Value, schema: &Value, value: &Value, place: &mut String, found: &mut Vec<Bound>) {
    let resolved = resolve(root, schema);
    let mut below = |schema: &Value, value: &Value, step: &str, place: &mut String| {
        let length = place.len();
        place.push('/');
        place.push_str(step);
        gather(root, schema, value, place, found);
        place.truncate(length);
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                below(&resolved["properties"][name], member, name, place);
            }
        }
        Value::Array(entries) => {
            // What holds for one entry holds for all: a district has hundreds.
            for (number, entry) in entries.iter().enumerate().take(1) {
                below(&resolved["items"], entry, &number.to_string(), place);
            }
            if let Some(max) = bound_of(root, schema, "maxItems").filter(|_| !entries.is_empty()) {
                found.push(Bound { place: place.clone(), max, is_list: true });
            }
        }
        // A form has a length of its own.
        Value::String(_) if resolved["pattern"].is_null() && resolved["format"].is_null() => {
            if let Some(max) = bound_of(root, schema, "maxLength") {
                found.push(Bound { place: place.clone(), max, is_list: false });
            }
        }
        _ => {}
    }
}

fn look(root: &Value, schema: &Value, place: &str, found: &mut Vec<String>) {
    let resolved = resolve(root, schema);
    let is = |name: &str| {
        resolved["type"] == name || resolved["type"].as_array().is_some_and(|of| of.contains(&json!(name)))
    };
    let has_form = ["pattern", "format", "const", "enum"].iter().any(|name| !resolved[*name].is_null());
    if is("string") && !has_form && bound_of(root, schema, "maxLength").is_none() {
        found.push(place.to_owned());
    }
    if is("array") {
        if bound_of(root, schema, "maxItems").is_none() {
            found.push(place.to_owned());
        }
        look(root, &resolved["items"], place, found);
    }
    for (name, member) in resolved["properties"].as_object().into_iter().flatten() {
        look(root, member, &format!("{place}/{name}"), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound() -> Bound {
        Bound { place: "/reason".into(), max: 500, is_list: false }
    }

    #[test]
    fn a_bound_is_kept_where_one_more_is_refused_for_it() {
        bound().check(Ok(()), Err("text-length"));
        bound().check(Err("wrong-stage"), Err("text-length"));
        bound().check(Err("wrong-stage"), Err("wrong-stage"));
    }

    #[test]
    #[should_panic(expected = "/reason has more than the 500 of its schema")]
    fn a_bound_that_the_decision_does_not_keep_is_noticed() {
        bound().check(Ok(()), Ok(()));
    }

    #[test]
    #[should_panic(expected = "/reason may have 500 by its schema")]
    fn a_bound_that_the_decision_draws_closer_is_noticed() {
        bound().check(Err("text-length"), Err("text-length"));
    }

    #[test]
    fn bounds_are_found_behind_what_is_optional_and_beside_a_reference() {
        let root = json!({
            "properties": {
                "a": { "anyOf": [{ "$ref": "#/$defs/Text" }, { "type": "null" }], "maxLength": 7 },
                "b": { "type": "array", "maxItems": 3, "items": { "type": "string" } },
                "c": { "type": "string", "format": "uuid" },
            },
            "$defs": { "Text": { "type": "string" } },
        });
        let mut found = Vec::new();
        gather(&root, &root, &json!({ "a": "x", "b": ["y"], "c": "z" }), &mut String::new(), &mut found);
        let bound = |place: &str, max, is_list| Bound { place: place.into(), max, is_list };
        assert_eq!(found, [bound("/a", 7, false), bound("/b", 3, true)]);
        let mut none = Vec::new();
        look(&root, &root, "paint", &mut none);
        assert_eq!(none, ["paint/b"], "the entries of the list are without end");
    }
}
