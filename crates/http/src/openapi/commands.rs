//! The operations of commands, from the JSON Schemas of their bodies.

use std::collections::BTreeMap;

use case::CaseCommand;
use grid::DistrictCommand;
use kernel::Command;
use rules::RulesCommand;
use schemars::Schema;
use serde_json::{Map, Value};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Ref, Required};

use super::examples;
use super::parts::{header, in_header, in_path, json, locked, text, text_as};
use crate::command::TRACEPARENT;
use crate::routes::Family;

/// The bodies of all commands: their schemas as components, and what their documentation says.
pub(super) struct Bodies {
    /// By the name of the component. The names of one aggregate begin with its own, since two may say the same word
    /// and mean different things.
    pub(super) components: Map<String, Value>,
    texts: BTreeMap<&'static str, String>,
}

impl Bodies {
    pub(super) fn read() -> Self {
        let mut bodies = Self { components: Map::new(), texts: BTreeMap::new() };
        bodies.take("case", CaseCommand::schemas());
        bodies.take("district", DistrictCommand::schemas());
        bodies.take("rules", RulesCommand::schemas());
        bodies
    }

    fn take(&mut self, aggregate: &str, schemas: Vec<(&'static str, Schema)>) {
        for (name, schema) in schemas {
            let mut schema = schema.to_value();
            if let Some(schema) = schema.as_object_mut() {
                schema.remove("$schema");
                if let Some(Value::Object(definitions)) = schema.remove("$defs") {
                    definitions.into_iter().for_each(|(name, schema)| self.keep(aggregate, &name, schema));
                }
                let text = schema.get("description").and_then(Value::as_str).unwrap_or(name);
                self.texts.insert(name, text.to_owned());
            }
            self.keep(aggregate, name, schema);
        }
    }

    fn keep(&mut self, aggregate: &str, name: &str, mut schema: Value) {
        redirect(aggregate, &mut schema);
        self.components.insert(component(aggregate, name), schema);
    }
}

/// The name of a component.
fn component(aggregate: &str, name: &str) -> String {
    format!("{aggregate}.{name}")
}

/// Turns references to definitions of a schema into references to components of the document.
fn redirect(aggregate: &str, value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get_mut("$ref")
                && let Some(name) = reference.strip_prefix("#/$defs/")
            {
                *reference = format!("#/components/schemas/{}", component(aggregate, name));
            }
            map.values_mut().for_each(|value| redirect(aggregate, value));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| redirect(aggregate, value)),
        _ => (),
    }
}

/// The operation of one command.
pub(super) fn operation(family: Family, name: &'static str, bodies: &Bodies) -> Operation {
    let (aggregate, tag) = match family {
        Family::NewCase | Family::Case => ("case", "cases"),
        Family::District => ("district", "district"),
        Family::Rules => ("rules", "rules"),
    };
    let text_of_it = bodies.texts.get(name).map_or(name, String::as_str);
    let summary = text_of_it.split(['\n', ':']).next().unwrap_or(name).trim_end_matches('.');
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(component(aggregate, name))))
        .example(examples::of(name))
        .build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
    let id = "A UUID that you make for this command, and send again when you try again";
    let joined = "A UUID that joins everything one outside action causes";
    let mut operation = OperationBuilder::new()
        .operation_id(Some(name))
        .tag(tag)
        .summary(Some(summary))
        .parameter(in_header("Idempotency-Key", id, text_as("uuid"), Required::True))
        .parameter(in_header("Dualgrid-Correlation-Id", joined, text_as("uuid"), Required::False))
        .parameter(in_header(TRACEPARENT, "W3C Trace Context", text(), Required::False))
        .request_body(Some(body));
    let done = |meaning| json(meaning, "Answer").header("ETag", header("The version of the stream after it"));
    operation = match family {
        Family::NewCase => {
            let created = done("The case exists").header("Location", header("Where the case is"));
            operation.response("201", created.build())
        }
        Family::Case => operation
            .parameter(in_path("case", "The case", text_as("uuid")))
            .response("200", done("It is so now").build()),
        Family::District | Family::Rules => operation.response("200", done("It is so now").build()),
    };
    locked(operation, name, text_of_it, &["400", "404", "409", "413", "415", "422"])
}
