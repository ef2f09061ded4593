//! Places in the bodies of commands, by what their schemas say stands there.

use std::collections::BTreeSet;

use kernel::VerbSpec;
use serde_json::{Value, json};

/// The places in a body at which a value of one of these formats stands, as JSON pointers; 0 is any place in a list.
pub(crate) fn fields_of(verb: &VerbSpec, formats: &[&str]) -> Vec<String> {
    let schema = (verb.schema)().to_value();
    let mut found = BTreeSet::new();
    walk(&schema, &schema, formats, "", 0, &mut found);
    found.into_iter().collect()
}

fn walk(root: &Value, schema: &Value, formats: &[&str], at: &str, depth: usize, found: &mut BTreeSet<String>) {
    // No body is nested so deeply; a schema may refer to itself.
    if depth > 16 {
        return;
    }
    let mut further = |schema: &Value, at: &str| walk(root, schema, formats, at, depth + 1, &mut *found);
    if let Some(target) = schema["$ref"].as_str().and_then(|path| root.pointer(path.trim_start_matches('#'))) {
        further(target, at);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        further(field, &format!("{at}/{name}"));
    }
    if schema["items"].is_object() {
        further(&schema["items"], &format!("{at}/0"));
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        schema[choice].as_array().into_iter().flatten().for_each(|one| further(one, at));
    }
    if schema["format"].as_str().is_some_and(|format| formats.contains(&format)) {
        found.insert(at.to_owned());
    }
}

/// A body in which this value stands at this place; what is not there is made.
pub(crate) fn with(mut body: Value, at: &str, value: &Value) -> Value {
    let mut place = &mut body;
    for step in at.trim_start_matches('/').split('/') {
        if step == "0" {
            if place.get(0).is_none() {
                *place = json!([null]);
            }
            place = &mut place[0];
        } else {
            if place.is_null() {
                *place = json!({});
            }
            place = &mut place[step];
        }
    }
    *place = value.clone();
    body
}
