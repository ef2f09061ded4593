//! Where in the files each value of a description stands, by its place in the body that is made of them: `posts[3].holder`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

/// Most places that are named with a message.
const PLACES_SHOWN_MAX: usize = 3;

/// What stands before the place of a misfit in a message.
const BEFORE_PLACE: &str = "does not fit: ";

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) file: Arc<Path>,
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, counted from 1.
    pub(super) column: usize,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// The text of one file.
pub(super) struct Source<'a> {
    file: Arc<Path>,
    text: &'a str,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(file: &Path, text: &'a str) -> Self {
        let ends = text.match_indices('\n').map(|(end, _)| end + 1);
        Self { file: PathBuf::from(file).into(), text, lines: std::iter::once(0).chain(ends).collect() }
    }

    /// The place of a byte.
    pub(super) fn spot(&self, byte: usize) -> Spot {
        let line = self.lines.partition_point(|start| *start <= byte).max(1);
        let before = self.text.get(self.lines[line - 1]..byte).unwrap_or_default();
        Spot { file: Arc::clone(&self.file), line, column: before.chars().count() + 1 }
    }
}

/// The spots of all values by their place in the body.
#[derive(Default)]
pub(super) struct Places(BTreeMap<String, Spot>);

impl Places {
    /// Notes everything in the table of a file. Its lists are joined to those of `before`.
    pub(super) fn note(&mut self, table: &DeTable<'_>, before: &Table, source: &Source<'_>) {
        for (key, value) in table {
            let name = key.get_ref().to_string();
            let offset = before.get(&name).and_then(Value::as_array).map_or(0, Vec::len);
            self.0.entry(name.clone()).or_insert_with(|| source.spot(key.span().start));
            self.below(&name, offset, value, source);
        }
    }

    fn below(&mut self, path: &str, offset: usize, value: &Spanned<DeValue<'_>>, source: &Source<'_>) {
        match value.get_ref() {
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let path = format!("{path}[{}]", offset + index);
                    self.0.insert(path.clone(), source.spot(item.span().start));
                    self.below(&path, 0, item, source);
                }
            }
            DeValue::Table(fields) => {
                for (key, value) in fields {
                    let path = format!("{path}.{}", key.get_ref());
                    self.0.insert(path.clone(), source.spot(key.span().start));
                    self.below(&path, 0, value, source);
                }
            }
            _ => {}
        }
    }

    /// Adds those of another file. What is known stays.
    pub(super) fn add(&mut self, other: Self) {
        for (path, spot) in other.0 {
            self.0.entry(path).or_insert(spot);
        }
    }

    /// Where a key is set.
    pub(super) fn of(&self, key: &str) -> String {
        self.0.get(key).map_or_else(|| key.to_owned(), ToString::to_string)
    }

    /// The places that a message names, each with its row.
    pub(super) fn in_message(&self, message: &str, table: &Table) -> Vec<String> {
        let misfit = message.split_once(BEFORE_PLACE).map_or("", |(_, place)| place);
        let words =
            misfit.split_whitespace().take(1).chain(message.split_whitespace().filter(|word| word.contains('[')));
        let mut found: Vec<String> = Vec::new();
        for word in words {
            let Some((path, spot)) = self.nearest(word) else { continue };
            let said = match row_of(path, table) {
                Some(row) => format!("{spot}: {row}"),
                None => format!("{spot}: {path}"),
            };
            if !found.contains(&said) {
                found.push(said);
            }
        }
        found.truncate(PLACES_SHOWN_MAX);
        found
    }

    /// The place that a word of a message names, or the nearest around it that stands in a file.
    fn nearest(&self, word: &str) -> Option<(&str, &Spot)> {
        let word = word.trim_matches(|char: char| !(char.is_ascii_alphanumeric() || "_[]".contains(char)));
        let word = ["rules.", "district."].iter().find_map(|part| word.strip_prefix(part)).unwrap_or(word);
        let mut path = word;
        loop {
            if let Some((path, spot)) = self.0.get_key_value(path) {
                return Some((path, spot));
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

/// The row of a list in which a place is, by what names it there.
fn row_of(path: &str, table: &Table) -> Option<String> {
    let (list, rest) = path.split_once('[')?;
    let number: usize = rest.split_once(']')?.0.parse().ok()?;
    let row = table.get(list)?.as_array()?.get(number)?;
    let field = |name: &str| row.get(name).and_then(Value::as_str);
    let name = match list {
        "mappings" => format!("{} to {}", field("party")?, field("administrative")?),
        _ => ["code", "id", "root", "step", "grid"].into_iter().find_map(field)?.to_owned(),
    };
    Some(format!("{name} in {list}"))
}
