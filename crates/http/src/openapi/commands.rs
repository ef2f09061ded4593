//! The operations of commands, from the JSON Schemas of their bodies.

use std::collections::BTreeMap;

use case::CaseCommand;
use grid::DistrictCommand;
use kernel::Command;
use rules::RulesCommand;
use schemars::Schema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::path::{Operation, OperationBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{Ref, Required};

use super::components::{Components, name_of};
use super::examples;
use super::parts::{header, in_header, in_path, json, locked, text, text_as};
use crate::command::TRACEPARENT;
use crate::routes::Family;

/// The bodies of all commands: their schemas as components, and what their documentation says.
pub(super) struct Bodies {
    /// By the name of the component, which begins with that of the aggregate.
    pub(super) components: Components,
    texts: BTreeMap<&'static str, String>,
}

impl Bodies {
    pub(super) fn read() -> Self {
        let mut bodies = Self { components: Components::default(), texts: BTreeMap::new() };
        bodies.take("case", CaseCommand::schemas());
        bodies.take("district", DistrictCommand::schemas());
        bodies.take("rules", RulesCommand::schemas());
        bodies
    }

    fn take(&mut self, aggregate: &str, schemas: Vec<(&'static str, Schema)>) {
        for (name, schema) in schemas {
            let text = self.components.take(aggregate, name, schema);
            self.texts.insert(name, text.unwrap_or_else(|| name.to_owned()));
        }
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
        .schema(Some(Ref::from_schema_name(name_of(aggregate, name))))
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
