//! The commands that the served OpenAPI document offers. Nothing here knows a kind or a command by name.

use anyhow::Context as _;
use serde_json::{Map, Value};

/// A command.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    /// Its name, for example `accept-order`.
    pub(super) verb: String,
    /// Its route, for example `/cases/{case}/accept-order`.
    pub(super) path: String,
    /// The kind that it is about, for example `case`.
    pub(super) kind: String,
    /// Whether it begins one of its kind.
    pub(super) begins: bool,
    /// The roles that may give it, as its description says.
    pub(super) roles: Vec<String>,
    schema: Value,
    example: Value,
}

impl Operation {
    /// Whether it is sent about one of several, whose id stands in the path.
    pub(super) fn is_about_one(&self) -> bool {
        self.path.contains('{')
    }

    /// A body that its documentation shows.
    pub(super) fn example(&self) -> &Value {
        &self.example
    }

    /// The schema of its body.
    pub(super) fn schema(&self) -> &Value {
        &self.schema
    }
}

/// The document.
#[derive(Debug)]
pub(super) struct Document(Value);

/// A schema without its references: what it says, and the last name that led to it, for example `GridCode`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resolved<'a> {
    pub(super) schema: &'a Value,
    pub(super) name: Option<&'a str>,
}

impl Document {
    pub(super) fn new(document: Value) -> Self {
        Self(document)
    }

    /// Every command.
    pub(super) fn operations(&self) -> anyhow::Result<Vec<Operation>> {
        let paths = self.0["paths"].as_object().context("a document without paths")?;
        paths.iter().filter_map(|(path, methods)| of(path, methods.get("post")?).transpose()).collect()
    }

    /// Every route that is read, with its parameters; without those that are named.
    pub(super) fn readings(&self, without: &[&str]) -> Vec<(String, Value)> {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let reading =
            |(path, methods): (&String, &Value)| Some((path.clone(), methods.get("get")?["parameters"].clone()));
        paths.filter_map(reading).filter(|(path, _)| !without.contains(&path.as_str())).collect()
    }

    /// Follows references, and of the alternatives of an optional value takes the one that is none of `null`.
    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> Resolved<'a> {
        let mut found = Resolved { schema, name: None };
        loop {
            let next = if let Some(reference) = found.schema["$ref"].as_str() {
                found.name = reference.rsplit(['/', '.']).next();
                self.0.pointer(reference.trim_start_matches('#'))
            } else {
                let alternatives = found.schema["anyOf"].as_array();
                alternatives.and_then(|all| all.iter().find(|one| one["type"] != "null"))
            };
            match next {
                Some(next) => found.schema = next,
                None => return found,
            }
        }
    }

    /// The schema of a member of an object.
    pub(super) fn member<'a>(&'a self, schema: &'a Value, name: &str) -> Option<&'a Value> {
        self.resolve(schema).schema["properties"].get(name)
    }

    /// The schema of the entries of a list.
    pub(super) fn entry<'a>(&'a self, schema: &'a Value) -> Option<&'a Value> {
        self.resolve(schema).schema.get("items")
    }

    /// The values among which a schema lets choose.
    pub(super) fn choices<'a>(&'a self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.resolve(schema).schema;
        let constants = schema["oneOf"].as_array().into_iter().flatten().filter_map(|one| one.get("const"));
        constants.chain(schema["enum"].as_array().into_iter().flatten()).collect()
    }

    /// The body without what says nothing: `null`, and values that are meant where none is given. Lists of texts are in order,
    /// because several of them are sets.
    pub(super) fn canonical(&self, schema: &Value, body: &Value) -> Value {
        match body {
            Value::Object(members) => {
                let mut kept = Map::new();
                for (name, member) in members {
                    let of = self.member(schema, name);
                    let canonical = of.map_or_else(|| member.clone(), |of| self.canonical(of, member));
                    let says_nothing = canonical.is_null()
                        || canonical == Value::Array(Vec::new())
                        || of.is_some_and(|of| of.get("default") == Some(&canonical));
                    if !says_nothing {
                        kept.insert(name.clone(), canonical);
                    }
                }
                Value::Object(kept)
            }
            Value::Array(entries) => {
                let of = self.entry(schema).unwrap_or(&Value::Null);
                let mut entries: Vec<Value> = entries.iter().map(|entry| self.canonical(of, entry)).collect();
                if entries.iter().all(Value::is_string) {
                    entries.sort_by(|one, other| one.as_str().cmp(&other.as_str()));
                }
                Value::Array(entries)
            }
            other => other.clone(),
        }
    }
}

