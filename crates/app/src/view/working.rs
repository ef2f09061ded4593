//! Rows in memory.

use std::collections::{HashMap, HashSet};

use serde::de::Error as _;
use uuid::Uuid;

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

impl<R> Held<R> {
    /// The batch that touched it last; before all of them where the row is settled.
    fn last_needed<V: View<Row = R>>(&self) -> u64 {
        if self.row.as_ref().is_some_and(V::is_settled) { 0 } else { self.touched }
    }
}

/// The rows of one view.
pub(super) struct InMemory<V: View> {
    rows: HashMap<Uuid, Held<V::Row>>,
    batches: u64,
    /// The fields by which rows are found.
    fields: Vec<&'static str>,
}

impl<V: View> Default for InMemory<V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), batches: 0, fields: V::SPEC.fields() }
    }
}

impl<V: View> Working for InMemory<V> {
    fn held(&self) -> usize {
        self.rows.len()
    }

    fn missing(&self, events: &[Read<'_>]) -> Vec<Uuid> {
        let touched = events.iter().flat_map(V::keys).flatten();
        let missing: HashSet<Uuid> = touched.filter(|key| !self.rows.contains_key(key)).collect();
        missing.into_iter().collect()
    }

    fn hold(&mut self, rows: Vec<(String, String)>) -> Result<(), FoldError> {
        for (key, doc) in rows {
            let id = Uuid::try_parse(&key).map_err(|error| unreadable::<V>(&key, serde_json::Error::custom(error)))?;
            let row = serde_json::from_str(&doc).map_err(|source| unreadable::<V>(&key, source))?;
            self.rows.insert(id, Held { row: Some(row), changed: false, touched: self.batches });
        }
        Ok(())
    }

    fn apply(&mut self, events: &[Read<'_>]) {
        self.batches += 1;
        for event in events {
            for key in V::keys(event).into_iter().flatten() {
                let held = self.rows.entry(key).or_insert(Held { row: None, changed: true, touched: 0 });
                V::fold(key, &mut held.row, event);
                (held.changed, held.touched) = (true, self.batches);
            }
        }
    }

    fn changes(&mut self) -> Result<Vec<RowChange>, FoldError> {
        let mut rows: Vec<(Uuid, &mut Held<V::Row>)> = Vec::new();
        rows.extend(self.rows.iter_mut().filter(|(_, held)| held.changed).map(|(key, held)| (*key, held)));
        rows.sort_unstable_by_key(|(key, _)| *key);
        let mut changes = Vec::with_capacity(rows.len());
        for (key, held) in rows {
            changes.push(change::<V>(key, held.row.as_ref(), &self.fields)?);
            held.changed = false;
        }
        Ok(changes)
    }

    fn release(&mut self, keep: usize) -> Result<Vec<RowChange>, FoldError> {
        if self.rows.len() <= keep {
            return Ok(Vec::new());
        }
        let mut ages: Vec<u64> = self.rows.values().map(Held::last_needed::<V>).collect();
        let (_, newest_released, _) = ages.select_nth_unstable(self.rows.len() - keep - 1);
        let newest_released = *newest_released;
        let released = self.rows.extract_if(|_, held| held.last_needed::<V>() <= newest_released);
        let mut rows: Vec<(Uuid, Option<V::Row>)> =
            released.filter(|(_, held)| held.changed).map(|(key, held)| (key, held.row)).collect();
        rows.sort_unstable_by_key(|(key, _)| *key);
        rows.into_iter().map(|(key, row)| change::<V>(key, row.as_ref(), &self.fields)).collect()
    }
}

/// The order of keys is that of their texts: hyphens stand in the same places, and digits before letters.
fn change<V: View>(key: Uuid, row: Option<&V::Row>, fields: &[&'static str]) -> Result<RowChange, FoldError> {
    let key = key.to_string();
    let Some(row) = row else { return Ok(RowChange { key, sort: 0, fields: Vec::new(), doc: None }) };
    let fields = fields.iter().map(|name| V::field(row, name)).collect();
    match serde_json::to_string(row) {
        Ok(doc) => Ok(RowChange { sort: V::sort(row), fields, doc: Some(doc), key }),
        Err(source) => Err(unreadable::<V>(&key, source)),
    }
}

fn unreadable<V: View>(key: &str, source: serde_json::Error) -> FoldError {
    FoldError::Row { view: V::SPEC.name, key: key.to_owned(), source }
}
