//! What a body must look like before a verb reads it: the schema that is published is the one that is checked.
//!
//! Every command passes here, whichever door it came through. A verb's own type reads the body afterwards; it is more lenient in
//! places (a list where an object belongs, moments that no schema knows), and this check makes up for that once for all verbs.
//!
//! INVARIANT: what passes fits the published schema in its types, members, formats and choices. Patterns and bounds are checked by
//! the types and by the decision.

use std::fmt::{self, Write as _};

use kernel::text::{self, Flaw};
use kernel::{ParseError, id, time};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::Error;

/// Reads the body of a verb, once for everybody who looks at it.
///
/// # Errors
/// A body that is no JSON, or in which a member comes twice.
pub(crate) fn read(verb: &str, body: &[u8]) -> Result<Value, Error> {
    match serde_json::from_slice::<Read>(body) {
        Ok(Read(body)) => Ok(body),
        Err(error) if error.is_data() => Err(unfit(verb, error.to_string()).into()),
        Err(error) => Err(Error::malformed("malformed-json", format!("the body is not JSON: {error}"))),
    }
}

/// Checks the body of a verb against its schema, where it has one, and every text in it.
///
/// # Errors
/// A body that does not fit, with the place in it.
pub(crate) fn check(verb: &str, schema: Option<&Value>, body: &Value) -> Result<(), ParseError> {
    check_texts(body, &mut Path::default()).map_err(|(path, flaw)| ParseError::Text {
        name: verb.to_owned(),
        place: path.to_string(),
        flaw,
    })?;
    let Some(schema) = schema else { return Ok(()) };
    let shape = Shape { root: schema };
    shape.check(schema, body, &mut Path::default()).map_err(|misfit| unfit(verb, misfit.to_string()))
}

fn unfit(verb: &str, reason: String) -> ParseError {
    ParseError::Body { name: verb.to_owned(), reason }
}

/// A JSON value in which no member comes twice.
struct Read(Value);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Read)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, is: bool) -> Result<Value, E> {
        Ok(is.into())
    }
    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }
    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }
    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }
    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }
    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }
    fn visit_seq<S: SeqAccess<'de>>(self, mut entries: S) -> Result<Value, S::Error> {
        let mut read = Vec::new();
        while let Some(Read(entry)) = entries.next_element()? {
            read.push(entry);
        }
        Ok(read.into())
    }
    fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Value, M::Error> {
        let mut read = Map::new();
        while let Some((name, Read(member))) = members.next_entry::<String, Read>()? {
            if let Some(name) = read.get(&name).map(|_| &name) {
                let short: String = name.chars().take(64).collect();
                return Err(M::Error::custom(format_args!("the member `{}` comes twice", short.escape_debug())));
            }
            read.insert(name, member);
        }
        Ok(read.into())
    }
}

/// Where in a body: names of members and numbers of entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Entry(usize),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the body");
        }
        for (number, step) in self.0.iter().enumerate() {
            match step {
                Step::Member(name) => {
                    if number > 0 {
                        f.write_char('.')?;
                    }
                    // A name that the caller made up is shortened and shown harmless.
                    let short: String = name.chars().take(64).collect();
                    write!(f, "{}", short.escape_debug())?;
                }
                Step::Entry(number) => write!(f, "[{number}]")?,
            }
        }
        Ok(())
    }
}

/// Why a value does not fit.
#[derive(Debug, PartialEq, Eq)]
struct Misfit {
    path: Path,
    reason: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.reason)
    }
}

