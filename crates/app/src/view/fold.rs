//! What a view is, and how a batch of events is folded into its rows.

use std::collections::{BTreeMap, BTreeSet};

use kernel::Recorded;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{CaseSummaryView, DepartmentOrderView, OpenObligationView};
use crate::event::{Read, Unreadable, read};
use crate::port::{RowChange, ViewSpec};

/// A view: which rows an event touches, and what becomes of each.
pub trait View: Send + Sync + 'static {
    /// Its table.
    const SPEC: ViewSpec;
    /// A row.
    type Row: Serialize + DeserializeOwned + Clone + Send;

    /// The keys of the rows that the event touches.
    fn keys(event: &Read<'_>) -> Vec<String>;
    /// The row after the event; none removes it.
    fn fold(key: &str, row: Option<Self::Row>, event: &Read<'_>) -> Option<Self::Row>;
    /// By what pages are ordered; no two rows have the same.
    fn sort(row: &Self::Row) -> i64;
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

/// A view behind a pointer.
pub trait Fold: Send + Sync {
    /// Its table.
    fn spec(&self) -> ViewSpec;
    /// The keys of all rows that a batch touches.
    fn touched(&self, batch: &[Recorded]) -> Result<Vec<String>, FoldError>;
    /// The rows as they are after the batch.
    fn folded(&self, rows: Vec<(String, String)>, batch: &[Recorded]) -> Result<Vec<RowChange>, FoldError>;
}

/// Every view there is.
pub fn all() -> Vec<Box<dyn Fold>> {
    vec![Box::new(Pure(CaseSummaryView)), Box::new(Pure(DepartmentOrderView)), Box::new(Pure(OpenObligationView))]
}

struct Pure<V>(V);

impl<V: View> Fold for Pure<V> {
    fn spec(&self) -> ViewSpec {
        V::SPEC
    }

    fn touched(&self, batch: &[Recorded]) -> Result<Vec<String>, FoldError> {
        let mut keys = BTreeSet::new();
        for recorded in batch {
            keys.extend(V::keys(&read(recorded)?));
        }
        Ok(keys.into_iter().collect())
    }

    fn folded(&self, rows: Vec<(String, String)>, batch: &[Recorded]) -> Result<Vec<RowChange>, FoldError> {
        let unreadable = |key: &str, source| FoldError::Row { view: V::SPEC.name, key: key.to_owned(), source };
        let mut before: BTreeMap<String, V::Row> = BTreeMap::new();
        for (key, doc) in rows {
            let row = serde_json::from_str(&doc).map_err(|source| unreadable(&key, source))?;
            before.insert(key, row);
        }
        let mut after: BTreeMap<String, Option<V::Row>> = BTreeMap::new();
        for recorded in batch {
            let event = read(recorded)?;
            for key in V::keys(&event) {
                let row = after.remove(&key).unwrap_or_else(|| before.remove(&key));
                let row = V::fold(&key, row, &event);
                after.insert(key, row);
            }
        }
        let changed = |(key, row): (String, Option<V::Row>)| match row {
            None => Ok(RowChange { key, sort: 0, doc: None }),
            Some(row) => match serde_json::to_string(&row) {
                Ok(doc) => Ok(RowChange { sort: V::sort(&row), doc: Some(doc), key }),
                Err(source) => Err(unreadable(&key, source)),
            },
        };
        after.into_iter().map(changed).collect()
    }
}
