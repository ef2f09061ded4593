//! Tables of views: documents keyed by text, each build with its own checkpoint.

use async_trait::async_trait;
use kernel::Position;

use super::Failure;

/// What a view's table looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewSpec {
    /// Name, for example `case_summary` (lower-case ASCII and `_`).
    pub name: &'static str,
    /// A new version is built beside the old one and switched in one transaction.
    pub version: u32,
    /// Document fields by which rows are found; each list gets one index, which ends with the sort column.
    pub indexes: &'static [&'static [&'static str]],
}

impl ViewSpec {
    /// Every field that an index names, once, in the order in which they are named first. Each is a column beside the
    /// document.
    pub fn fields(&self) -> Vec<&'static str> {
        let mut fields = Vec::new();
        for field in self.indexes.iter().flat_map(|index| index.iter().copied()) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        fields
    }
}

/// One table of one view. There is at most one active build of a view; queries read that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Number of the build; its table is called after view and number.
    pub number: i64,
    /// The view it belongs to.
    pub spec: ViewSpec,
}

/// A row that is written, or removed where it has no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowChange {
    /// Key of the row.
    pub key: String,
    /// By what pages are ordered; a position as a rule.
    pub sort: i64,
    /// The texts by which the row is found, in the order of [`ViewSpec::fields`]; missing ones count as absent.
    pub fields: Vec<Option<String>>,
    /// The document as JSON; `None` removes the row.
    pub doc: Option<String>,
}

/// What a bulk fill writes at once. No key stands in it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilledRows {
    /// Rows whose keys were certainly never written to this build, which is faster. One that is there already is an error.
    pub new: Vec<RowChange>,
    /// Rows that may be there already.
    pub again: Vec<RowChange>,
}

/// A row as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Key of the row.
    pub key: String,
    /// By what pages are ordered.
    pub sort: i64,
    /// The document as JSON.
    pub doc: String,
}

/// In which order a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest sort value first.
    Ascending,
    /// Largest sort value first.
    Descending,
}

/// A page of rows: every field equals its text, on the far side of `beyond`.
#[derive(Clone, Debug)]
pub struct Query {
    /// Fields of [`ViewSpec::fields`] and their text; an index of the view has to lead with them.
    pub equal: Vec<(&'static str, String)>,
    /// In which order.
    pub order: Order,
    /// Rows after this sort value in that order; `None` for the first page.
    pub beyond: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// Why rows were not written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SaveError {
    /// Another runner has moved the checkpoint, or the build is gone. Nothing was written; look again.
    #[error("the checkpoint of the view was moved by another runner")]
    Fenced,
    /// The database is broken or out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The tables of views.
#[async_trait]
pub trait ViewStore: Send + Sync + 'static {
    /// The active build of a view, of whatever version.
    async fn active(&self, view: &ViewSpec) -> Result<Option<(Build, u32)>, Failure>;
    /// Makes an empty build beside the active one, with its checkpoint at 0, and its indexes.
    async fn begin(&self, view: &ViewSpec) -> Result<Build, Failure>;
    /// Builds of a view and version that were begun and are not active yet, but for bulk fills.
    async fn unfinished(&self, view: &ViewSpec) -> Result<Vec<Build>, Failure>;
    /// How far a build has come.
    async fn checkpoint(&self, build: &Build) -> Result<Position, Failure>;
    /// The documents of these keys; keys without a row are left out.
    async fn load(&self, build: &Build, keys: &[String]) -> Result<Vec<(String, String)>, Failure>;
    /// Writes rows and moves the checkpoint from `from` to `to`, in one transaction, or does nothing.
    async fn save(&self, build: &Build, from: Position, to: Position, rows: Vec<RowChange>) -> Result<(), SaveError>;
    /// Makes an empty build for a bulk fill: without indexes, and left alone by everybody else.
    async fn begin_bulk(&self, view: &ViewSpec) -> Result<Build, Failure>;
    /// Writes rows of a bulk fill. The checkpoint does not move: a fill that breaks off is of no use to anybody.
    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure>;
    /// Ends a bulk fill that has reached `to`: makes the indexes and sets the checkpoint. From then on the build is like
    /// any other.
    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure>;
    /// Makes `build` the active one and drops the other builds of its view, in one transaction.
    async fn activate(&self, build: &Build) -> Result<(), Failure>;
    /// Drops a build that is not active.
    async fn abandon(&self, build: &Build) -> Result<(), Failure>;
    /// One row of the active build.
    async fn get(&self, view: &ViewSpec, key: &str) -> Result<Option<Row>, Failure>;
    /// A page of the active build.
    async fn find(&self, view: &ViewSpec, query: &Query) -> Result<Vec<Row>, Failure>;
}
