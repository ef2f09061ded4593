//! The statements of a build, which differ between the backends in the type of documents and in how texts are compared.

use app::port::view_store::{Cursor, entry, set_of};
use app::port::{Build, Either, Failure, FindError, Query, ViewSpec};
use kernel::view::Order;

use super::active::{Active, not_built};
use crate::failure::broken;

/// Longest name of a view or filter: PostgreSQL cuts names at 63 bytes.
const NAME_BYTES_MAX: usize = 40;

/// Registers a build: name, version, filters, whether it is filled in bulk. Gives its number.
pub(super) const REGISTER: &str =
    "insert into views (name, version, filters, filling) values ($1, $2, $3, $4) returning number";
/// Reads the register.
pub(super) const BUILDS: &str = "select number, name, version, position, active, filling from views order by number";
/// Reads number and filters of the active build: name.
pub(super) const ACTIVE: &str = "select number, filters from views where name = $1 and active";
/// Ends a bulk fill and sets its checkpoint: position, number.
pub(super) const FINISH: &str = "update views set position = $1, filling = false where number = $2 and filling";
/// Takes the other builds of a view off the register: name, number.
pub(super) const FORGET_OTHERS: &str = "delete from views where name = $1 and number <> $2";
/// Makes a build the one that is read: number.
pub(super) const ACTIVATE: &str = "update views set active = true where number = $1";
/// Takes a build that is not read off the register: number.
pub(super) const ABANDON: &str = "delete from views where number = $1 and not active";

/// An argument of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Argument {
    Text(String),
    Number(i64),
}

/// A statement that reads rows, and its arguments in order. Its columns are the position of the view, then sort key, key and
/// document of a row, all of which are null where there is no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) sql: String,
    pub(super) arguments: Vec<Argument>,
}

/// The tables of a build.
pub(super) struct Tables {
    /// Keys and documents.
    pub(super) rows: String,
    /// Values, sort keys and keys.
    pub(super) by: String,
    /// During a bulk fill: keys, sort keys and lists of values.
    pub(super) fill: String,
}

impl Tables {
    pub(super) fn of(build: &Build) -> Self {
        let rows = format!("view_{}_{}", build.view, build.number);
        Self { by: format!("{rows}_by"), fill: format!("{rows}_fill"), rows }
    }

    pub(super) fn all(&self) -> [&str; 3] {
        [&self.rows, &self.by, &self.fill]
    }
}

/// The SQL of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

impl Dialect {
    /// Creates the tables of a build, one statement each. `json` keeps the text as it was written and takes what `jsonb` refuses
    /// (\u0000).
    pub(super) fn create(self, build: &Build, is_filled: bool) -> Vec<String> {
        let Tables { rows, by, fill } = Tables::of(build);
        let (text, json, list, unlogged) = match self {
            Self::Postgres => ("text collate \"C\"", "json", "text[]", " unlogged"),
            Self::Sqlite => ("text", "text", "text", ""),
        };
        let entries = match self {
            // Sorted by nothing: the index is what is read, and it is made at the end of a fill.
            Self::Postgres => {
                format!("create table {by} (sort bigint not null, value {text} not null, key {text} not null)")
            }
            Self::Sqlite => format!(
                "create table {by} (value text not null, sort integer not null, key text not null, \
                 primary key (value, sort, key)) without rowid"
            ),
        };
        let mut statements =
            vec![format!("create table {rows} (key {text} primary key not null, doc {json} not null)"), entries];
        if is_filled {
            statements.push(format!(
                "create{unlogged} table {fill} (key {text} primary key not null, sort bigint not null, \
                 entries {list} not null)"
            ));
        } else {
            statements.extend(self.create_index(build));
        }
        statements
    }

    /// Creates the index by which rows are found, where it is not the table itself.
    pub(super) fn create_index(self, build: &Build) -> Option<String> {
        let Tables { by, .. } = Tables::of(build);
        (self == Self::Postgres).then(|| format!("create unique index {by}_index on {by} (value, sort, key)"))
    }