/// The command of a route; none where the route takes no JSON.
fn of(path: &str, post: &Value) -> anyhow::Result<Option<Operation>> {
    let media = &post["requestBody"]["content"]["application/json"];
    if media.is_null() {
        return Ok(None);
    }
    let verb = post["operationId"].as_str().context("an operation without an id")?.to_owned();
    let reference = media["schema"]["$ref"].as_str().with_context(|| format!("{verb} has no schema"))?;
    let component = reference.rsplit('/').next().unwrap_or_default();
    let kind = component.split('.').next().unwrap_or_default().to_owned();
    Ok(Some(Operation {
        path: path.to_owned(),
        kind,
        begins: post["responses"]["201"].is_object(),
        roles: roles(post["description"].as_str().unwrap_or_default()),
        schema: media["schema"].clone(),
        example: media["example"].clone(),
        verb,
    }))
}

/// The roles in ``Allowed to: `duty_officer` in its grid and below, `dispatcher` …``.
fn roles(description: &str) -> Vec<String> {
    let Some((_, allowed)) = description.rsplit_once("Allowed to: ") else { return Vec::new() };
    allowed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Document {
        Document::new(json!({
            "paths": {
                "/things/{thing}/paint": { "post": {
                    "operationId": "paint",
                    "description": "Paints it.\n\nAllowed to: `painter` in its grid and below, `owner` for what it owns.",
                    "requestBody": { "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/thing.paint" },
                        "example": { "colour": "red" },
                    } } },
                    "responses": { "200": {} },
                } },
                "/evidence": { "post": { "requestBody": { "content": { "image/png": {} } } } },
            },
            "components": { "schemas": {
                "thing.paint": { "properties": {
                    "colour": { "anyOf": [{ "$ref": "#/components/schemas/thing.Colour" }, { "type": "null" }] },
                    "coats": { "type": "integer", "default": 1 },
                    "by": { "type": "array", "items": { "type": "string" } },
                } },
                "thing.Colour": { "oneOf": [{ "const": "red" }, { "const": "green" }] },
            } },
        }))
    }

    #[test]
    fn a_command_is_read_with_its_roles() {
        let found = document().operations().unwrap();
        let [paint] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((paint.verb.as_str(), paint.kind.as_str(), paint.begins), ("paint", "thing", false));
        assert_eq!(paint.roles, ["painter", "owner"]);
        assert!(paint.is_about_one());
    }

    #[test]
    fn a_choice_is_found_behind_what_is_optional() {
        let document = document();
        let found = document.operations().unwrap();
        let colour = document.member(found[0].schema(), "colour").unwrap();
        assert_eq!(document.resolve(colour).name, Some("Colour"));
        assert_eq!(document.choices(colour), [&json!("red"), &json!("green")]);
    }

    #[test]
    fn what_says_nothing_makes_no_other_body() {
        let document = document();
        let schema = document.operations().unwrap()[0].schema().clone();
        let canonical = |body| document.canonical(&schema, &body);
        let plain = json!({ "colour": "red", "by": ["a", "b"] });
        assert_eq!(canonical(json!({ "colour": "red", "coats": 1, "by": ["b", "a"] })), plain);
        assert_eq!(canonical(json!({ "colour": "red", "coats": 2, "by": [] })), json!({ "colour": "red", "coats": 2 }));
        assert_eq!(canonical(json!({ "colour": null })), json!({}));
    }
}
