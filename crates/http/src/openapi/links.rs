//! Links: from what an answer names to what can be asked about it or done with it, so that a program finds its way from the
//! document alone.

use app::kind::Kind;
use app::registry;
use app::shown::Shown;
use serde_json::{Map, Value, json};

use crate::routes::{self, Endpoint, Method, Route};

/// Adds the links to a document that has all of its operations.
pub(super) fn add(document: &mut Value) {
    let mut links = Map::new();
    let table = routes::table();
    let mut found: Vec<(&Route, Vec<String>)> = Vec::new();
    for route in &table {
        let named = match route.endpoint {
            Endpoint::Command(kind, verb) => of_command(kind, verb.begins, &table, &mut links),
            Endpoint::Rows(view) => of_rows(view, &mut links),
            Endpoint::Events => keep(&mut links, "events.read-event", "read-event", "position", "items/0/position"),
            Endpoint::PutEvidence => {
                keep(&mut links, "upload-evidence.read-evidence", "read-evidence", "sha256", "sha256")
            }
            _ => Vec::new(),
        };
        found.push((route, named));
    }
    for (route, named) in found {
        let method = if route.method == Method::Get { "get" } else { "post" };
        let responses = &mut document["paths"][&route.path][method]["responses"];
        let done = if responses["201"].is_object() { "201" } else { "200" };
        for link in named {
            let operation = links[&link]["operationId"].as_str().unwrap_or(&link).to_owned();
            responses[done]["links"][operation] = json!({ "$ref": format!("#/components/links/{link}") });
        }
    }
    document["components"]["links"] = Value::Object(links);
}

/// What began can be read, and every command of its kind can be given about it. After any other command it can be read again.
fn of_command(kind: &dyn Kind, begins: bool, table: &[Route], links: &mut Map<String, Value>) -> Vec<String> {
    let mut named = keep(links, "command.read-outcome", "read-outcome", "command", "command");
    if kind.is_single() {
        return named;
    }
    let parameter = format!("{{{}}}", kind.category());
    for route in table.iter().filter(|route| route.path.split('/').any(|part| part == parameter)) {
        let is_reading = route.method == Method::Get;
        if let Some(action) = route.endpoint.action().filter(|_| begins || is_reading) {
            named.extend(keep(links, &format!("{}.{action}", kind.category()), action, kind.category(), "id"));
        }
    }
    named
}

/// The first row of a page, where its key stands in it under the name of its kind.
fn of_rows(view: &dyn Shown, links: &mut Map<String, Value>) -> Vec<String> {
    let key = routes::key_of(view);
    let is_in_row = registry::kind(key).is_ok() && view.schema().pointer(&format!("/properties/{key}")).is_some();
    if !is_in_row {
        return Vec::new();
    }
    keep(links, &format!("{}.first", view.path()), view.action(), key, &format!("items/0/{key}"))
}

/// Keeps a link as a component: to an operation, with one parameter from a place in the answer. Answers its name.
fn keep(links: &mut Map<String, Value>, name: &str, operation: &str, parameter: &str, place: &str) -> Vec<String> {
    let from = format!("$response.body#/{place}");
    links.insert(name.to_owned(), json!({ "operationId": operation, "parameters": { parameter: from } }));
    vec![name.to_owned()]
}
