//! Row changes in the form the statements take.

use std::collections::HashMap;

use app::port::RowChange;

/// What a save writes and removes. No key stands in it twice: the last change of a key counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) keys: Vec<String>,
    pub(super) sorts: Vec<i64>,
    pub(super) docs: Vec<String>,
    pub(super) removed: Vec<String>,
}

impl Changes {
    pub(super) fn of(rows: Vec<RowChange>) -> Self {
        let last: HashMap<String, usize> = rows.iter().enumerate().map(|(n, row)| (row.key.clone(), n)).collect();
        let mut changes = Self::default();
        for (n, row) in rows.into_iter().enumerate() {
            if last.get(&row.key) != Some(&n) {
                continue;
            }
            match row.doc {
                Some(doc) => {
                    changes.keys.push(row.key);
                    changes.sorts.push(row.sort);
                    changes.docs.push(without_nul(doc));
                }
                None => changes.removed.push(row.key),
            }
        }
        changes
    }
}

/// The document with U+FFFD for every NUL. PostgreSQL reads no field of a document that has one, and a view must not
/// stop because somebody typed one; the event keeps it.
fn without_nul(doc: String) -> String {
    const NUL: &str = "\\u0000";
    if !doc.contains(NUL) {
        return doc;
    }
    let mut clean = String::with_capacity(doc.len());
    let mut rest = doc.as_str();
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
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_of_a_key_counts() {
        let row =
            |key: &str, sort, doc: Option<&str>| RowChange { key: key.to_owned(), sort, doc: doc.map(str::to_owned) };
        let changes = Changes::of(vec![row("a", 1, Some("1")), row("b", 2, Some("2")), row("a", 3, None)]);
        assert_eq!(changes.keys, ["b"]);
        assert_eq!(changes.removed, ["a"]);
    }
}
