//! The statements of a build, which differ between the backends in the type of documents and in how texts are compared.

use app::port::{Build, Failure, Order, Query, ViewSpec};

use crate::failure::broken;

/// Longest name of a view or field: PostgreSQL cuts names at 63 bytes.
const NAME_BYTES_MAX: usize = 40;

/// Registers a build: name, version, whether it is being filled in bulk. Gives its number, after which its table is called.
pub(super) const REGISTER: &str =
    "insert into views (name, version, table_name, filling) values ($1, $2, '', $3) returning number";
/// Says what the table of a build is called: name, number.
pub(super) const NAME_TABLE: &str = "update views set table_name = $1 where number = $2";
/// Sets the checkpoint of a bulk fill: position, number.
pub(super) const FINISH: &str = "update views set position = $1, filling = false where number = $2 and filling";
/// Moves the checkpoint where it is as expected: position, number, position before.
pub(super) const MOVE_CHECKPOINT: &str = "update views set position = $1 where number = $2 and position = $3";
/// Takes the other builds of a view off the register: name, number.
pub(super) const FORGET_OTHERS: &str = "delete from views where name = $1 and number <> $2";
/// Makes a build the one that is read: number.
pub(super) const ACTIVATE: &str = "update views set active = true where number = $1";
/// Takes a build that is not read off the register: number.
pub(super) const ABANDON: &str = "delete from views where number = $1 and not active";

/// A statement that reads rows, and its arguments: first the texts, then the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) sql: String,
    pub(super) texts: Vec<String>,
    pub(super) numbers: Vec<i64>,
}

/// The SQL of one backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

impl Dialect {
    /// `json` keeps the text as it was written and takes what `jsonb` refuses (\u0000).
    const fn document_type(self) -> &'static str {
        match self {
            Dialect::Postgres => "json",
            Dialect::Sqlite => "text",
        }
    }

    /// Creates the table of a build. The fields by which rows are found stand in columns of their own beside the document:
    /// an index over an expression would read the document anew for every field of every index at every write.
    pub(super) fn create(self, number: i64, view: &ViewSpec) -> String {
        let table = table(view, number);
        let document = self.document_type();
        let collation = if self == Dialect::Postgres { " collate \"C\"" } else { "" };
        let mut columns = vec![
            format!("key text{collation} primary key not null"),
            "sort bigint not null".to_owned(),
            format!("doc {document} not null"),
        ];
        columns.extend(view.fields().iter().map(|field| format!("{} text{collation}", column(field))));
        format!("create table {table} (\n    {}\n)", columns.join(",\n    "))
    }

    /// Creates the indexes of a build, one statement each. Rows without the first field are in none: nobody can ask for
    /// them, and there are many.
    pub(super) fn create_indexes(number: i64, view: &ViewSpec) -> Vec<String> {
        let table = table(view, number);
        let index = |(n, fields): (usize, &&[&str])| {
            let mut columns: Vec<String> = fields.iter().map(|field| column(field)).collect();
            let first = columns.first().map(|column| format!(" where {column} is not null")).unwrap_or_default();
            columns.push("sort".to_owned());
            format!("create index {table}_{n} on {table} ({}){first}", columns.join(", "))
        };
        view.indexes.iter().enumerate().map(index).collect()
    }

    /// The columns of a row, and what becomes of one that is there already.
    pub(super) fn upsert(view: &ViewSpec) -> (String, String) {
        let fields: Vec<String> = view.fields().into_iter().map(column).collect();
        let columns = ["key", "sort", "doc"].into_iter().map(str::to_owned).chain(fields);
        let columns: Vec<String> = columns.collect();
        let set: Vec<String> = columns[1..].iter().map(|column| format!("{column} = excluded.{column}")).collect();
        (columns.join(", "), format!("on conflict (key) do update set {}", set.join(", ")))
    }

    /// Reads a page.
    pub(super) fn find(self, number: i64, view: &ViewSpec, query: &Query) -> Reading {
        let (beyond, direction) = match query.order {
            Order::Ascending => (">", "asc"),
            Order::Descending => ("<", "desc"),
        };
        let mut conditions: Vec<String> =
            (1..).zip(&query.equal).map(|(n, (field, _))| format!("{} = ${n}", column(field))).collect();
        let texts: Vec<String> = query.equal.iter().map(|(_, text)| text.clone()).collect();
        let mut numbers = Vec::new();
        if let Some(sort) = query.beyond {
            numbers.push(sort);
            conditions.push(format!("sort {beyond} ${}", texts.len() + numbers.len()));
        }
        numbers.push(i64::from(query.limit));
        let condition =
            if conditions.is_empty() { String::new() } else { format!(" where {}", conditions.join(" and ")) };
        let sql = format!(
            "{}{condition} order by sort {direction} limit ${}",
            self.select(&table(view, number)),
            texts.len() + numbers.len()
        );
        Reading { sql, texts, numbers }
    }

    /// Reads the row of one key.
    pub(super) fn get(self, number: i64, view: &ViewSpec, key: &str) -> Reading {
        let sql = format!("{} where key = $1", self.select(&table(view, number)));
        Reading { sql, texts: vec![key.to_owned()], numbers: Vec::new() }
    }

    fn select(self, table: &str) -> String {
        let document = if self == Dialect::Postgres { "doc::text" } else { "doc" };
        format!("select key, sort, {document} from {table}")
    }
}

