//! Tables of views: documents keyed by text, the entries by which they are found, and one checkpoint a build.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use kernel::digest::Digest;
use kernel::view::Order;
use kernel::{Position, View};

use super::Failure;

/// Stands between the values of one entry. A value that holds it is kept with U+FFFD in its place.
const BETWEEN: char = '\u{1f}';
/// Longer entries are kept as their digest: an index takes no value of any length.
const ENTRY_BYTES_MAX: usize = 500;

/// What the tables of a view are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewSpec {
    /// Lower-case ASCII letters, digits and `_`, for example `case_summary`.
    pub name: &'static str,
    /// A new version is built beside the old one and switched in one transaction.
    pub version: u32,
    /// The sets of filters by which rows are found.
    pub filters: &'static [&'static [&'static str]],
}

impl ViewSpec {
    /// What a view says of its tables.
    pub const fn of<V: View>() -> Self {
        Self { name: V::NAME, version: V::VERSION, filters: V::FILTERS }
    }
}

/// The number of the set with exactly these filters.
pub fn set_of<S: AsRef<str>>(sets: &[impl AsRef<[S]>], asked: &[(&'static str, String)]) -> Option<usize> {
    let is_asked = |filter: &S| asked.iter().any(|(name, _)| *name == filter.as_ref());
    let is_the_set = |set: &[S]| set.len() == asked.len() && set.iter().all(is_asked);
    sets.iter().position(|set| is_the_set(set.as_ref()))
}

/// The text of an entry: the number of the set of filters, and a value for each of them.
pub fn entry<'a>(set: usize, values: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = format!("{set}:");
    for (n, value) in values.into_iter().enumerate() {
        if n > 0 {
            text.push(BETWEEN);
        }
        // PostgreSQL keeps no NUL in a text.
        text.extend(value.chars().map(|char| if matches!(char, '\0' | BETWEEN) { '\u{fffd}' } else { char }));
    }
    if text.len() > ENTRY_BYTES_MAX { format!("{set}:{}", Digest::of(text.as_bytes())) } else { text }
}

/// One table of one view. There is at most one active build of a view; queries read that one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Build {
    /// Its tables are named after the view and this number.
    pub number: i64,
    /// The name of the view.
    pub view: &'static str,
}

/// What the register of builds says of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    pub number: i64,
    /// The name of the view.
    pub view: String,
    pub version: u32,
    /// How far it has come.
    pub position: Position,
    /// Whether queries read it.
    pub active: bool,
    /// Whether it is being filled in bulk. Nobody else continues such a build.
    pub filling: bool,
}

/// By what a row is found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// By what pages are ordered; rows with the same value are ordered by their keys.
    pub sort: i64,
    /// Texts of [`entry`], sorted, each once.
    pub values: Vec<String>,
}

/// A row that is written, or removed where it has no document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowChange {
    pub key: String,
    /// The document as JSON; `None` removes the row.
    pub doc: Option<String>,
    /// By what it is found from now on.
    pub entries: Entries,
    /// By what it was found so far, as stored.
    pub before: Entries,
}

/// What one view writes: its rows, and its checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    pub build: Build,
    /// Where its checkpoint must be; otherwise nothing of it is written.
    pub from: Position,
    /// Where its checkpoint is afterwards.
    pub to: Position,
    /// No key occurs twice.
    pub rows: Vec<RowChange>,
}

/// What became of a [`Move`].
#[derive(Clone, Debug)]
pub enum Saved {
    /// Rows and checkpoint are written.
    Written,
    /// Another reader has moved the checkpoint. Nothing was written.
    Fenced,
    /// The build was replaced by another one. Nothing was written.
    Gone,
    /// The tables of this view do not take the rows. Nothing was written.
    Failed(Failure),
}

/// What a bulk fill writes at once. No key occurs twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilledRows {
    /// Rows whose keys were certainly never written to this build, which is faster. A key that exists is an error.
    pub new: Vec<RowChange>,
    /// Rows that may exist.
    pub again: Vec<RowChange>,
}

/// A row as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub key: String,
    /// The position of the log up to which the row follows.
    pub position: Position,
    /// The document as JSON.
    pub doc: String,
}

/// Rows as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPage {
    pub rows: Vec<Row>,
    /// What to ask for as [`Query::beyond`] to get the next page; `None` on the last.
    pub next: Option<String>,
    /// The position of the log up to which the view follows.
    pub position: Position,
}

