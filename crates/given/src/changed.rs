//! Commands that differ from another one in one field.

use kernel::Command;
use serde_json::Value;

/// Every command that differs from this one in one value of its body: another text, code, id or number, a flag turned over, a list
/// without its last entry.
pub fn changed<C: Command>(command: &C) -> Vec<C> {
    let body = command.body();
    let read = |body: Value| C::parse(command.name(), &serde_json::to_vec(&body).unwrap()).ok();
    others(&body).into_iter().filter_map(read).filter(|other| other != command).collect()
}

/// The value with one thing in it changed, in every way.
fn others(value: &Value) -> Vec<Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(flag) => vec![Value::Bool(!flag)],
        Value::Number(number) => number.as_f64().map(|float| next(number, float)).into_iter().collect(),
        Value::String(text) => texts(text),
        Value::Array(items) => {
            let with = |at: usize, item: Value| {
                let mut items = items.clone();
                items[at] = item;
                Value::Array(items)
            };
            let places = items.iter().enumerate();
            let mut found: Vec<Value> =
                places.flat_map(|(at, item)| others(item).into_iter().map(move |item| with(at, item))).collect();
            // An entry that is named twice says nothing new.
            let shorter = items.split_last().filter(|(last, rest)| !rest.contains(last));
            found.extend(shorter.map(|(_, rest)| Value::Array(rest.to_vec())));
            found
        }
        Value::Object(fields) => {
            let with = |name: &String, field: Value| {
                let mut fields = fields.clone();
                fields.insert(name.clone(), field);
                Value::Object(fields)
            };
            fields
                .iter()
                .flat_map(|(name, field)| others(field).into_iter().map(move |field| with(name, field)))
                .collect()
        }
    }
}

fn next(number: &serde_json::Number, float: f64) -> Value {
    match number.as_u64() {
        Some(whole) => (whole + 1).into(),
        None => (float + 0.001).into(),
    }
}

/// Another text, and, where it is a code, a digest or an id, another one of these.
fn texts(text: &str) -> Vec<Value> {
    let turned = |last: char| if last == '0' { '1' } else { '0' };
    let mut other = text.to_owned();
    let last = other.pop();
    let other = last.map(|last| format!("{other}{}", turned(last)));
    [Some(format!("{text}改")), other].into_iter().flatten().map(Value::String).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_thing_is_changed_at_a_time() {
        let changed = others(&json!({"a": {"b": [1, true]}, "c": "x0", "d": null}));
        let expected = [
            json!({"a": {"b": [2, true]}, "c": "x0", "d": null}),
            json!({"a": {"b": [1, false]}, "c": "x0", "d": null}),
            json!({"a": {"b": [1]}, "c": "x0", "d": null}),
            json!({"a": {"b": [1, true]}, "c": "x0改", "d": null}),
            json!({"a": {"b": [1, true]}, "c": "x1", "d": null}),
        ];
        assert_eq!(changed, expected);
    }
}
