//! Row changes in the form the statements take.

use std::collections::HashMap;

use app::port::RowChange;

/// What a save writes and removes. No key stands in it twice: the last change of a key counts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) keys: Vec<String>,
    pub(super) sorts: Vec<i64>,
    pub(super) docs: Vec<String>,
    /// One list of texts for each field.
    pub(super) fields: Vec<Vec<Option<String>>>,
    pub(super) removed: Vec<String>,
}

impl Changes {
    pub(super) fn of(rows: Vec<RowChange>, fields: usize) -> Self {
        let last: HashMap<String, usize> = rows.iter().enumerate().map(|(n, row)| (row.key.clone(), n)).collect();
        let rows = rows.into_iter().enumerate();
        Self::of_each(rows.filter(|(n, row)| last.get(&row.key) == Some(n)).map(|(_, row)| row), fields)
    }

    /// Of rows among which no key is twice, or has to be refused if it is.
    pub(super) fn of_each(rows: impl IntoIterator<Item = RowChange>, fields: usize) -> Self {
        let mut changes = Self { fields: vec![Vec::new(); fields], ..Self::default() };
        for row in rows {
            let Some(doc) = row.doc else {
                changes.removed.push(row.key);
                continue;
            };
            changes.keys.push(row.key);
            changes.sorts.push(row.sort);
            changes.docs.push(without_nul(doc));
            let mut texts = row.fields.into_iter();
            for field in &mut changes.fields {
                field.push(texts.next().flatten().map(text_without_nul));
            }
        }
        changes
    }
}

/// The text with U+FFFD for every NUL: PostgreSQL keeps none in a text.
pub(super) fn text_without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// The document with U+FFFD for every NUL. PostgreSQL reads no field of a document that has one, and a view must not
/// stop because somebody typed one; the event keeps it.
pub(super) fn without_nul(doc: String) -> String {
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
        let row = |key: &str, sort, doc: Option<&str>| {
            let fields = vec![Some(format!("of {key}\0"))];
            RowChange { key: key.to_owned(), sort, fields, doc: doc.map(str::to_owned) }
        };
        let changes = Changes::of(vec![row("a", 1, Some("1")), row("b", 2, Some("2")), row("a", 3, None)], 2);
        assert_eq!(changes.keys, ["b"]);
        assert_eq!(changes.fields, [vec![Some("of b\u{fffd}".to_owned())], vec![None]]);
        assert_eq!(changes.removed, ["a"]);
    }
}