/// Looks at every text and every name of a member.
fn check_texts(value: &Value, path: &mut Path) -> Result<(), (Path, Flaw)> {
    match value {
        Value::String(text) => text::flaw(text).map_or(Ok(()), |flaw| Err((path.clone(), flaw))),
        Value::Array(entries) => entries
            .iter()
            .enumerate()
            .try_for_each(|(number, entry)| below(path, Step::Entry(number), |path| check_texts(entry, path))),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            below(path, Step::Member(name.clone()), |path| match text::flaw_of_line(name) {
                Some(flaw) => Err((path.clone(), flaw)),
                None => check_texts(member, path),
            })
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

fn below<T>(path: &mut Path, step: Step, check: impl FnOnce(&mut Path) -> T) -> T {
    path.0.push(step);
    let checked = check(path);
    path.0.pop();
    checked
}

/// A schema as schemars writes it, with the definitions it refers to.
struct Shape<'a> {
    root: &'a Value,
}

impl Shape<'_> {
    fn check(&self, schema: &Value, value: &Value, path: &mut Path) -> Result<(), Misfit> {
        let Value::Object(schema) = schema else { return Ok(()) };
        if let Some(definition) = schema.get("$ref").and_then(Value::as_str) {
            let definition = self.root.pointer(definition.trim_start_matches('#')).unwrap_or(&Value::Bool(true));
            self.check(definition, value, path)?;
        }
        check_type(schema, value, path)?;
        check_choice(schema, value, path)?;
        for list in ["oneOf", "anyOf"] {
            self.check_alternatives(schema.get(list), value, path)?;
        }
        for all in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.check(all, value, path)?;
        }
        match value {
            Value::String(text) => check_format(schema, text, path),
            Value::Object(members) => self.check_members(schema, members, path),
            Value::Array(entries) => {
                let Some(entry_schema) = schema.get("items") else { return Ok(()) };
                entries.iter().enumerate().try_for_each(|(number, entry)| {
                    below(path, Step::Entry(number), |path| self.check(entry_schema, entry, path))
                })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        }
    }

    /// One of several must fit. Where none does, the one that went furthest says what is wrong.
    fn check_alternatives(&self, list: Option<&Value>, value: &Value, path: &mut Path) -> Result<(), Misfit> {
        let mut furthest: Option<Misfit> = None;
        for alternative in list.and_then(Value::as_array).into_iter().flatten() {
            match self.check(alternative, value, path) {
                Ok(()) => return Ok(()),
                Err(misfit) if furthest.as_ref().is_none_or(|known| known.path.0.len() < misfit.path.0.len()) => {
                    furthest = Some(misfit);
                }
                Err(_) => {}
            }
        }
        let words = list.and_then(Value::as_array).into_iter().flatten();
        let words: Option<Vec<String>> = words.map(|one| one.get("const").map(Value::to_string)).collect();
        match (furthest, words) {
            (Some(_), Some(words)) if value.is_string() => {
                Err(Misfit { path: path.clone(), reason: format!("must be one of {}", words.join(", ")) })
            }
            (furthest, _) => furthest.map_or(Ok(()), Err),
        }
    }

    fn check_members(
        &self,
        schema: &Map<String, Value>,
        members: &Map<String, Value>,
        path: &mut Path,
    ) -> Result<(), Misfit> {
        let known = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        if let Some(missing) = required.into_iter().find(|name| !members.contains_key(*name)) {
            return Err(Misfit { path: path.clone(), reason: format!("must have `{missing}`") });
        }
        let others = schema.get("additionalProperties");
        members.iter().try_for_each(|(name, member)| {
            below(path, Step::Member(name.clone()), |path| match (known.and_then(|known| known.get(name)), others) {
                (Some(schema), _) | (None, Some(schema @ Value::Object(_))) => self.check(schema, member, path),
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<&str> = known.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                    let reason = match known.as_slice() {
                        [] => "is not known here; send no members".to_owned(),
                        known => format!("is not known here; known are {}", known.join(", ")),
                    };
                    Err(Misfit { path: path.clone(), reason })
                }
                _ => Ok(()),
            })
        })
    }
}

/// The type that a schema asks for; any of several.
fn check_type(schema: &Map<String, Value>, value: &Value, path: &Path) -> Result<(), Misfit> {
    let types: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    let is_of = |name: &&str| match *name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => true,
    };
    if types.is_empty() || types.iter().any(is_of) {
        return Ok(());
    }
    let names: Vec<&str> = types.iter().map(|name| called(name)).collect();
    Err(Misfit { path: path.clone(), reason: format!("must be {}, not {}", names.join(" or "), kind_of(value)) })
}

fn called(name: &str) -> &str {
    match name {
        "object" => "an object",
        "array" => "a list",
        "string" => "a text",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        other => other,
    }
}

const fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number of this kind",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The values among which a schema lets choose.
fn check_choice(schema: &Map<String, Value>, value: &Value, path: &Path) -> Result<(), Misfit> {
    let one = schema.get("const").map(std::slice::from_ref);
    let Some(values) = one.or_else(|| schema.get("enum").and_then(Value::as_array).map(Vec::as_slice)) else {
        return Ok(());
    };
    if values.contains(value) {
        return Ok(());
    }
    let values: Vec<String> = values.iter().map(Value::to_string).collect();
    Err(Misfit { path: path.clone(), reason: format!("must be one of {}", values.join(", ")) })
}

/// Texts that stand for something else.
fn check_format(schema: &Map<String, Value>, text: &str, path: &Path) -> Result<(), Misfit> {
    let reason = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => time::read_moment(text).err().map(|error| error.to_string()),
        Some("date") => time::read_day(text).err().map(|error| error.to_string()),
        Some("uuid") => id::read_uuid(text).err().map(|error| error.to_string()),
        _ => None,
    };
    reason.map_or(Ok(()), |reason| Err(Misfit { path: path.clone(), reason: format!("does not fit: {reason}") }))
}

#[cfg(test)]
mod tests;
