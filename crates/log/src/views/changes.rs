//! Row changes in the form the statements take.

use std::borrow::Cow;

use app::port::{Entries, RowChange};

/// Entries of many rows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct EntryList<'a> {
    pub(super) values: Vec<&'a str>,
    pub(super) sorts: Vec<i64>,
    pub(super) keys: Vec<&'a str>,
}

impl<'a> EntryList<'a> {
    fn add(&mut self, value: &'a str, sort: i64, key: &'a str) {
        self.values.push(value);
        self.sorts.push(sort);
        self.keys.push(key);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, i64, &'a str)> {
        self.values.iter().zip(&self.sorts).zip(&self.keys).map(|((value, sort), key)| (*value, *sort, *key))
    }
}

/// What a save writes and removes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes<'a> {
    pub(super) keys: Vec<&'a str>,
    pub(super) docs: Vec<Cow<'a, str>>,
    pub(super) removed: Vec<&'a str>,
    /// Entries that exist and must go.
    pub(super) gone: EntryList<'a>,
    /// Entries that do not exist yet.
    pub(super) made: EntryList<'a>,
}

impl<'a> Changes<'a> {
    pub(super) fn of(rows: &'a [RowChange]) -> Self {
        let mut changes = Self::default();
        for row in rows {
            match &row.doc {
                Some(doc) => {
                    changes.keys.push(&row.key);
                    changes.docs.push(without_nul(doc));
                }
                None => changes.removed.push(&row.key),
            }
            let (before, after) = (&row.before, &row.entries);
            let is_kept = |value: &String, other: &Entries| before.sort == after.sort && has(other, value);
            for value in before.values.iter().filter(|value| !is_kept(value, after)) {
                changes.gone.add(value, before.sort, &row.key);
            }
            for value in after.values.iter().filter(|value| !is_kept(value, before)) {
                changes.made.add(value, after.sort, &row.key);
            }
        }
        changes
    }
}

fn has(entries: &Entries, value: &String) -> bool {
    entries.values.binary_search(value).is_ok()
}

/// The document with U+FFFD for every NUL. PostgreSQL reads no field of a document that has one, and a view must not
/// stop because somebody typed one; the event keeps it.
pub(super) fn without_nul(doc: &str) -> Cow<'_, str> {
    const NUL: &str = "\\u0000";
    if !doc.contains(NUL) {
        return Cow::Borrowed(doc);
    }
    let mut clean = String::with_capacity(doc.len());
    let mut rest = doc;
    while let Some(place) = rest.find('\\') {
        let (before, escape) = rest.split_at(place);
        clean.push_str(before);
        // An escape is a backslash and an ASCII character, or \uXXXX, whose digits need no care.
        let (escape, after) = if let Some(after) = escape.strip_prefix(NUL) {
            ("\\ufffd", after)
        } else {
            escape.split_at_checked(2).unwrap_or((escape, ""))
        };
        clean.push_str(escape);
        rest = after;
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(sort: i64, values: &[&str]) -> Entries {
        Entries { sort, values: values.iter().map(|value| (*value).to_owned()).collect() }
    }

    fn changed(before: Entries, entries: Entries) -> Vec<RowChange> {
        let doc = (!entries.values.is_empty()).then(|| "{}".to_owned());
        vec![RowChange { key: "k".into(), doc, entries, before }]
    }

    fn list(list: &EntryList<'_>) -> Vec<String> {
        list.iter().map(|(value, sort, key)| format!("{value} {sort} {key}")).collect()
    }

    #[test]
    fn only_entries_that_changed_are_written() {
        let rows = changed(entries(1, &["a", "b", "d"]), entries(1, &["b", "c", "d"]));
        let changes = Changes::of(&rows);
        assert_eq!((list(&changes.gone), list(&changes.made)), (vec!["a 1 k".to_owned()], vec!["c 1 k".to_owned()]));
        assert_eq!(changes.keys, ["k"]);
    }

    #[test]
    fn another_sort_key_makes_every_entry_another() {
        let rows = changed(entries(1, &["a", "b"]), entries(2, &["a"]));
        let changes = Changes::of(&rows);
        assert_eq!(list(&changes.gone), ["a 1 k", "b 1 k"]);
        assert_eq!(list(&changes.made), ["a 2 k"]);
    }

    #[test]
    fn a_row_that_goes_takes_its_entries_along() {
        let rows = changed(entries(1, &["a"]), Entries::default());
        let changes = Changes::of(&rows);
        assert_eq!(changes.removed, ["k"]);
        assert_eq!((list(&changes.gone), changes.made), (vec!["a 1 k".to_owned()], EntryList::default()));
    }
}
