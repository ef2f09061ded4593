//! The schemas of what dualgrid answers, beside those of the commands.

use app::evidence::{Captures, NamedFiles, Uploaded};
use app::intake::Answer;
use app::kind::Kind;
use app::query::{ClearPersons, HistoryEntry};
use app::registry;
use app::shown::Shown;
use app::similar::SimilarOne;
use schemars::schema_for;
use serde_json::{Map, Value, json};

use super::components::{Components, name_of};

/// The component of what a command did.
pub(super) const ANSWER: &str = "app.Answer";
/// The component of personal data in clear.
pub(super) const PERSONS: &str = "app.ClearPersons";
/// The component of what was sent and is kept.
pub(super) const UPLOADED: &str = "app.Uploaded";
/// The component of the files that something names.
pub(super) const FILES: &str = "app.NamedFiles";
/// The component of what a file told of when and where it was taken.
pub(super) const CAPTURES: &str = "app.Captures";
/// The component of a page of a history.
pub(super) const HISTORY: &str = "HistoryPage";

/// The component of a row of a view.
pub(super) fn row_name(view: &dyn Shown) -> String {
    let schema = view.schema();
    let title = schema.get("title").and_then(Value::as_str).unwrap_or(view.name());
    name_of("view", title)
}

/// The component of a page of a view.
pub(super) fn page_name(view: &dyn Shown) -> String {
    name_of("page", view.name())
}

/// The component of what may be the same as one of a kind.
pub(super) fn similar_name(kind: &dyn Kind) -> String {
    name_of("similar", kind.category())
}

/// The component of a document of a single kind.
pub(super) fn document_name(path: &str) -> String {
    name_of("document", path)
}

/// Every component schema: those of the bodies of commands, and those of answers.
pub(super) fn all(mut components: Components) -> Value {
    for view in registry::views() {
        let name = row_name(&**view);
        components.take("view", name.trim_start_matches("view."), view.schema());
    }
    for document in registry::kinds().iter().flat_map(|kind| kind.documents()) {
        components.take("document", document.path, (document.schema)());
    }
    components.take("app", "Answer", schema_for!(Answer));
    components.take("app", "ClearPersons", schema_for!(ClearPersons));
    components.take("app", "Uploaded", schema_for!(Uploaded));
    components.take("app", "NamedFiles", schema_for!(NamedFiles));
    components.take("app", "Captures", schema_for!(Captures));
    components.take("app", "HistoryEntry", schema_for!(HistoryEntry));
    components.take("app", "SimilarOne", schema_for!(SimilarOne));
    let mut schemas = Map::from(components);
    let one = schemas.remove("app.SimilarOne").unwrap_or_default();
    for kind in registry::kinds() {
        let view = kind.similar().and_then(|similar| registry::view(similar.view));
        schemas.extend(view.map(|view| (similar_name(&**kind), similar(one.clone(), view))));
    }
    if let Some(entry) = schemas.get_mut("app.HistoryEntry") {
        entry["properties"]["event"] = json!({ "$ref": "#/components/schemas/Event" });
    }
    for view in registry::views() {
        schemas.insert(page_name(&**view), page(&row_name(&**view)));
    }
    schemas.insert(HISTORY.to_owned(), page("app.HistoryEntry"));
    schemas.extend(answers());
    Value::Object(schemas)
}

/// A list of rows of a view, each with why it is in it.
fn similar(mut one: Value, view: &dyn Shown) -> Value {
    one["properties"]["row"] = json!({ "$ref": format!("#/components/schemas/{}", row_name(view)) });
    json!({ "type": "object", "required": ["items"], "properties": { "items": { "type": "array", "items": one } } })
}

fn page(of: &str) -> Value {
    json!({
        "type": "object",
        "required": ["items"],
        "properties": {
            "items": { "type": "array", "items": { "$ref": format!("#/components/schemas/{of}") } },
            "next": { "type": "string", "description": "The next `beyond`; absent on the last page" }
        }
    })
}

