//! docs/events.md: every event with its fields.

use std::fmt::Write as _;

use serde_json::Value;

use super::all_events;

const HEAD: &str = "# Events

Generated from the code by `cargo xtask generate`; do not edit.

Every event is a CloudEvent 1.0 in JSON. Its attributes beside the standard ones:

| attribute | meaning |
|---|---|
| `subject` | the stream, `CATEGORY-UUID` |
| `streamversion` | number of the event in its stream, from 1 |
| `actorid`, `actorrole`, `actorscope` | who acted, in which role, and where that role holds |
| `commandid` | the client-made id of the command that caused it |
| `correlationid` | joins everything that one outside action caused |
| `traceparent` | W3C trace context of the request, if it had one |
| `department` | the department whose order it is about; such an event goes to `dg.evt.order.<DEPARTMENT>.<event>` |

On NATS the stream is `DUALGRID`; the sequence of a message is the event's position in the log, and the payload is the
stored bytes. Events without `department` go to `dg.evt.<category>.<event>`. A JSON Schema of each event's `data` stands
in [schemas](schemas).
";

/// The page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut last = "";
    for (category, name, schema) in all_events() {
        if category != last {
            write!(page, "\n## Category `{category}`\n").expect("a String takes everything");
            last = category;
        }
        let schema = schema.to_value();
        let description = text(&schema, "description");
        write!(page, "\n### `{name}`\n\n{description}\n\n| field | type | | meaning |\n|---|---|---|---|\n")
            .expect("a String takes everything");
        fields(&mut page, &schema);
    }
    page
}

fn fields(page: &mut String, schema: &Value) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (field, of) in schema["properties"].as_object().into_iter().flatten() {
        let presence = if required.contains(&field.as_str()) { "" } else { "optional" };
        let meaning = text(of, "description").replace('\n', " ").replace('|', "\\|");
        writeln!(page, "| `{field}` | {} | {presence} | {meaning} |", kind(of)).expect("a String takes everything");
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or_default()
}

/// What a value is, in a word.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or(reference).to_owned();
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().filter(|one| one["type"] != "null").map(kind).collect::<Vec<_>>().join(" or ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => match text(schema, "format") {
            "" => name.clone(),
            format => format!("{name} ({format})"),
        },
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect::<Vec<_>>().join(" or ")
        }
        _ => "any".to_owned(),
    }
}
