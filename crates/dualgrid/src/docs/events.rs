//! docs/events.md: every kind with its events and their fields, and every view.

use std::fmt::Write as _;

use app::kind::Kind;
use app::registry;
use app::shown::Shown;
use serde_json::Value;

const HEAD: &str = "# Events

Generated from the code by `cargo xtask generate`; do not edit.

Every event is a CloudEvent 1.0 in JSON. Its attributes besides the standard ones:

| attribute | meaning |
|---|---|
| `subject` | the stream, `KIND-UUID` |
| `streamversion` | number of the event in its stream, from 1 |
| `actorid`, `actorrole`, `actorscope` | who acted, in which role, and where that role holds |
| `actorsecondedby` | the department that lends the person who acted (派出单位), where one does |
| `commandid` | the client-made id of the command that caused it |
| `correlationid` | joins everything that one outside action caused |
| `causationid` | the event that caused the command, if a process sent it |
| `traceparent` | W3C trace context of the request, if it had one |
| `audience` | whom the event is for |
| `department` | the department whose order the event is about, if it is about one |

Each event has exactly one audience:

| audience | for whom | subject on NATS |
|---|---|---|
| order | the department whose order it is about | `dg.evt.order.<DEPARTMENT>.<event>` |
| street | the street or town in which it happened | `dg.evt.street.<CODE>.<event>` |
| district | the whole district | `dg.evt.district.<event>` |
| internal | nobody outside | `dg.evt.internal.<event>` |

On NATS the stream is `DUALGRID`; the sequence of a message is the event's position in the log, and the payload is the
stored bytes. [schemas](schemas) has a JSON Schema of the `data` of each event.
";

/// The page.
pub(super) fn page() -> String {
    let mut page = HEAD.to_owned();
    for kind in registry::kinds() {
        section(&mut page, &**kind);
    }
    views(&mut page);
    page
}

fn section(page: &mut String, kind: &dyn Kind) {
    let (category, about) = (kind.category(), kind.about());
    let verbs: Vec<String> = kind.verbs().iter().map(|verb| format!("`{}`", verb.name)).collect();
    put(page, format_args!("\n## Kind `{category}`\n\n{about}\n\nCommands: {}\n", verbs.join(", ")));
    put(page, format_args!("\n| event | audience | meaning |\n|---|---|---|\n"));
    for event in kind.events() {
        let schema = (event.schema)().to_value();
        let (meaning, _) = parts(&schema);
        let (name, audience) = (event.name, event.audience.as_str());
        put(page, format_args!("| `{name}` | {audience} | {} |\n", cell(meaning)));
    }
    for event in kind.events() {
        let schema = (event.schema)().to_value();
        let (meaning, rest) = parts(&schema);
        put(page, format_args!("\n### `{}`\n\n{meaning}\n", event.name));
        if !rest.is_empty() {
            put(page, format_args!("\n{rest}\n"));
        }
        put(page, format_args!("\n| field | type | | meaning |\n|---|---|---|---|\n"));
        fields(page, &schema);
    }
}

fn views(page: &mut String) {
    put(page, format_args!("\n## Views\n\nViews are folded from the events and can be rebuilt from them.\n"));
    put(page, format_args!("\n| view | route | filters | from | shows |\n|---|---|---|---|---|\n"));
    for view in registry::views() {
        let (name, path, about) = (view.name(), view.path(), cell(view.about()));
        let (filters, from) = (filters(&**view), view.from().join(", "));
        put(page, format_args!("| `{name}` | `/{path}` | {filters} | {from} | {about} |\n"));
    }
}

/// Which filters may be given together.
fn filters(view: &dyn Shown) -> String {
    let together = |set: &&[&str]| match set {
        [] => "none".to_owned(),
        set => set.iter().map(|filter| format!("`{filter}`")).collect::<Vec<_>>().join(" with "),
    };
    view.filters().iter().map(together).collect::<Vec<_>>().join(", or ")
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text).expect("a String takes everything");
}

/// The first paragraph of a description, and the rest.
fn parts(schema: &Value) -> (&str, &str) {
    let description = text(schema, "description");
    description.split_once("\n\n").unwrap_or((description, ""))
}

/// A text that fits into a cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn fields(page: &mut String, schema: &Value) {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (field, of) in schema["properties"].as_object().into_iter().flatten() {
        let presence = if required.contains(&field.as_str()) { "" } else { "optional" };
        let meaning = cell(text(of, "description"));
        put(page, format_args!("| `{field}` | {} | {presence} | {meaning} |\n", kind_of(of)));
    }
}

fn text<'a>(schema: &'a Value, key: &str) -> &'a str {
    schema[key].as_str().unwrap_or_default()
}

/// The type of a value, in a word.
fn kind_of(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return reference.rsplit('/').next().unwrap_or(reference).to_owned();
    }
    if let Some(any) = schema["anyOf"].as_array() {
        return any.iter().filter(|one| one["type"] != "null").map(kind_of).collect::<Vec<_>>().join(" or ");
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind_of(&schema["items"])),
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
