//! The schemas of what dualgrid answers, beside those of the commands.

use schemars::schema_for;
use serde_json::{Map, Value, json};

use super::commands::Bodies;
use super::views;

/// Every component schema.
pub(super) fn all(bodies: Bodies) -> Value {
    let mut components = bodies.components;
    views::take(&mut components);
    let mut schemas = Map::from(components);
    schemas.extend(answers());
    Value::Object(schemas)
}

fn answers() -> Map<String, Value> {
    let mut evidence = schema_for!(kernel::Evidence).to_value();
    if let Some(evidence) = evidence.as_object_mut() {
        evidence.remove("$schema");
        // The one definition it refers to, put in its place.
        let digest =
            evidence.remove("$defs").and_then(|mut definitions| definitions.get_mut("Digest").map(Value::take));
        if let Some(digest) = digest {
            evidence["properties"]["sha256"] = digest;
        }
    }
    let named = [
        ("Problem", problem()),
        ("Answer", answer()),
        ("Evidence", evidence),
        ("Event", event()),
        ("EventPage", event_page()),
        ("Reporter", reporter()),
        ("Alive", alive()),
        ("Report", report()),
        ("Document", json!({ "type": "object", "description": "All of it, as of one moment" })),
        ("Text", json!({ "type": "string" })),
        ("File", json!({ "type": "string", "format": "binary" })),
    ];
    named.into_iter().chain(views::pages()).map(|(name, schema)| (name.to_owned(), schema)).collect()
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
            "code": { "type": "string", "description": "The stable code, for programs" }
        }
    })
}

fn answer() -> Value {
    json!({
        "type": "object",
        "description": "What a command did. The same command again gets the same, but for `replayed`",
        "required": ["command", "stream", "version", "events", "replayed"],
        "properties": {
            "command": { "type": "string", "format": "uuid" },
            "stream": { "type": "string", "examples": ["case-0190163d-8694-739b-aea5-966c26f8ad91"] },
            "case": { "type": "string", "format": "uuid", "description": "The case it was for" },
            "version": { "type": "integer", "minimum": 0, "description": "Version of the stream after it" },
            "first": { "type": "integer", "minimum": 1, "description": "Position of its first event" },
            "events": { "type": "integer", "minimum": 0, "description": "How many events, at consecutive positions" },
            "replayed": { "type": "boolean", "description": "Whether this answers an earlier request with this id" }
        }
    })
}

fn event() -> Value {
    json!({
        "type": "object",
        "description": "A CloudEvent 1.0 in JSON, exactly as recorded; docs/events.md lists every type and its data",
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "streamversion",
            "actorid", "actorrole", "actorscope", "commandid", "correlationid", "data"],
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
            "commandid": { "type": "string", "format": "uuid" },
            "correlationid": { "type": "string", "format": "uuid" },
            "traceparent": { "type": "string" },
            "department": { "type": "string" },
            "data": { "type": "object" }
        }
    })
}

fn event_page() -> Value {
    json!({
        "type": "object",
        "required": ["items"],
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
            "next": { "type": "integer", "description": "The next `after`; absent where there is nothing more for now" }
        }
    })
}

fn reporter() -> Value {
    json!({
        "type": "object",
        "description": "A reporter in clear. Keep it nowhere",
        "required": ["person"],
        "properties": {
            "person": { "type": "string", "format": "uuid" },
            "name": { "type": "string", "description": "姓名" },
            "phone": { "type": "string", "description": "电话" },
            "address": { "type": "string", "description": "住址" }
        }
    })
}

fn alive() -> Value {
    json!({
        "type": "object",
        "required": ["instance", "pid", "version"],
        "properties": {
            "instance": { "type": "string" },
            "pid": { "type": "integer" },
            "version": { "type": "string" }
        }
    })
}

fn report() -> Value {
    json!({
        "type": "object",
        "required": ["ready", "checks"],
        "properties": {
            "ready": { "type": "boolean" },
            "checks": {
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "required": ["ok", "detail"],
                    "properties": { "ok": { "type": "boolean" }, "detail": { "type": "string" } }
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use app::health::{Check, Report};
    use app::intake::Answer;
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
        let id = uuid::Uuid::from_u128(7);
        describes(&problem(), &app::Problem::new(409, "wrong-stage", "no"));
        describes(
            &answer(),
            &Answer {
                command: id.into(),
                stream: kernel::StreamId::new("case", id),
                case: Some(id.into()),
                version: kernel::Version(1),
                first: Some(kernel::Position(1)),
                events: 1,
                replayed: false,
            },
        );
        let text = || Some(String::new());
        let person = app::ClearReporter { person: id.into(), name: text(), phone: text(), address: text() };
        describes(&reporter(), &person);
        let checks = BTreeMap::from([("log".to_owned(), Check { ok: true, detail: String::new() })]);
        describes(&report(), &Report { ready: true, checks });
    }

    #[test]
    fn the_schema_of_evidence_stands_alone() {
        let evidence = &answers()["Evidence"];
        assert_eq!(evidence["properties"]["sha256"]["pattern"], "^[0-9a-f]{64}$");
        assert!(!evidence.to_string().contains("$ref"));
    }
}