fn answers() -> Map<String, Value> {
    let named = [
        ("Problem", problem()),
        ("Event", event()),
        ("EventPage", event_page()),
        ("Alive", alive()),
        ("Report", report()),
        ("Document", json!({ "type": "object", "description": "An OpenAPI document" })),
        ("Text", json!({ "type": "string" })),
        ("File", json!({ "type": "string", "format": "binary" })),
    ];
    named.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn problem() -> Value {
    json!({
        "type": "object",
        "description": "A problem (RFC 9457)",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": { "type": "string", "format": "uri", "examples": ["urn:dualgrid:problem:wrong-stage"] },
            "title": { "type": "string", "description": "The code in words" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string", "description": "What happened this time and what to do about it" },
            "code": { "type": "string", "description": "The stable code, for programs" },
            "retry_after": {
                "type": "integer",
                "minimum": 1,
                "description": "In how many seconds to send the same request again; with status 429 or 503, as the header Retry-After"
            }
        }
    })
}

fn event() -> Value {
    json!({
        "type": "object",
        "description": "A CloudEvent 1.0 in JSON, exactly as recorded; docs/events.md lists every type and its data",
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "streamversion",
            "actorid", "actorrole", "actorscope", "commandid", "correlationid", "audience", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "format": "uuid" },
            "source": { "type": "string", "examples": ["/dualgrid/jingan"] },
            "type": { "type": "string", "examples": ["cn.dualgrid.case.order_accepted.v1"] },
            "subject": { "type": "string", "description": "The stream" },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "streamversion": { "type": "integer", "minimum": 1 },
            "actorid": { "type": "string" },
            "actorrole": { "type": "string" },
            "actorscope": { "type": "string" },
            "actorsecondedby": { "type": "string", "description": "the department that lends the person who acted (派出单位)" },
            "commandid": { "type": "string", "format": "uuid" },
            "correlationid": { "type": "string", "format": "uuid" },
            "causationid": { "type": "string", "format": "uuid", "description": "The event that caused the command" },
            "traceparent": { "type": "string" },
            "audience": { "type": "string", "examples": ["order.CGZF", "street.JAS", "district", "internal"] },
            "department": { "type": "string" },
            "data": { "type": "object" }
        }
    })
}

fn event_page() -> Value {
    json!({
        "type": "object",
        "required": ["items", "epoch"],
        "properties": {
            "items": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["position", "event"],
                    "properties": {
                        "position": { "type": "integer", "minimum": 1 },
                        "event": { "$ref": "#/components/schemas/Event" }
                    }
                }
            },
            "next": {
                "type": "string",
                "examples": ["0:42"],
                "description": "The next `after`, `EPOCH:POSITION`; absent where there is nothing more for now. Where events were lost since, the answer is 409"
            },
            "epoch": { "type": "integer", "minimum": 0, "description": "The epoch of the log: it rises where events were lost and their positions are given again" }
        }
    })
}

fn alive() -> Value {
    json!({
        "type": "object",
        "description": "Which process it is, is told on the operations listener only",
        "required": ["alive"],
        "properties": {
            "alive": { "type": "boolean" },
            "instance": { "type": "string" },
            "pid": { "type": "integer" },
            "version": { "type": "string" }
        }
    })
}

fn report() -> Value {
    json!({
        "type": "object",
        "description": "Checks and warnings are told on the operations listener only",
        "required": ["ready"],
        "properties": {
            "ready": { "type": "boolean" },
            "checks": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "required": ["ok", "detail"],
                    "properties": { "ok": { "type": "boolean" }, "detail": { "type": "string" } }
                }
            },
            "warnings": {
                "type": "object",
                "description": "What needs somebody soon and stops no work yet, for example calendars that end",
                "additionalProperties": { "type": "string" }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use app::health::{Check, Report};
    use serde::Serialize;

    use super::*;

    /// A schema written by hand describes exactly the fields of the whole value.
    fn describes(schema: &Value, value: &impl Serialize) {
        let value = serde_json::to_value(value).unwrap();
        let fields: BTreeSet<&String> = value.as_object().unwrap().keys().collect();
        let described: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(fields, described);
    }

    #[test]
    fn schemas_by_hand_keep_up_with_the_types() {
        let checks = BTreeMap::from([("log".to_owned(), Check { ok: true, detail: String::new() })]);
        describes(&problem(), &app::Problem::new(503, "busy", ""));
        describes(&report(), &Report { ready: true, checks, warnings: BTreeMap::new() });
    }
}
