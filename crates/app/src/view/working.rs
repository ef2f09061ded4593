//! Rows in memory.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use kernel::{Key, Read, Version, View};
use serde::de::Error as _;

use super::entries::Filters;
use crate::event::Unreadable;
use crate::port::view_store::Docs;
use crate::port::{Entries, RowChange};

/// Why events could not be folded. The view stops there.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// An event cannot be read.
    #[error(transparent)]
    Event(#[from] Unreadable),
    /// A stored row cannot be read: the view changed without a new version.
    #[error("row `{key}` of view {view} cannot be read; rebuild the view")]
    Row {
        view: &'static str,
        key: String,
        #[source]
        source: serde_json::Error,
    },
    /// The fold panicked, which is a fault in the view.
    #[error("view {view} panicked while it folded")]
    Panicked { view: &'static str },
}

/// Runs code of a view. The rows that it held are of no use after an error.
pub(crate) fn guarded<T>(
    view: &'static str,
    working: &mut dyn Working,
    work: impl FnOnce(&mut dyn Working) -> T,
) -> Result<T, FoldError> {
    catch_unwind(AssertUnwindSafe(|| work(working))).map_err(|_| FoldError::Panicked { view })
}

/// Rows of one view that are held in memory while events are folded into them.
pub trait Working: Send {
    /// How many rows are held.
    fn held(&self) -> usize;
    /// The keys that the events touch and that are not held.
    fn missing(&self, events: &[Read<'_>]) -> Vec<String>;
    /// Takes rows as they are stored: key and document.
    fn hold(&mut self, rows: Docs) -> Result<(), FoldError>;
    /// Folds events into the rows. A row that is not held is taken not to exist.
    fn apply(&mut self, events: &[Read<'_>]);
    /// Every row that changed since it was held or told last, in the order of the keys.
    fn changes(&mut self) -> Result<Vec<RowChange>, FoldError>;
    /// Lets go of rows until `keep` are held: settled ones first, then those that were touched longest ago. Gives those
    /// that changed, in the order of the keys.
    fn release(&mut self, keep: usize) -> Result<Vec<RowChange>, FoldError>;
}

/// A row, or that there is none.
struct Held<R> {
    row: Option<R>,
    /// Whether the table has it.
    is_stored: bool,
    is_changed: bool,
    /// By what the stored row is found; known once the row has changed.
    before: Entries,
    /// The number of the batch that touched it last.
    touched: u64,
}

impl<R> Held<R> {
    /// The batch that touched it last; before all of them where the row is settled.
    fn last_needed<V: View<Row = R>>(&self) -> u64 {
        if self.row.as_ref().is_some_and(V::is_settled) { 0 } else { self.touched }
    }

    /// Whether the table must be told.
    fn is_news(&self) -> bool {
        self.is_changed && (self.is_stored || self.row.is_some())
    }
}

/// The rows of one view.
pub(super) struct InMemory<V: View> {
    rows: HashMap<Key, Held<V::Row>>,
    batches: u64,
    filters: Filters,
}

impl<V: View> Default for InMemory<V> {
    fn default() -> Self {
        Self { rows: HashMap::new(), batches: 0, filters: Filters::of(V::FILTERS) }
    }
}

impl<V: View> Working for InMemory<V> {
    fn held(&self) -> usize {
        self.rows.len()
    }

    fn missing(&self, events: &[Read<'_>]) -> Vec<String> {
        let mut missing = HashSet::new();
        for event in events {
            // Before its first event nobody can have named an aggregate, so there is no row to be looked for.
            let begins = (event.recorded.version == Version(1)).then(|| event.id());
            V::keys(event, &mut |key| {
                let key = storable(key);
                if !self.rows.contains_key(&key) && (begins.is_none() || key.id() != begins) {
                    missing.insert(key);
                }
            });
        }
        missing.iter().map(ToString::to_string).collect()
    }

    fn hold(&mut self, rows: Docs) -> Result<(), FoldError> {
        for (key, doc) in rows {
            let row = serde_json::from_str(&doc).map_err(|source| unreadable::<V>(&key, source))?;
            let touched = self.batches;
            let held = Held { row: Some(row), is_stored: true, is_changed: false, before: Entries::default(), touched };
            self.rows.insert(Key::read(&key), held);
        }
        Ok(())
    }

    fn apply(&mut self, events: &[Read<'_>]) {
        self.batches += 1;
        let mut keys: Vec<Key> = Vec::new();
        for event in events {
            V::keys(event, &mut |key| {
                let key = storable(key);
                // A view may name a row twice, for example where an event moves something to where it is.
                if !keys.contains(&key) {
                    keys.push(key);
                }
            });
            for key in keys.drain(..) {
                let held = self.rows.entry(key.clone()).or_insert_with(|| Held {
                    row: None,
                    is_stored: false,
                    is_changed: false,
                    before: Entries::default(),
                    touched: 0,
                });
                if !held.is_changed {
                    held.before = self.filters.entries_of::<V>(held.row.as_ref());
                }
                V::fold(&key, &mut held.row, event);
                (held.is_changed, held.touched) = (true, self.batches);
            }
        }
    }

    fn changes(&mut self) -> Result<Vec<RowChange>, FoldError> {
        let mut changes = Changes::<V>::new(&mut self.filters);
        for (key, held) in self.rows.iter_mut().filter(|(_, held)| held.is_changed) {
            let before = std::mem::take(&mut held.before);
            if held.is_news() {
                changes.add(key, held.row.as_ref(), before)?;
            }
            (held.is_changed, held.is_stored) = (false, held.row.is_some());
        }
        Ok(changes.in_order())
    }

    fn release(&mut self, keep: usize) -> Result<Vec<RowChange>, FoldError> {
        if self.rows.len() <= keep {
            return Ok(Vec::new());
        }
        let too_many = self.rows.len() - keep;
        let mut ages: Vec<u64> = self.rows.values().map(Held::last_needed::<V>).collect();
        let (older, newest_released, _) = ages.select_nth_unstable(too_many - 1);
        let newest_released = *newest_released;
        // Of those that are as old as the newest, only as many as it takes: there may be thousands.
        let mut of_that_age = too_many - older.iter().filter(|age| **age < newest_released).count();
        let released = self.rows.extract_if(|_, held| match held.last_needed::<V>().cmp(&newest_released) {
            Ordering::Less => true,
            Ordering::Equal if of_that_age > 0 => {
                of_that_age -= 1;
                true
            }
            _ => false,
        });
        let mut changes = Changes::<V>::new(&mut self.filters);
        for (key, held) in released.filter(|(_, held)| held.is_news()) {
            changes.add(&key, held.row, held.before)?;
        }
        Ok(changes.in_order())
    }
}

/// What is written of rows.
struct Changes<'a, V> {
    filters: &'a mut Filters,
    rows: Vec<RowChange>,
    /// A document is made here first, so that it takes no more room than it needs.
    text: Vec<u8>,
    of: std::marker::PhantomData<V>,
}

impl<'a, V: View> Changes<'a, V> {
    fn new(filters: &'a mut Filters) -> Self {
        Self { filters, rows: Vec::new(), text: Vec::new(), of: std::marker::PhantomData }
    }

    fn add(&mut self, key: &Key, row: Option<impl Borrow<V::Row>>, before: Entries) -> Result<(), FoldError> {
        let (key, row) = (key.to_string(), row.as_ref().map(Borrow::borrow));
        let entries = self.filters.entries_of::<V>(row);
        let doc = match row {
            Some(row) => Some(self.document(row).map_err(|source| unreadable::<V>(&key, source))?),
            None => None,
        };
        self.rows.push(RowChange { key, doc, entries, before });
        Ok(())
    }

    fn document(&mut self, row: &V::Row) -> Result<String, serde_json::Error> {
        self.text.clear();
        serde_json::to_writer(&mut self.text, row)?;
        std::str::from_utf8(&self.text).map(str::to_owned).map_err(serde_json::Error::custom)
    }

    fn in_order(mut self) -> Vec<RowChange> {
        self.rows.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        self.rows
    }
}

/// The key as it can be stored: PostgreSQL keeps no NUL in a text.
fn storable(key: Key) -> Key {
    match key {
        Key::Text(text) if text.contains('\0') => Key::Text(text.replace('\0', "\u{fffd}").into()),
        key => key,
    }
}

fn unreadable<V: View>(key: &str, source: serde_json::Error) -> FoldError {
    FoldError::Row { view: V::NAME, key: key.to_owned(), source }
}

#[cfg(test)]
mod tests;
