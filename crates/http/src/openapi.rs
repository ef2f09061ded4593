//! The OpenAPI 3.1 document: made from the table of routes and the JSON Schemas of the commands.

mod commands;
mod components;
mod links;
mod parts;
mod queries;
mod schemas;

use app::registry;
use serde_json::{Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::{Tag, TagBuilder};
use utoipa::openapi::{ComponentsBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApiBuilder, Paths};

use crate::routes::{self, Endpoint, Method};

/// The name of the one security scheme.
const BEARER: &str = "bearer";

const DESCRIPTION: &str = "\
dualgrid records every step of one neighbourhood issue, discover → deliberate → respond → dispose → feedback \
(发现 → 共议 → 响应 → 处置 → 反馈), as immutable events.\n\n\
A command is a POST with a client-made `Idempotency-Key`: the same key again gives the same answer, however its JSON is \
written, and the same key with other content is refused. Keys are the caller's own. \
Lists follow the log within moments (`Dualgrid-View-Position` says how far); \
one aggregate, its history and `GET /commands/{command}` are read from the log itself.\n\n\
Every error is a problem (RFC 9457) with a stable `code`. A command is answered within ten seconds. A 503 may be sent \
again, with the same key; `outcome-unknown` among them says that the command may have been recorded.\n\n\
Rows of a list may move while it is read page by page: a row may come twice, and the last one counts; none is missed.";

/// The tags that are no kind.
const TAGS: [(&str, &str); 3] = [
    ("events", "The log, as it grows"),
    ("evidence", "Files that prove something"),
    ("operation", "For operators; without a token, apart from the outcome of a command"),
];

/// The document. The same for every installation.
///
/// # Panics
/// Never: it is made of texts and maps, and tests make all of it.
pub fn document() -> Value {
    let bodies = commands::Bodies::read();
    let mut paths = Paths::new();
    for route in routes::table() {
        let operation = match route.endpoint {
            Endpoint::Command(kind, verb) => commands::operation(kind, verb, &bodies),
            other => queries::operation(other),
        };
        paths.add_path_operation(&route.path, vec![http_method(route.method)], operation);
    }
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("`dualgrid token issue` makes one: a JWT signed with EdDSA"))
        .build();
    let components = ComponentsBuilder::new().security_scheme(BEARER, SecurityScheme::Http(scheme));
    let components = components.responses_from_iter(parts::problems()).build();
    let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("dualgrid")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license))
        .build();
    let kinds = registry::kinds().iter().map(|kind| (kind.plural(), kind.about()));
    let tag = |(name, text)| TagBuilder::new().name(name).description(Some(text)).build();
    let tags: Vec<Tag> = kinds.chain(TAGS).map(tag).collect();
    let document = OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).tags(Some(tags)).build();
    let mut document = serde_json::to_value(document).expect("a document of texts and maps is JSON");
    // Put in last, as JSON: the builders know fewer keywords of JSON Schema than the schemas of the domain use.
    document["components"]["schemas"] = schemas::all(bodies.components);
    links::add(&mut document);
    document["jsonSchemaDialect"] = json!("https://json-schema.org/draft/2020-12/schema");
    document
}

const fn http_method(method: Method) -> HttpMethod {
    match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn operations(document: &Value) -> Vec<(String, String, Value)> {
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                found.push((path.clone(), method.clone(), operation.clone()));
            }
        }
        found
    }

    fn refs<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                into.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| refs(value, into));
            }
            Value::Array(values) => values.iter().for_each(|value| refs(value, into)),
            _ => (),
        }
    }

    #[test]
    fn every_route_is_in_the_document_and_nothing_else_is() {
        let method = |method| match method {
            Method::Get => "get".to_owned(),
            Method::Post => "post".to_owned(),
        };
        let routed: BTreeSet<_> = routes::table().into_iter().map(|route| (route.path, method(route.method))).collect();
        let document = document();
        let documented: BTreeSet<_> =
            operations(&document).into_iter().map(|(path, method, _)| (path, method)).collect();
        assert_eq!(routed, documented);
    }

    #[test]
    fn every_operation_is_named_once_and_says_what_it_needs() {
        let document = document();
        let mut ids = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            assert!(
                ids.insert(operation["operationId"].as_str().unwrap().to_owned()),
                "{path} has the name of another"
            );
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["responses"].as_object().is_some_and(|responses| !responses.is_empty()), "{path}");
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let parameters = operation["parameters"].as_array().unwrap();
                let is_it = |parameter: &Value| parameter["name"] == part && parameter["in"] == "path";
                assert!(parameters.iter().any(is_it), "{path} does not explain {part}");
            }
        }
    }

    #[test]
    fn what_needs_a_token_says_so_and_what_does_not_does_not() {
        let document = document();
        for route in routes::table() {
            let method = if route.method == Method::Get { "get" } else { "post" };
            let operation = &document["paths"][&route.path][method];
            let locked = route.endpoint.action().is_some();
            assert_eq!(operation["security"].is_array(), locked, "{}", route.path);
            assert_eq!(operation["responses"]["401"].is_object(), locked, "{}", route.path);
        }
    }

    #[test]
    fn whatever_is_read_says_that_it_may_have_another_tag() {
        let document = document();
        for route in routes::table().into_iter().filter(|route| route.method == Method::Get) {
            let responses = &document["paths"][&route.path]["get"]["responses"];
            for status in ["400", "412"] {
                assert!(responses[status].is_object(), "{} does not list {status}", route.path);
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut found = Vec::new();
        refs(&document, &mut found);
        assert!(found.len() > 100);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn every_link_leads_to_an_operation_that_has_its_parameters() {
        let document = document();
        let parameters_of = |id: &str| {
            let operation = operations(&document).into_iter().find(|(_, _, operation)| operation["operationId"] == id);
            let (_, _, operation) = operation.unwrap_or_else(|| panic!("no operation is called {id}"));
            operation["parameters"].as_array().cloned().unwrap_or_default()
        };
        let links = document["components"]["links"].as_object().unwrap();
        for (name, link) in links {
            let parameters = parameters_of(link["operationId"].as_str().unwrap());
            for parameter in link["parameters"].as_object().unwrap().keys() {
                assert!(parameters.iter().any(|known| known["name"] == **parameter), "{name}: {parameter}");
            }
        }
        let begun = &document["paths"]["/cases/discover-issue"]["post"]["responses"]["201"]["links"];
        for operation in ["register-issue", "close-case", "read-cases", "read-outcome"] {
            assert!(begun[operation].is_object(), "{operation}");
        }
    }

    #[test]
    fn a_filter_shows_its_form() {
        let document = document();
        let schema = |path: &str, filter: &str| {
            let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap().clone();
            parameters.into_iter().find(|parameter| parameter["name"] == filter).unwrap()["schema"].clone()
        };
        let stages = schema("/cases", "stage");
        assert!(stages["enum"].as_array().unwrap().contains(&Value::from("in_disposal")), "{stages}");
        assert!(schema("/orders", "status")["enum"].is_array());
        assert!(
            schema("/cases", "grid")["pattern"].is_string() && schema("/orders", "department")["pattern"].is_string()
        );
    }

    #[test]
    fn it_is_openapi_3_1_and_always_the_same() {
        assert_eq!(document()["openapi"], "3.1.0");
        assert_eq!(document().to_string(), document().to_string());
        assert!(!document().to_string().contains("$defs"));
    }
}
