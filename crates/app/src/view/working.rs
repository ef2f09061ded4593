//! Rows in memory.

use std::borrow::Borrow;
use std::cmp::Ordering;
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
        let changes = changes_of::<V, &V::Row>(rows.iter().map(|(key, held)| (*key, held.row.as_ref())), &self.fields)?;
        for (_, held) in rows {
            held.changed = false;
        }
        Ok(changes)
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
        let mut rows: Vec<(Uuid, Option<V::Row>)> = Vec::with_capacity(too_many);
        rows.extend(released.filter(|(_, held)| held.changed).map(|(key, held)| (key, held.row)));
        rows.sort_unstable_by_key(|(key, _)| *key);
        changes_of::<V, V::Row>(rows.into_iter(), &self.fields)
    }
}

/// What is written of these rows, in their order. A list that is collected from them would go on in their room, which is six times as
/// large as it needs.
fn changes_of<V: View, R: Borrow<V::Row>>(
    rows: impl ExactSizeIterator<Item = (Uuid, Option<R>)>,
    fields: &[&'static str],
) -> Result<Vec<RowChange>, FoldError> {
    let mut changes = Vec::with_capacity(rows.len());
    let mut text = Vec::new();
    for (key, row) in rows {
        changes.push(change::<V>(key, row.as_ref().map(Borrow::borrow), fields, &mut text)?);
    }
    Ok(changes)
}

/// The order of keys is that of their texts: hyphens stand in the same places, and digits before letters. The document is made in
/// `text`, so that it takes no more room than it needs.
fn change<V: View>(
    key: Uuid,
    row: Option<&V::Row>,
    fields: &[&'static str],
    text: &mut Vec<u8>,
) -> Result<RowChange, FoldError> {
    let key = key.to_string();
    let Some(row) = row else { return Ok(RowChange { key, sort: 0, fields: Vec::new(), doc: None }) };
    let fields = fields.iter().map(|name| V::field(row, name)).collect();
    text.clear();
    let written = serde_json::to_writer(&mut *text, row);
    let doc = written.and_then(|()| std::str::from_utf8(text).map_err(serde_json::Error::custom));
    match doc {
        Ok(doc) => Ok(RowChange { sort: V::sort(row), fields, doc: Some(doc.to_owned()), key }),
        Err(source) => Err(unreadable::<V>(&key, source)),
    }
}

fn unreadable<V: View>(key: &str, source: serde_json::Error) -> FoldError {
    FoldError::Row { view: V::SPEC.name, key: key.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::port::ViewSpec;

    /// Rows that are settled from 100 on.
    struct Numbers;

    impl View for Numbers {
        const SPEC: ViewSpec = ViewSpec { name: "numbers", version: 1, indexes: &[] };
        type Row = u64;

        fn keys(_: &Read<'_>) -> [Option<Uuid>; 2] {
            [None, None]
        }

        fn fold(_: Uuid, _: &mut Option<u64>, _: &Read<'_>) {}

        fn is_settled(row: &u64) -> bool {
            *row >= 100
        }

        fn sort(row: &u64) -> i64 {
            row.cast_signed()
        }

        fn field(_: &u64, _: &str) -> Option<String> {
            None
        }
    }

    /// Holds these rows, each touched in the batch of its number.
    fn holding(rows: &[u64]) -> InMemory<Numbers> {
        let mut working = InMemory::default();
        let held = |row: u64| Held { row: Some(row), changed: true, touched: row };
        working.rows.extend(rows.iter().map(|row| (Uuid::from_u128(u128::from(*row)), held(*row))));
        working
    }

    fn released(working: &mut InMemory<Numbers>, keep: usize) -> Vec<String> {
        let changes = working.release(keep).unwrap();
        changes.into_iter().map(|change| change.doc.unwrap()).collect()
    }

    #[test]
    fn settled_rows_go_first_and_then_those_that_were_touched_longest_ago() {
        let mut working = holding(&[3, 1, 2, 100]);
        assert_eq!(released(&mut working, 2), ["1", "100"]);
        assert_eq!(released(&mut working, 2), [""; 0]);
        assert_eq!(released(&mut working, 0), ["2", "3"]);
    }

    #[test]
    fn of_many_settled_rows_no_more_are_let_go_than_it_takes() {
        let mut working = holding(&(100..200).chain(0..10).collect::<Vec<_>>());
        let changes = released(&mut working, 107);
        assert_eq!(changes.len(), 3);
        assert!(changes.iter().all(|row| row.len() == 3), "{changes:?}");
        assert_eq!(working.held(), 107);
    }

    #[test]
    fn rows_that_did_not_change_are_let_go_in_silence() {
        let mut working = holding(&[1, 2]);
        working.changes().unwrap();
        assert_eq!(released(&mut working, 0), [""; 0]);
        assert_eq!(working.held(), 0);
    }
}
