//! The operations of commands, from the JSON Schemas of their bodies.

use std::collections::BTreeMap;

use app::kind::Kind;
use app::registry;
use kernel::VerbSpec;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Ref, Required};

use super::components::{Components, name_of};
use super::parts::{header, in_header, in_path, json, locked, text, text_as};
use super::schemas::ANSWER;
use crate::command::TRACEPARENT;

/// The bodies of all commands: their schemas as components, and what their documentation says.
pub(super) struct Bodies {
    /// By the name of the component, which begins with that of the aggregate.
    pub(super) components: Components,
    texts: BTreeMap<&'static str, String>,
}

impl Bodies {
    pub(super) fn read() -> Self {
        let mut bodies = Self { components: Components::default(), texts: BTreeMap::new() };
        for kind in registry::kinds() {
            for verb in kind.verbs().iter().filter(|verb| !verb.is_part) {
                let text = bodies.components.take(kind.category(), verb.name, (verb.schema)());
                bodies.texts.insert(verb.name, text.unwrap_or_else(|| verb.name.to_owned()));
            }
        }
        bodies
    }
}

/// The operation of one command.
pub(super) fn operation(kind: &dyn Kind, verb: &VerbSpec, bodies: &Bodies) -> Operation {
    let name = verb.name;
    let text_of_it = bodies.texts.get(name).map_or(name, String::as_str);
    let summary = text_of_it.split(['\n', ':']).next().unwrap_or(name).trim_end_matches('.');
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(name_of(kind.category(), name))))
        .example(Some((verb.example)()))
        .build();
    let body = RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True)).build();
    let id = "A UUID that you make for this command, and send again when you try again";
    let joined = "A UUID that joins everything one outside action causes";
    let operation = OperationBuilder::new()
        .operation_id(Some(name))
        .tag(kind.plural())
        .summary(Some(summary))
        .parameter(in_header("Idempotency-Key", id, text_as("uuid"), Required::True))
        .parameter(in_header("Dualgrid-Correlation-Id", joined, text_as("uuid"), Required::False))
        .parameter(in_header(TRACEPARENT, "W3C Trace Context", text(), Required::False))
        .parameter(in_header(
            "If-Match",
            "The ETag of what you have seen; 412 where it has changed",
            text(),
            Required::False,
        ))
        .request_body(Some(body));
    let done = |meaning| json(meaning, ANSWER).header("ETag", header("The version of the stream after the command"));
    let operation = if verb.begins {
        operation.response("201", done("Created").header("Location", header("Where it is")).build())
    } else if kind.is_single() {
        operation.response("200", done("Done").build())
    } else {
        let id = in_path(kind.category(), "Its id", text_as("uuid"));
        operation.parameter(id).response("200", done("Done").build())
    };
    locked(operation, verb.by, text_of_it, &["400", "404", "408", "409", "410", "412", "413", "415", "422"])
}