    /// Makes the entries of a bulk fill.
    pub(super) fn make_entries(self, build: &Build) -> String {
        let Tables { by, fill, .. } = Tables::of(build);
        match self {
            Self::Postgres => {
                format!("insert into {by} (value, sort, key) select unnest(entries), sort, key from {fill}")
            }
            // In the order of the table, so that each page is written once.
            Self::Sqlite => format!(
                "insert into {by} (value, sort, key) select entry.value, filled.sort, filled.key \
                 from {fill} as filled, json_each(filled.entries) as entry order by 1, 2, 3"
            ),
        }
    }

    /// Reads the row of one key.
    pub(super) fn get(self, build: &Build, key: &str) -> Reading {
        let (Tables { rows, .. }, document) = (Tables::of(build), self.document());
        let sql = format!(
            "select views.position, cast(0 as bigint), found.key, {document} from views left join {rows} as found on found.key = $1 \
             where views.number = $2"
        );
        Reading { sql, arguments: vec![Argument::Text(key.to_owned()), Argument::Number(build.number)] }
    }

    /// Reads a page and one row more.
    pub(super) fn find(
        self,
        operation: &'static str,
        view: &ViewSpec,
        active: &Active,
        query: &Query,
    ) -> Result<Reading, FindError> {
        let set = offered(operation, view, active, &query.equal)?;
        let value = |filter: &String| query.equal.iter().find(|(name, _)| name == filter).map(|(_, value)| &**value);
        let mut arguments = vec![Argument::Text(entry(set, active.filters[set].iter().filter_map(value)))];
        let (beyond, direction) = match query.order {
            Order::Ascending => (">", "asc"),
            Order::Descending => ("<", "desc"),
        };
        let mut condition = String::new();
        if let Some(cursor) = &query.beyond {
            let Cursor { sort, key } = cursor.parse()?;
            arguments.extend([Argument::Number(sort), Argument::Text(key)]);
            condition = format!(" and (sort, key) {beyond} ($2, $3)");
        }
        arguments.extend([Argument::Number(i64::from(query.limit) + 1), Argument::Number(active.build.number)]);
        let (limit, number) = (arguments.len() - 1, arguments.len());
        let (Tables { rows, by, .. }, document) = (Tables::of(&active.build), self.document());
        let sql = format!(
            "select views.position, entry.sort, found.key, {document} from views \
             left join (select sort, key from {by} where value = $1{condition} \
             order by sort {direction}, key {direction} limit ${limit}) as entry on true \
             left join {rows} as found on found.key = entry.key where views.number = ${number}"
        );
        Ok(Reading { sql, arguments })
    }

    /// Reads the rows that are found by any of several values. No index gives them in the order of their number of values, so that of
    /// each value only some are read.
    pub(super) fn find_either(
        self,
        operation: &'static str,
        view: &ViewSpec,
        active: &Active,
        either: &Either,
    ) -> Result<Reading, FindError> {
        let set = offered(operation, view, active, &[(either.filter, String::new())])?;
        let (Tables { rows, by, .. }, document) = (Tables::of(&active.build), self.document());
        let entries = either.values.iter().map(|value| Argument::Text(entry(set, [value.as_str()])));
        let mut arguments: Vec<Argument> = entries.collect();
        let values = arguments.len();
        arguments.extend([either.each_max.into(), either.limit.into()].map(Argument::Number));
        arguments.push(Argument::Number(active.build.number));
        let (each, limit, number) = (values + 1, values + 2, values + 3);
        let of_value = |n| {
            format!(
                "select sort, key from (select sort, key from {by} where value = ${n} \
                 order by sort desc, key desc limit ${each}) as value_{n}"
            )
        };
        let any = (1..=values).map(of_value).collect::<Vec<_>>().join(" union all ");
        let sql = format!(
            "select views.position, entry.sort, found.key, {document} from views \
             left join (select sort, key, count(*) as hits from ({any}) as any_value group by sort, key \
             order by hits desc, sort desc, key desc limit ${limit}) as entry on true \
             left join {rows} as found on found.key = entry.key where views.number = ${number} \
             order by entry.hits desc, entry.sort desc, entry.key desc"
        );
        Ok(Reading { sql, arguments })
    }

    fn document(self) -> &'static str {
        if self == Self::Postgres { "found.doc::text" } else { "found.doc" }
    }
}

