//! Rows in the binary form in which PostgreSQL copies them into a table.
//!
//! See "Binary Format" in the chapter on COPY of PostgreSQL's documentation: a header, then for each row the number of its
//! columns and each column with its length before it, then an end mark. An array is a column that begins with the number of its
//! dimensions, whether it has nulls, the type of its elements, its length and its lower bound.

use app::port::RowChange;
use sqlx::PgConnection;

use super::changes::without_nul;

/// Signature, no flags, no extension of the header.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Where a row would tell its number of columns.
const END: [u8; 2] = (-1_i16).to_be_bytes();
/// So many bytes are sent at once, and the rest of a row.
const PIECE_BYTES: usize = 1 << 16;
/// The number of the type `text`.
const TEXT: i32 = 25;

/// Copies keys and documents into a table. A key that exists is an error.
pub(super) async fn copy_rows_in_tx(tx: &mut PgConnection, table: &str, rows: &[RowChange]) -> Result<(), sqlx::Error> {
    copy_in_tx(tx, &format!("{table} (key, doc)"), rows, add_row).await
}

/// Copies keys, sort keys and the lists of entries into a table. A key that exists is an error.
pub(super) async fn copy_entries_in_tx(
    tx: &mut PgConnection,
    table: &str,
    rows: &[RowChange],
) -> Result<(), sqlx::Error> {
    copy_in_tx(tx, &format!("{table} (key, sort, entries)"), rows, add_entries).await
}

async fn copy_in_tx(
    tx: &mut PgConnection,
    to: &str,
    rows: &[RowChange],
    add: fn(&RowChange, &str, &mut Vec<u8>) -> Result<(), sqlx::Error>,
) -> Result<(), sqlx::Error> {
    let mut copy = tx.copy_in_raw(&format!("copy {to} from stdin (format binary)")).await?;
    let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
    piece.extend_from_slice(HEADER);
    for row in rows {
        // A row without a document is none.
        let Some(doc) = &row.doc else { continue };
        add(row, doc, &mut piece)?;
        if piece.len() >= PIECE_BYTES {
            copy.send(&*piece).await?;
            piece.clear();
        }
    }
    piece.extend_from_slice(&END);
    copy.send(&*piece).await?;
    copy.finish().await.map(drop)
}

fn add_row(row: &RowChange, doc: &str, to: &mut Vec<u8>) -> Result<(), sqlx::Error> {
    to.extend_from_slice(&2_i16.to_be_bytes());
    add_column(row.key.as_bytes(), to)?;
    add_column(without_nul(doc).as_bytes(), to)
}

fn add_entries(row: &RowChange, _: &str, to: &mut Vec<u8>) -> Result<(), sqlx::Error> {
    to.extend_from_slice(&3_i16.to_be_bytes());
    add_column(row.key.as_bytes(), to)?;
    add_column(&row.entries.sort.to_be_bytes(), to)?;
    let values = &row.entries.values;
    let bytes = 20 + values.iter().map(|value| 4 + value.len()).sum::<usize>();
    for number in [length(bytes)?, 1, 0, TEXT, length(values.len())?, 1] {
        to.extend_from_slice(&number.to_be_bytes());
    }
    values.iter().try_for_each(|value| add_column(value.as_bytes(), to))
}

fn add_column(bytes: &[u8], to: &mut Vec<u8>) -> Result<(), sqlx::Error> {
    to.extend_from_slice(&length(bytes.len())?.to_be_bytes());
    to.extend_from_slice(bytes);
    Ok(())
}

fn length(bytes: usize) -> Result<i32, sqlx::Error> {
    i32::try_from(bytes).map_err(|error| sqlx::Error::Encode(error.into()))
}

#[cfg(test)]
mod tests {
    use app::port::Entries;

    use super::*;

    #[test]
    fn a_row_is_its_columns_with_their_lengths() {
        let entries = Entries { sort: 258, values: vec!["0:A".into(), String::new()] };
        let row = RowChange { key: "k".into(), entries, ..RowChange::default() };
        let mut bytes = Vec::new();
        add_row(&row, r#"{"a":"\u0000"}"#, &mut bytes).unwrap();
        assert_eq!(bytes, b"\0\x02\0\0\0\x01k\0\0\0\x0e{\"a\":\"\\ufffd\"}");
        bytes.clear();
        add_entries(&row, "", &mut bytes).unwrap();
        let sort = b"\0\x03\0\0\0\x01k\0\0\0\x08\0\0\0\0\0\0\x01\x02".as_slice();
        let array = b"\0\0\0\x1f\0\0\0\x01\0\0\0\0\0\0\0\x19\0\0\0\x02\0\0\0\x01\0\0\0\x030:A\0\0\0\0";
        assert_eq!(bytes, [sort, array].concat());
    }
}
