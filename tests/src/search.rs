//! Looking for a text wherever it could have been written.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use testkit::postgres::Postgres;

/// Where a text was found: a file, or a table of a database.
pub type Place = String;

/// The files below a folder, or the file itself, whose bytes hold a text; the paths are told.
pub fn in_files(root: &Path, text: &str) -> anyhow::Result<Vec<Place>> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).with_context(|| format!("could not list {}", path.display()))?;
            for entry in entries {
                waiting.push(entry?.path());
            }
        } else if path.is_file() {
            // Servers are running: a file may be gone by now.
            let bytes = std::fs::read(&path).unwrap_or_default();
            if forms(text).iter().any(|form| contains(&bytes, form)) {
                found.push(path.display().to_string());
            }
        }
    }
    Ok(found)
}

/// The name of the database in an address.
pub fn database_of(url: &str) -> anyhow::Result<&str> {
    match url.strip_prefix("postgres://").and_then(|rest| rest.rsplit_once('/')) {
        Some((_, name)) => Ok(name),
        None => bail!("{url} is no address of a PostgreSQL database"),
    }
}

/// The tables of a PostgreSQL database, of every schema, that hold a text in any column.
pub async fn in_database(server: &Postgres, database: &str, text: &str) -> anyhow::Result<Vec<Place>> {
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables
        where schemaname not in ('pg_catalog', 'information_schema')";
    let mut found = Vec::new();
    for table in server.query(database, tables).await?.lines() {
        let rows = server.query(database, &format!("select t::text from {table} t")).await?;
        if forms(text).iter().any(|form| contains(rows.as_bytes(), form)) {
            found.push(table.to_owned());
        }
    }
    Ok(found)
}

/// How a text can be written: as it is, as JSON escapes it, and as PostgreSQL shows bytes.
fn forms(text: &str) -> [Vec<u8>; 3] {
    let (mut escaped, mut hex) = (String::new(), String::new());
    for unit in text.encode_utf16() {
        // Writing into a String cannot fail.
        let _ = match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
            Some(letter) => write!(escaped, "{letter}"),
            None => write!(escaped, "\\u{unit:04x}"),
        };
    }
    for byte in text.bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    [text.as_bytes().to_vec(), escaped.into_bytes(), hex.into_bytes()]
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_in_every_form_it_may_be_written_in() {
        let [plain, escaped, hex] = forms("a丁");
        assert_eq!(plain, "a丁".as_bytes());
        assert_eq!(escaped, b"a\\u4e01");
        assert_eq!(hex, b"61e4b881");
        assert!(contains(b"xa\\u4e01y", &escaped) && !contains(b"a", &escaped));
    }

    #[test]
    fn the_database_is_the_last_part_of_its_address() {
        assert_eq!(database_of("postgres://u:p@127.0.0.1:1/t_ab").unwrap(), "t_ab");
        let refused = database_of("sqlite:/x/log.db").unwrap_err().to_string();
        assert_eq!(refused, "sqlite:/x/log.db is no address of a PostgreSQL database");
    }
}
