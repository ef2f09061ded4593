//! From what a database returns to what is asked of a view.

use app::port::view_store::Cursor;
use app::port::{Failure, FindError, Registered, Row, RowPage};

use crate::failure::{broken, failure};
use crate::record::{from_sql, position_from_sql};

/// Position of the view, then sort key, key and document of a row.
pub(super) type FoundRow = (i64, Option<i64>, Option<String>, Option<String>);

/// Number, name, version, position, whether it is active, whether it is being filled.
pub(super) type FoundBuild = (i64, String, i32, i64, bool, bool);

pub(super) fn registered(
    operation: &'static str,
    found: Result<Vec<FoundBuild>, sqlx::Error>,
) -> Result<Vec<Registered>, Failure> {
    let found = found.map_err(|source| failure(operation, &source))?;
    let build = |(number, view, version, position, active, filling)| {
        let (version, position) = (from_sql(version)?, position_from_sql(position)?);
        Ok(Registered { number, view, version, position, active, filling })
    };
    found.into_iter().map(build).collect()
}

/// The one row, if it exists.
pub(super) fn row(operation: &'static str, found: Result<Vec<FoundRow>, FindError>) -> Result<Option<Row>, Failure> {
    let found = found.map_err(|error| match error {
        FindError::Failure(failure) => failure,
        FindError::Cursor => broken(operation, error.to_string()),
    })?;
    let read = |(position, _, key, doc)| Some((position, key?, doc?));
    let Some((position, key, doc)) = found.into_iter().next().and_then(read) else { return Ok(None) };
    Ok(Some(Row { key, position: position_from_sql(position)?, doc }))
}

/// A page of at most `limit` rows, of which there is one more than the page takes, if the view has more.
pub(super) fn page(limit: u32, found: Vec<FoundRow>) -> Result<RowPage, Failure> {
    let position = position_from_sql(found.first().map_or(0, |(position, ..)| *position))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = found.len() > limit;
    let mut page = RowPage { rows: Vec::with_capacity(found.len()), next: None, position };
    let mut last = None;
    for (_, sort, key, doc) in found.into_iter().take(limit) {
        let (Some(sort), Some(key), Some(doc)) = (sort, key, doc) else { continue };
        last = Some((sort, page.rows.len()));
        page.rows.push(Row { key, position, doc });
    }
    if let Some((sort, n)) = last.filter(|_| has_more) {
        page.next = Some(Cursor { sort, key: page.rows[n].key.clone() }.to_string());
    }
    Ok(page)
}