/// The set with exactly these filters, by which the active build is found.
fn offered(
    operation: &'static str,
    view: &ViewSpec,
    active: &Active,
    asked: &[(&'static str, String)],
) -> Result<usize, FindError> {
    set_of(&active.filters, asked).ok_or_else(|| {
        // The active build may be of an older version, until the new one is complete.
        let is_offered = set_of(view.filters, asked).is_some();
        let unknown = || broken(operation, format!("the view {} is not found by these filters", view.name));
        if is_offered { not_built(operation, view) } else { unknown() }.into()
    })
}

/// The filters of a view as the register keeps them.
pub(super) fn filters_of(view: &ViewSpec) -> String {
    serde_json::to_string(view.filters).expect("lists of texts can be written as JSON")
}

/// Names are part of SQL text, so they are checked: lower-case ASCII letters, digits and `_`.
pub(super) fn check_name(operation: &'static str, name: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if starts_well && name.len() <= NAME_BYTES_MAX && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(broken(operation, format!("`{name}` cannot be the name of a view: a-z, 0-9 and _, at most 40")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    const BOARD: ViewSpec = ViewSpec { name: "board", version: 1, filters: &[&["grid", "stage"], &[], &["new"]] };

    fn active() -> Active {
        let filters = vec![vec!["grid".to_owned(), "stage".to_owned()], vec![]];
        Active { build: Build { number: 7, view: "board" }, filters: Arc::new(filters) }
    }

    fn query(equal: &[(&'static str, &str)], beyond: Option<&str>) -> Query {
        let equal = equal.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Query { equal, order: Order::Descending, beyond: beyond.map(str::to_owned), limit: 10 }
    }

    #[test]
    fn a_page_is_read_by_its_entry_and_the_place_before_it() {
        let asked = query(&[("stage", "open"), ("grid", "A")], Some("3~k"));
        let reading = Dialect::Postgres.find("test", &BOARD, &active(), &asked).unwrap();
        assert_eq!(
            reading.sql,
            "select views.position, entry.sort, found.key, found.doc::text from views \
             left join (select sort, key from view_board_7_by where value = $1 and (sort, key) < ($2, $3) \
             order by sort desc, key desc limit $4) as entry on true \
             left join view_board_7 as found on found.key = entry.key where views.number = $5"
        );
        let text = |text: &str| Argument::Text(text.to_owned());
        let number = Argument::Number;
        assert_eq!(reading.arguments, [text("0:A\u{1f}open"), number(3), text("k"), number(11), number(7)]);
    }

    #[test]
    fn rows_of_any_value_are_read_through_the_entries_of_each() {
        let filters = vec![vec!["cell".to_owned()]];
        let active = Active { build: Build { number: 7, view: "board" }, filters: Arc::new(filters) };
        let either = Either { filter: "cell", values: vec!["a".into(), "b".into()], each_max: 30, limit: 60 };
        let reading = Dialect::Sqlite.find_either("test", &BOARD, &active, &either).unwrap();
        let of = |n| {
            format!(
                "select sort, key from (select sort, key from view_board_7_by where value = ${n} \
                 order by sort desc, key desc limit $3) as value_{n}"
            )
        };
        assert!(reading.sql.contains(&format!("({} union all {}) as any_value", of(1), of(2))), "{}", reading.sql);
        let text = |text: &str| Argument::Text(text.to_owned());
        let number = Argument::Number;
        assert_eq!(reading.arguments, [text("0:a"), text("0:b"), number(30), number(60), number(7)]);
    }

    #[test]
    fn what_the_active_build_cannot_be_asked_is_told_apart_from_what_no_build_can() {
        let asked = |equal, beyond| Dialect::Sqlite.find("test", &BOARD, &active(), &query(equal, beyond));
        let failure = |found: Result<Reading, FindError>| match found {
            Err(FindError::Failure(failure)) => failure,
            other => panic!("{other:?}"),
        };
        assert!(failure(asked(&[("new", "x")], None)).passing, "until the new build is complete");
        assert!(!failure(asked(&[("grid", "x")], None)).passing);
        assert!(matches!(asked(&[], Some("x")), Err(FindError::Cursor)));
    }

    #[test]
    fn a_name_that_would_be_sql_is_refused() {
        for bad in ["", "Board", "a'b", "a b", "1a", &"a".repeat(41)] {
            assert!(check_name("test", bad).unwrap_err().reason.contains("cannot be the name"), "{bad}");
        }
        assert!(check_name("test", BOARD.name).is_ok());
    }
}