/// The column of a field. Its own name might be a word of SQL, or that of another column.
fn column(field: &str) -> String {
    format!("by_{field}")
}

/// The name of the table of a build.
pub(super) fn table(view: &ViewSpec, number: i64) -> String {
    format!("view_{}_{number}", view.name)
}

/// The name of the table of `build`.
pub(super) fn table_of(build: &Build) -> String {
    table(&build.spec, build.number)
}

/// Names stand in SQL text, so they are checked: lower-case ASCII, digits and `_`.
pub(super) fn check_names(operation: &'static str, view: &ViewSpec) -> Result<(), Failure> {
    let mut names = std::iter::once(view.name).chain(view.indexes.iter().flat_map(|fields| fields.iter().copied()));
    names.try_for_each(|name| check_name(operation, name))
}

/// The names in a query stand in SQL text too.
pub(super) fn check_query(operation: &'static str, view: &ViewSpec, query: &Query) -> Result<(), Failure> {
    check_names(operation, view)?;
    query.equal.iter().try_for_each(|(field, _)| check_name(operation, field))
}

fn check_name(operation: &'static str, name: &str) -> Result<(), Failure> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if starts_well && name.len() <= NAME_BYTES_MAX && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(broken(operation, format!("{name:?} cannot be the name of a view or field: a-z, 0-9 and _, at most 40")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOARD: ViewSpec = ViewSpec { name: "board", version: 1, indexes: &[&["grid", "stage"], &[]] };

    #[test]
    fn the_statements_of_a_build_are_these() {
        let create = Dialect::Postgres.create(7, &BOARD);
        assert!(create.contains("doc json not null,\n    by_grid text collate \"C\",\n    by_stage text"), "{create}");
        let indexes = Dialect::create_indexes(7, &BOARD);
        assert_eq!(
            indexes[0],
            "create index view_board_7_0 on view_board_7 (by_grid, by_stage, sort) where by_grid is not null"
        );
        assert_eq!(indexes[1], "create index view_board_7_1 on view_board_7 (sort)");
        let query =
            Query { equal: vec![("grid", "A".to_owned())], order: Order::Descending, beyond: Some(3), limit: 10 };
        let reading = Dialect::Postgres.find(7, &BOARD, &query);
        assert_eq!(
            reading.sql,
            "select key, sort, doc::text from view_board_7 where by_grid = $1 and sort < $2 \
             order by sort desc limit $3"
        );
        assert_eq!((reading.texts, reading.numbers), (vec!["A".to_owned()], vec![3, 10]));
    }

    #[test]
    fn a_name_that_would_be_sql_is_refused() {
        for bad in ["", "Board", "a'b", "a b", "1a", &"a".repeat(41)] {
            assert!(check_name("test", bad).is_err(), "{bad:?}");
        }
        assert!(check_names("test", &BOARD).is_ok());
    }
}
