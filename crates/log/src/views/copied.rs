//! Rows in the binary form in which PostgreSQL copies them into a table.
//!
//! See "Binary Format" in the chapter on COPY of PostgreSQL's documentation: a header, then for each row the number of its
//! columns and each column with its length before it, then an end mark.

use app::port::RowChange;
use sqlx::PgConnection;

use super::changes::{text_without_nul, without_nul};

/// Signature, no flags, no extension of the header.
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Where a row would tell its number of columns.
const END: [u8; 2] = (-1_i16).to_be_bytes();
/// Where a column would tell its length.
const NULL: [u8; 4] = (-1_i32).to_be_bytes();
/// So many bytes are sent at once, and the rest of a row.
const PIECE_BYTES: usize = 1 << 16;

/// Copies rows into the table. One whose key is there already is an error.
pub(super) async fn copy_in_tx(
    tx: &mut PgConnection,
    table: &str,
    columns: &str,
    fields: usize,
    rows: Vec<RowChange>,
) -> Result<(), sqlx::Error> {
    let mut copy = tx.copy_in_raw(&format!("copy {table} ({columns}) from stdin (format binary)")).await?;
    let mut piece = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4);
    piece.extend_from_slice(HEADER);
    for row in rows {
        add(row, fields, &mut piece)?;
        if piece.len() >= PIECE_BYTES {
            copy.send(&*piece).await?;
            piece.clear();
        }
    }
    piece.extend_from_slice(&END);
    copy.send(&*piece).await?;
    copy.finish().await.map(drop)
}

/// Adds a row; one without a document is none.
fn add(row: RowChange, fields: usize, to: &mut Vec<u8>) -> Result<(), sqlx::Error> {
    let Some(doc) = row.doc else { return Ok(()) };
    let columns = i16::try_from(3 + fields).map_err(encode)?;
    to.extend_from_slice(&columns.to_be_bytes());
    add_column(row.key.as_bytes(), to)?;
    add_column(&row.sort.to_be_bytes(), to)?;
    add_column(without_nul(doc).as_bytes(), to)?;
    let mut texts = row.fields.into_iter();
    for _ in 0..fields {
        match texts.next().flatten() {
            Some(text) => add_column(text_without_nul(text).as_bytes(), to)?,
            None => to.extend_from_slice(&NULL),
        }
    }
    Ok(())
}

fn add_column(bytes: &[u8], to: &mut Vec<u8>) -> Result<(), sqlx::Error> {
    let length = i32::try_from(bytes.len()).map_err(encode)?;
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(bytes);
    Ok(())
}

fn encode(error: std::num::TryFromIntError) -> sqlx::Error {
    sqlx::Error::Encode(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_its_columns_with_their_lengths() {
        let fields = vec![None, Some("A\0".to_owned())];
        let row = RowChange { key: "k".to_owned(), sort: 258, fields, doc: Some("{}".to_owned()) };
        let none = RowChange { doc: None, ..row.clone() };
        let mut bytes = Vec::new();
        add(row, 3, &mut bytes).unwrap();
        add(none, 3, &mut bytes).unwrap();
        let key = b"\0\x06\0\0\0\x01k".as_slice();
        let sort = b"\0\0\0\x08\0\0\0\0\0\0\x01\x02";
        let doc = b"\0\0\0\x02{}";
        let fields = b"\xff\xff\xff\xff\0\0\0\x04A\xef\xbf\xbd\xff\xff\xff\xff";
        assert_eq!(bytes, [key, sort, doc, fields].concat());
    }
}
