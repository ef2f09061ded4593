//! Multi-row inserts in few fixed sizes, so that their statements stay prepared.

use std::fmt::Write as _;

/// Sizes of multi-row statements, largest first.
const SIZES: [usize; 3] = [64, 16, 1];

/// Cuts `rows` into pieces of the fixed sizes.
pub(crate) fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = SIZES.into_iter().find(|&size| size <= rows.len())?;
        let (chunk, rest) = rows.split_at(size);
        rows = rest;
        Some(chunk)
    })
}

/// `insert into … values (…), (…)` for so many rows. `head` is everything before `values`, `tail` what comes after.
pub(crate) fn insert(head: &str, columns: usize, rows: usize, tail: &str) -> String {
    let mut sql = format!("{head} values ");
    let row = format!("({})", vec!["?"; columns].join(", "));
    for n in 0..rows {
        let comma = if n == 0 { "" } else { ", " };
        write!(sql, "{comma}{row}").expect("a String takes any text");
    }
    sql.push_str(tail);
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_fixed_sizes() {
        let rows = [0_u8; 64 + 64 + 16 + 3];
        let sizes: Vec<usize> = chunks(&rows).map(<[u8]>::len).collect();
        assert_eq!(sizes, [64, 64, 16, 1, 1, 1]);
        assert_eq!(chunks::<u8>(&[]).count(), 0);
    }

    #[test]
    fn a_row_has_a_mark_for_every_column() {
        assert_eq!(insert("insert into t (a, b)", 2, 2, ""), "insert into t (a, b) values (?, ?), (?, ?)");
    }
}
