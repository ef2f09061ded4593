//! Views: pure folds `(row, event) → row` over documents. No SQL, no I/O, no clock.

use std::any::Any;
use std::fmt;

use chrono::{DateTime, Utc};
use compact_str::CompactString;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

use crate::access::{Allowed, Place};
use crate::{Event, Position, Recorded};

/// The key of a row: an id, or a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// An id.
    Id(Uuid),
    /// A text of at most 200 characters.
    Text(CompactString),
}

impl Key {
    /// The key that is written so.
    pub fn read(text: &str) -> Self {
        match Uuid::try_parse(text) {
            Ok(id) if *id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == *text => Self::Id(id),
            _ => Self::Text(text.into()),
        }
    }

    /// The id, if it is one.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Text(_) => None,
        }
    }
}

impl From<Uuid> for Key {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// An event of whichever kind, decoded once for all readers.
pub type AnyEvent = Box<dyn Any + Send + Sync>;

/// A recorded event with its data read.
#[derive(Clone, Copy)]
pub struct Read<'a> {
    /// As recorded.
    pub recorded: &'a Recorded,
    /// The event itself.
    event: &'a (dyn Any + Send + Sync),
}

impl fmt::Debug for Read<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Read").field("recorded", &self.recorded).finish_non_exhaustive()
    }
}

impl<'a> Read<'a> {
    /// A recorded event and what was decoded from it.
    pub fn new(recorded: &'a Recorded, event: &'a (dyn Any + Send + Sync)) -> Self {
        Self { recorded, event }
    }
    /// The event, if it is one of kind `E`.
    pub fn of<E: Event>(&self) -> Option<&'a E> {
        self.event.downcast_ref()
    }
    /// The aggregate it belongs to.
    pub fn id(&self) -> Uuid {
        self.recorded.stream.id()
    }
    /// Its place in the log.
    pub fn position(&self) -> Position {
        self.recorded.position
    }
    /// When it was recorded.
    pub fn time(&self) -> DateTime<Utc> {
        self.recorded.time
    }
}

/// In which order a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest sort key first.
    Ascending,
    /// Largest sort key first.
    Descending,
}

/// The words of an enum without data, as its JSON Schema has them.
pub fn words_of<T: JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T).to_value();
    let mut words = Vec::new();
    collect_words(&schema, &mut words);
    words
}

/// Documented variants each have a schema of their own; the others are one list.
fn collect_words(schema: &Value, words: &mut Vec<String>) {
    let texts = |values: Option<&Value>| -> Vec<String> {
        let values = values.and_then(Value::as_array).into_iter().flatten();
        values.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    words.extend(schema.get("const").and_then(Value::as_str).map(str::to_owned));
    words.extend(texts(schema.get("enum")));
    let variants = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    variants.for_each(|variant| collect_words(variant, words));
}

/// A view: which rows an event touches, what it makes of them, and how they are found.
pub trait View: Send + Sync + 'static {
    /// Name of its tables, for example `case_summary` (lower-case ASCII letters and `_`).
    const NAME: &'static str;
    /// A new version is built beside the old one. Raise it whenever a fold, a row or a filter changes.
    const VERSION: u32 = 1;
    /// The first segment of its routes: `GET /PATH?filters` and `GET /PATH/{key}`.
    const PATH: &'static str;
    /// What it shows, in a line, for the documents that are generated.
    const ABOUT: &'static str;
    /// The action in the table of authorisation, for example `read-pledges`.
    const ACTION: &'static str;
    /// Who may read it.
    const READ: Allowed;
    /// The categories whose events it folds. It never sees others.
    const FROM: &'static [&'static str];
    /// The stored names of the events in [`View::FROM`] that touch no row. A coverage test holds this against the fold.
    const NONE: &'static [&'static str] = &[];
    /// How rows are found: each list is a set of filters that may be given together, and has an index. `grid`, `department`
    /// and `owner` also say where, for authorisation.
    const FILTERS: &'static [&'static [&'static str]];
    /// In which order a page is.
    const ORDER: Order = Order::Descending;
    /// Whether a row is keyed by the id of one aggregate and folded from its events alone. Such a row is read from the log
    /// and never lags.
    const IS_OF_ONE: bool = false;
    /// A row.
    type Row: Clone + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;

    /// Names the rows that the event touches.
    fn keys(event: &Read<'_>, touch: &mut dyn FnMut(Key));
    /// Updates the row for the event; `None` means that there is no row.
    fn fold(key: &Key, row: &mut Option<Self::Row>, event: &Read<'_>);
    /// Where the row is; authorises it.
    fn place(row: &Self::Row) -> Place;
    /// The sort key of the row.
    fn sort(row: &Self::Row) -> i64;
    /// The words that a filter takes, where it takes no others: [`words_of`] an enum. Another word is refused, and never finds
    /// an empty list. `grid` and `department` are checked against the district.
    fn words(_filter: &str) -> Option<Vec<String>> {
        None
    }
    /// Gives every value by which a filter finds the row; a list gives several.
    fn values(row: &Self::Row, filter: &str, give: &mut dyn FnMut(&str));
    /// Whether no event is expected for the row any more. It may leave memory first.
    fn is_settled(_row: &Self::Row) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[serde(rename_all = "snake_case")]
    #[expect(dead_code, reason = "only its schema is read")]
    enum Stage {
        /// Documented.
        FirstOne,
        Second,
        /// Documented too.
        Third,
    }

    #[test]
    fn the_words_of_an_enum_are_found_whether_its_variants_are_documented_or_not() {
        let mut words = words_of::<Stage>();
        words.sort_unstable();
        assert_eq!(words, ["first_one", "second", "third"]);
    }
}
