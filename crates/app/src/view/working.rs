//! Rows in memory.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use super::fold::{FoldError, View, Working};
use crate::event::Read;
use crate::port::RowChange;

/// A row, or that there is none.
struct Held<R> {
    row: Option<R>,
    changed: bool,
    /// The number of the batch that touched it last.
    touched: u64,
}

/// The rows of one view.
pub(super) struct InMemory<V: View> {
    rows: HashMap<String, Held<V::Row>>,
    batches: u64,
}

impl<V: View> Default for InMemory<V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), batches: 0 }
    }
}

impl<V: View> Working for InMemory<V> {
    fn held(&self) -> usize {
        self.rows.len()
    }

    fn missing(&self, events: &[Read<'_>]) -> Vec<String> {
        let touched = events.iter().flat_map(V::keys);
        let missing: HashSet<String> = touched.filter(|key| !self.rows.contains_key(key)).collect();
        missing.into_iter().collect()
    }

    fn hold(&mut self, rows: Vec<(String, String)>) -> Result<(), FoldError> {
        for (key, doc) in rows {
            let row = serde_json::from_str(&doc).map_err(|source| unreadable::<V>(&key, source))?;
            self.rows.insert(key, Held { row: Some(row), changed: false, touched: self.batches });
        }
        Ok(())
    }

    fn apply(&mut self, events: &[Read<'_>]) {
        self.batches += 1;
        for event in events {
            for key in V::keys(event) {
                match self.rows.entry(key) {
                    Entry::Occupied(mut held) => {
                        let row = held.get_mut().row.take();
                        let row = V::fold(held.key(), row, event);
                        *held.get_mut() = Held { row, changed: true, touched: self.batches };
                    }
                    Entry::Vacant(none) => {
                        let row = V::fold(none.key(), None, event);
                        none.insert(Held { row, changed: true, touched: self.batches });
                    }
                }
            }
        }
    }

    fn changes(&mut self) -> Result<Vec<RowChange>, FoldError> {
        let mut changes = Vec::new();
        for (key, held) in self.rows.iter_mut().filter(|(_, held)| held.changed) {
            changes.push(change::<V>(key.clone(), held.row.as_ref())?);
            held.changed = false;
        }
        changes.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(changes)
    }

    fn release(&mut self, keep: usize) -> Result<Vec<RowChange>, FoldError> {
        if self.rows.len() <= keep {
            return Ok(Vec::new());
        }
        let mut ages: Vec<u64> = self.rows.values().map(|held| held.touched).collect();
        let (_, newest_released, _) = ages.select_nth_unstable(self.rows.len() - keep - 1);
        let newest_released = *newest_released;
        let mut changes = Vec::new();
        for (key, held) in self.rows.extract_if(|_, held| held.touched <= newest_released) {
            if held.changed {
                changes.push(change::<V>(key, held.row.as_ref())?);
            }
        }
        changes.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(changes)
    }
}

fn change<V: View>(key: String, row: Option<&V::Row>) -> Result<RowChange, FoldError> {
    let Some(row) = row else { return Ok(RowChange { key, sort: 0, fields: Vec::new(), doc: None }) };
    let fields = V::SPEC.fields().into_iter().map(|name| V::field(row, name)).collect();
    match serde_json::to_string(row) {
        Ok(doc) => Ok(RowChange { sort: V::sort(row), fields, doc: Some(doc), key }),
        Err(source) => Err(unreadable::<V>(&key, source)),
    }
}

fn unreadable<V: View>(key: &str, source: serde_json::Error) -> FoldError {
    FoldError::Row { view: V::SPEC.name, key: key.to_owned(), source }
}
