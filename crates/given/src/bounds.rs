//! Bounds of texts and lists: what a schema publishes is what a decision keeps.

use kernel::{Command, Role};
use serde_json::{Value, json};

/// Codes of the refusals that name a bound.
const CODES: [&str; 3] = ["text-length", "entry-count", "unfit-text"];

/// A text or a list of a body, with the most that its schema allows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Bound {
    /// Where, as a JSON pointer.
    place: String,
    max: usize,
}

impl Bound {
    /// The command with so much in that place; none where its type does not read that.
    pub(crate) fn filled<C: Command>(&self, command: &C, beyond: usize) -> Option<C> {
        let mut body = command.body();
        let value = body.pointer_mut(&self.place)?;
        *value = match value {
            Value::Array(entries) => json!(vec![entries.last()?.clone(); self.max + beyond]),
            _ => json!("字".repeat(self.max + beyond)),
        };
        C::parse(command.name(), &serde_json::to_vec(&body).ok()?).ok()
    }

    /// Checks what the decision says of as much as is allowed, and of one more: the codes of the refusals.
    #[track_caller]
    pub(crate) fn check(&self, most: Result<(), &str>, more: Result<(), &str>) {
        let Self { place, max } = self;
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

/// The texts and lists in the schemas of commands of people that have no bound, as `verb/member`: there should be none.
pub fn unbounded<C: Command>() -> Vec<String> {
    let is_of_people = |by: kernel::Allowed| by.iter().any(|(role, _)| *role != Role::System);
    let mut found = Vec::new();
    for verb in C::VERBS.iter().filter(|verb| is_of_people(verb.by) && !verb.is_part) {
        let schema = (verb.schema)().to_value();
        look(&schema, &schema, verb.name, &mut found);
    }
    found
}

fn schema_of<C: Command>(name: &str) -> Value {
    C::verb(name).map(|verb| (verb.schema)().to_value()).unwrap_or_default()
}

/// What a reference leads to, and of an optional value what it is where there is one. What stands beside the reference counts too.
fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
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
                found.push(Bound { place: place.clone(), max });
            }
        }
        // A form has a length of its own.
        Value::String(_) if resolved["pattern"].is_null() && resolved["format"].is_null() => {
            if let Some(max) = bound_of(root, schema, "maxLength") {
                found.push(Bound { place: place.clone(), max });
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
        Bound { place: "/reason".into(), max: 500 }
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
        assert_eq!(found, [Bound { place: "/a".into(), max: 7 }, Bound { place: "/b".into(), max: 3 }]);
        let mut none = Vec::new();
        look(&root, &root, "paint", &mut none);
        assert_eq!(none, ["paint/b"], "the entries of the list are without end");
    }
}
