//! Schemas as components of the document: what schemars puts below `$defs` gets a place of its own.

use schemars::Schema;
use serde_json::{Map, Value};

/// Component schemas by name.
///
/// Names begin with where they come from, since two places may say the same word and mean different things: what a
/// command takes and what a view shows are not written under the same rules either.
#[derive(Default)]
pub(super) struct Components(Map<String, Value>);

impl Components {
    /// Takes a schema with everything it refers to. Answers its description.
    pub(super) fn take(&mut self, origin: &str, name: &str, schema: Schema) -> Option<String> {
        let mut schema = schema.to_value();
        let mut text = None;
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("$schema");
            if let Some(Value::Object(definitions)) = schema.remove("$defs") {
                definitions.into_iter().for_each(|(name, schema)| self.keep(origin, &name, schema));
            }
            text = schema.get("description").and_then(Value::as_str).map(str::to_owned);
        }
        self.keep(origin, name, schema);
        text
    }

    fn keep(&mut self, origin: &str, name: &str, mut schema: Value) {
        redirect(origin, &mut schema);
        let name = name_of(origin, name);
        // Of two that are called the same, one would be published for both.
        debug_assert!(self.0.get(&name).is_none_or(|known| *known == schema), "{name} names two schemas");
        self.0.insert(name, schema);
    }
}

impl From<Components> for Map<String, Value> {
    fn from(components: Components) -> Self {
        components.0
    }
}

/// The name of a component.
pub(super) fn name_of(origin: &str, name: &str) -> String {
    format!("{origin}.{name}")
}

/// Turns references to definitions of a schema into references to components of the document.
fn redirect(origin: &str, value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/$defs/")
            {
                *reference = format!("#/components/schemas/{}", name_of(origin, name));
            }
            map.values_mut().for_each(|value| redirect(origin, value));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redirect(origin, value)),
        _ => (),
    }
}

#[cfg(test)]
mod tests {
    use schemars::json_schema;

    use super::*;

    #[test]
    #[should_panic(expected = "view.Entry names two schemas")]
    fn of_two_schemas_with_one_name_none_is_published_for_both() {
        let mut components = Components::default();
        components.take("view", "Entry", json_schema!({ "type": "object" }));
        components.take("view", "Entry", json_schema!({ "type": "object" }));
        components.take("command", "Entry", json_schema!({ "type": "string" }));
        components.take("view", "Entry", json_schema!({ "type": "string" }));
    }
}
