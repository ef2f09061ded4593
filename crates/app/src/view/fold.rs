//! What a view is, and how events are folded into its rows.

use std::sync::Arc;

use kernel::Recorded;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::working::InMemory;
use super::{CaseSummaryView, DepartmentOrderView, OpenObligationView};
use crate::event::{Read, Unreadable, read};
use crate::port::{RowChange, ViewSpec};

/// A view: which rows an event touches, and what becomes of each.
pub trait View: Send + Sync + 'static {
    /// Its table.
    const SPEC: ViewSpec;
    /// A row.
    type Row: Serialize + DeserializeOwned + Clone + Send;

    /// The keys of the rows that the event touches: ids of cases or orders.
    fn keys(event: &Read<'_>) -> [Option<Uuid>; 2];
    /// Makes of the row what it is after the event; a row that there is not is none.
    fn fold(key: Uuid, row: &mut Option<Self::Row>, event: &Read<'_>);
    /// Whether hardly any event is expected to come to the row any more. Where many rows are folded, such rows are let go first.
    fn is_settled(row: &Self::Row) -> bool;
    /// By what pages are ordered; no two rows have the same.
    fn sort(row: &Self::Row) -> i64;
    /// The text by which rows are found, of one of the fields that an index of [`View::SPEC`] names.
    fn field(row: &Self::Row, name: &str) -> Option<String>;
}

/// Why a batch could not be folded. The view stops there.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// An event cannot be read.
    #[error(transparent)]
    Event(#[from] Unreadable),
    /// A stored row cannot be read: the view changed without a new version.
    #[error("row {key:?} of view {view} cannot be read; rebuild the view")]
    Row {
        /// The view.
        view: &'static str,
        /// The row.
        key: String,
        /// What serde found.
        #[source]
        source: serde_json::Error,
    },
}

/// Rows of one view that are held in memory while events are folded into them.
pub trait Working: Send {
    /// How many rows are held.
    fn held(&self) -> usize;
    /// The keys that the events touch and that are not held.
    fn missing(&self, events: &[Read<'_>]) -> Vec<Uuid>;
    /// Takes rows as they are stored: key and document.
    fn hold(&mut self, rows: Vec<(String, String)>) -> Result<(), FoldError>;
    /// Folds events into the rows. A row that is not held is taken not to exist.
    fn apply(&mut self, events: &[Read<'_>]);
    /// Every row that changed since it was held or told last, in the order of the keys.
    fn changes(&mut self) -> Result<Vec<RowChange>, FoldError>;
    /// Lets go of rows until `keep` are held: settled ones first, then those that were touched longest ago. Gives those
    /// that changed, in the order of the keys.
    fn release(&mut self, keep: usize) -> Result<Vec<RowChange>, FoldError>;
}

/// A view behind a pointer.
pub trait Fold: Send + Sync {
    /// Its table.
    fn spec(&self) -> ViewSpec;
    /// No rows yet.
    fn working(&self) -> Box<dyn Working>;
}

/// Every view there is.
pub fn all() -> Vec<Arc<dyn Fold>> {
    vec![Arc::new(Pure(CaseSummaryView)), Arc::new(Pure(DepartmentOrderView)), Arc::new(Pure(OpenObligationView))]
}

/// A batch, read.
pub(crate) fn read_all(batch: &[Recorded]) -> Result<Vec<Read<'_>>, FoldError> {
    batch.iter().map(|recorded| Ok(read(recorded)?)).collect()
}

struct Pure<V>(V);

impl<V: View> Fold for Pure<V> {
    fn spec(&self) -> ViewSpec {
        V::SPEC
    }

    fn working(&self) -> Box<dyn Working> {
        Box::new(InMemory::<V>::default())
    }
}