/// A page of rows that are found by every filter.
#[derive(Clone, Debug)]
pub struct Query {
    /// Exactly one of the sets of [`ViewSpec::filters`], in any order, each with its value.
    pub equal: Vec<(&'static str, String)>,
    pub order: Order,
    /// `next` of the page before; `None` for the first page.
    pub beyond: Option<String>,
    /// At most so many rows.
    pub limit: u32,
}

/// Rows that are found by any of several values of one filter.
#[derive(Clone, Debug)]
pub struct Either {
    /// The filter, which is a set of [`ViewSpec::filters`] by itself.
    pub filter: &'static str,
    /// Its values.
    pub values: Vec<String>,
    /// Of each value, at most so many rows, those with the highest sort keys.
    pub each_max: u32,
    /// At most so many rows.
    pub limit: u32,
}

/// A place between two rows of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub sort: i64,
    pub key: String,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}~{}", self.sort, self.key)
    }
}

impl FromStr for Cursor {
    type Err = FindError;
    fn from_str(text: &str) -> Result<Self, FindError> {
        let (sort, key) = text.split_once('~').ok_or(FindError::Cursor)?;
        Ok(Self { sort: sort.parse().map_err(|_| FindError::Cursor)?, key: key.to_owned() })
    }
}

/// Why no page was found.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FindError {
    /// The caller made the cursor up.
    #[error("`beyond` must be the `next` of the page before, of this list with these filters")]
    Cursor,
    /// The database is broken or out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Keys of one build.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub build: Build,
    pub keys: Vec<String>,
}

/// Keys and documents as stored.
pub type Docs = Vec<(String, String)>;

/// What was found of [`Wanted`] rows.
#[derive(Clone, Debug)]
pub enum Loaded {
    Docs(Docs),
    /// The build was replaced by another one.
    Gone,
    /// The tables of this view cannot be read.
    Failed(Failure),
}

/// The tables of views.
#[async_trait]
pub trait ViewStore: Send + Sync + 'static {
    /// Every build of every view, in order of number.
    async fn builds(&self) -> Result<Vec<Registered>, Failure>;
    /// Makes an empty build beside the active one, with its checkpoint at 0.
    async fn begin(&self, view: &ViewSpec) -> Result<Build, Failure>;
    /// The documents of these keys, for each build; keys without a row are left out.
    async fn load(&self, wanted: &[Wanted]) -> Vec<Loaded>;
    /// Writes rows and moves checkpoints, those of all views in one transaction, and says what became of each. Where it
    /// fails as a whole, what was written is unknown.
    async fn save(&self, moves: &[Move]) -> Result<Vec<Saved>, Failure>;
    /// Makes an empty build for a bulk fill, which everybody else leaves alone. Its entries cannot be asked yet.
    async fn begin_bulk(&self, view: &ViewSpec) -> Result<Build, Failure>;
    /// Writes rows of a bulk fill, with all of their entries; what they had before does not count. The checkpoint does not
    /// move: a fill that breaks off is useless.
    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure>;
    /// Ends a bulk fill that has reached `to`: makes the entries, and sets the checkpoint. From then on the build is like
    /// any other.
    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure>;
    /// Makes `build` the active one and drops the other builds of its view, in one transaction.
    async fn activate(&self, build: &Build) -> Result<(), Failure>;
    /// Drops a build that is not active.
    async fn abandon(&self, build: &Build) -> Result<(), Failure>;
    /// One row of the active build.
    async fn get(&self, view: &ViewSpec, key: &str) -> Result<Option<Row>, Failure>;
    /// A page of the active build.
    async fn find(&self, view: &ViewSpec, query: &Query) -> Result<RowPage, FindError>;
    /// Rows of the active build that are found by any of these values, each once: those that are found by most of them first, then
    /// those with the highest sort keys. One statement.
    async fn find_either(&self, view: &ViewSpec, either: &Either) -> Result<RowPage, FindError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_the_set_and_a_value_for_each_filter() {
        assert_eq!(entry(3, ["JAS", "open"]), "3:JAS\u{1f}open");
        assert_eq!(entry(0, []), "0:");
        assert_eq!(entry(0, ["a\u{1f}b\0"]), "0:a\u{fffd}b\u{fffd}", "no value can be taken for two");
        let long = "长".repeat(400);
        assert_eq!(entry(1, [&*long]), format!("1:{}", Digest::of(format!("1:{long}").as_bytes())));
    }

    #[test]
    fn a_set_of_filters_is_found_in_any_order() {
        let sets: &[&[&str]] = &[&["grid"], &["grid", "stage"], &[]];
        let asked = |names: &[&'static str]| names.iter().map(|name| (*name, String::new())).collect::<Vec<_>>();
        assert_eq!(set_of(sets, &asked(&["stage", "grid"])), Some(1));
        assert_eq!(set_of(sets, &asked(&[])), Some(2));
        assert_eq!(set_of(sets, &asked(&["stage"])), None);
    }

    #[test]
    fn a_cursor_is_read_back_from_its_text() {
        let cursor = Cursor { sort: -7, key: "a~b".into() };
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        for bad in ["", "7", "x~a"] {
            assert!(matches!(bad.parse::<Cursor>(), Err(FindError::Cursor)), "{bad}");
        }
    }
}
