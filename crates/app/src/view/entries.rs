//! By what the row of a view is found: one entry for each value of each set of filters.

use kernel::View;

use crate::port::Entries;
use crate::port::view_store::entry;

/// The sets of filters of one view.
pub(super) struct Filters {
    /// Every filter once.
    names: Vec<&'static str>,
    /// The filters of each set, as places in `names`.
    sets: Vec<Vec<usize>>,
    /// The values of one row, by filter.
    values: Vec<Vec<String>>,
}

impl Filters {
    pub(super) fn of(filters: &[&[&'static str]]) -> Self {
        let mut names: Vec<&'static str> = filters.concat();
        names.sort_unstable();
        names.dedup();
        let place = |filter: &&'static str| names.iter().position(|name| name == filter);
        let sets = filters.iter().map(|set| set.iter().filter_map(place).collect()).collect();
        Self { values: vec![Vec::new(); names.len()], names, sets }
    }

    /// By what the row is found; a missing one by nothing.
    pub(super) fn entries_of<V: View>(&mut self, row: Option<&V::Row>) -> Entries {
        let Some(row) = row else { return Entries::default() };
        for (name, values) in self.names.iter().zip(&mut self.values) {
            values.clear();
            V::values(row, name, &mut |value| values.push(value.to_owned()));
        }
        let mut entries = Entries { sort: V::sort(row), values: Vec::new() };
        for (number, set) in self.sets.iter().enumerate() {
            self.combine(number, set, &mut Vec::with_capacity(set.len()), &mut entries.values);
        }
        entries.values.sort_unstable();
        entries.values.dedup();
        entries
    }

    /// Adds an entry for every combination of the values of a set. A filter without a value finds no row.
    fn combine<'a>(&'a self, number: usize, set: &[usize], chosen: &mut Vec<&'a str>, to: &mut Vec<String>) {
        let Some(filter) = set.get(chosen.len()) else {
            to.push(entry(number, chosen.iter().copied()));
            return;
        };
        for value in &self.values[*filter] {
            chosen.push(value);
            self.combine(number, set, chosen, to);
            chosen.pop();
        }
    }
}
