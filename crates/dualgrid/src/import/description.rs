//! A description as it stands in files: every row knows the file, line and column that it is from.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::places::{Places, Source, Spot};

/// The field that names a row of each list. The rows of other lists have no name of their own.
const NAMES: [(&str, &str); 10] = [
    ("calendars", "id"),
    ("closings", "grid"),
    ("consent_rules", "id"),
    ("departments", "code"),
    ("filing_criteria", "code"),
    ("grids", "code"),
    ("levels", "root"),
    ("matters", "code"),
    ("persons", "id"),
    ("step_limits", "step"),
];

/// What stands before the name of a key that is set nowhere in a message.
const BEFORE_KEY: &str = "the body must have `";

/// Most rows that are named with a refusal.
const ROWS_SHOWN_MAX: usize = 3;

/// A file and what it includes, joined.
pub(super) struct Description {
    pub(super) table: Table,
    rows: Vec<Row>,
    places: Places,
    /// The file that includes the others.
    main: PathBuf,
}

/// A row of a list that has a name, and where it stands.
struct Row {
    list: String,
    name: String,
    spot: Spot,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} in {}", self.spot, self.name, self.list)
    }
}

impl Description {
    /// Reads a file with everything it includes. Lists of the same name are joined; any other key may be set only once.
    pub(super) fn read(file: &Path) -> anyhow::Result<Self> {
        let (mut rows, mut places) = (Vec::new(), Places::default());
        let mut table = parse(file, &Table::new(), &mut rows, &mut places)?;
        let included = match table.remove("include") {
            None => Vec::new(),
            Some(value) => value.try_into::<Vec<PathBuf>>().context("`include` must be a list of file names")?,
        };
        let dir = file.parent().unwrap_or(Path::new(""));
        let mut seen = BTreeSet::new();
        for name in included {
            let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
            ensure!(
                plain,
                "{}: `include` names {}; it may only name files beside it or in folders below",
                file.display(),
                name.display()
            );
            ensure!(seen.insert(name.clone()), "{} includes {} twice", file.display(), name.display());
            let path = dir.join(&name);
            let mut own = Places::default();
            for (key, value) in parse(&path, &table, &mut rows, &mut own)? {
                match (table.get_mut(&key), value) {
                    (_, _) if key == "include" => {
                        bail!("{} includes other files; name them in {}", path.display(), file.display())
                    }
                    (None, value) => {
                        table.insert(key, value);
                    }
                    (Some(Value::Array(joined)), Value::Array(more)) => joined.extend(more),
                    _ => bail!("{} sets {key}, which is set already: {}", own.of(&key), places.of(&key)),
                }
            }
            places.add(own);
        }
        Ok(Self { table, rows, places, main: file.to_path_buf() })
    }

    /// Where a message speaks of: places of a body such as `posts[3].holder`, else the rows that it names.
    pub(super) fn spots_in(&self, message: &str) -> String {
        if let Some(key) = message.split_once(BEFORE_KEY).and_then(|(_, rest)| rest.split('`').next()) {
            // What stands nowhere has no place: the first line is above every table.
            return format!(
                "; no file sets `{key}`: see {}:1:1, and set it above the first table",
                self.main.display()
            );
        }
        let spots = self.places.in_message(message, &self.table);
        if spots.is_empty() { self.rows_named_in(message) } else { listed(spots) }
    }

    /// Where a key of the whole description is set.
    pub(super) fn place_of(&self, key: &str) -> String {
        self.places.of(key)
    }

    /// What no command sees, because the departments and the catalogue go to different ones; and what is described twice.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let mut first: BTreeMap<(&str, &str), &Row> = BTreeMap::new();
        for row in &self.rows {
            if let Some(before) = first.insert((&row.list, &row.name), row) {
                bail!("{row}, is described before: {before}; leave one of them out");
            }
        }
        self.check_matters()
    }

    /// Departments and matters name each other, and only what is described.
    fn check_matters(&self) -> anyhow::Result<()> {
        let known: BTreeSet<&str> = self.list("matters").filter_map(|matter| matter.get("code")?.as_str()).collect();
        let mut owned: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for department in self.list("departments") {
            let code = text(department, "code");
            let matters: BTreeSet<&str> = texts(department, "matters").collect();
            let unknown: Vec<&str> = matters.iter().copied().filter(|matter| !known.contains(matter)).collect();
            let unknown = unknown.join(", ");
            ensure!(
                unknown.is_empty(),
                "{}, has matters that are not in the catalogue: {unknown}",
                self.row("departments", code)
            );
            owned.insert(code, matters);
        }
        for matter in self.list("matters") {
            let code = text(matter, "code");
            for department in matter.get("lead").and_then(Value::as_str).into_iter().chain(texts(matter, "assisting")) {
                let row = || self.row("matters", code);
                let Some(matters) = owned.get(department) else {
                    bail!("{}, names department {department}, which is not described", row());
                };
                ensure!(
                    matters.contains(code),
                    "{}, names department {department}, which does not have it; add {code} to its matters: {}",
                    row(),
                    self.row("departments", department)
                );
            }
        }
        Ok(())
    }

    /// The rows that a message names, to be written behind it.
    fn rows_named_in(&self, message: &str) -> String {
        let of_code = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        let words: BTreeSet<&str> =
            message.split(|character| !of_code(character)).map(|word| word.trim_end_matches('.')).collect();
        let named = self.rows.iter().filter(|row| words.contains(row.name.as_str())).take(ROWS_SHOWN_MAX);
        listed(named.map(ToString::to_string))
    }

    /// Where a row stands.
    pub(super) fn row(&self, list: &str, name: &str) -> String {
        let found = self.rows.iter().find(|row| row.list == list && row.name == name);
        found.map_or_else(|| format!("{name} in {list}"), ToString::to_string)
    }

    pub(super) fn list(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.table.get(name).and_then(Value::as_array).into_iter().flatten()
    }
}

/// Some places, to be written behind a message.
fn listed(spots: impl IntoIterator<Item = String>) -> String {
    spots.into_iter().fold(String::new(), |text, spot| text + "; see " + &spot)
}

pub(super) fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn texts<'a>(row: &'a Value, field: &str) -> impl Iterator<Item = &'a str> {
    row.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The table of one file. Its rows are noted, and where everything stands. Lists go on where those of `before` end.
fn parse(path: &Path, before: &Table, rows: &mut Vec<Row>, places: &mut Places) -> anyhow::Result<Table> {
    let text = std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))?;
    let table: Table = text.parse().with_context(|| format!("{} is not TOML", path.display()))?;
    let spanned = DeTable::parse(&text).with_context(|| format!("{} is not TOML", path.display()))?;
    let source = Source::new(path, &text);
    places.note(spanned.get_ref(), before, &source);
    for (list, field) in NAMES {
        let Some(DeValue::Array(items)) = spanned.get_ref().get(list).map(Spanned::get_ref) else { continue };
        for item in items {
            let DeValue::Table(fields) = item.get_ref() else { continue };
            let Some(DeValue::String(name)) = fields.get(field).map(Spanned::get_ref) else { continue };
            rows.push(Row { list: list.into(), name: name.to_string(), spot: source.spot(item.span().start) });
        }
    }
    Ok(table.into_iter().map(|(key, value)| (key, plain(value))).collect())
}

/// A date of TOML as the text that a body has for it.
fn plain(value: Value) -> Value {
    match value {
        Value::Datetime(moment) => Value::String(moment.to_string()),
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Value::Table(fields) => Value::Table(fields.into_iter().map(|(key, value)| (key, plain(value))).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPARTMENT: &str = "[[departments]]\ncode = \"CGZF\"\nmatters = [\"WM-0101\"]\n";
    const MATTER: &str = "[[matters]]\ncode = \"WM-0101\"\nlead = \"CGZF\"\n";

    /// What is wrong with a description of one file, and one that it includes.
    fn fault(main: &str, beside: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("main.toml", main);
        write("beside.toml", beside);
        let checked = Description::read(&folder.path().join("main.toml")).and_then(|read| read.check());
        let fault = checked.err().map(|error| error.to_string()).unwrap_or_default();
        fault.replace(&format!("{}/", folder.path().display()), "")
    }

    #[test]
    fn what_is_wrong_is_said_with_file_line_column_and_row() {
        let include = "include = [\"beside.toml\"]\n";
        let [main, both] = [format!("{include}{DEPARTMENT}"), format!("{DEPARTMENT}{MATTER}")];
        assert_eq!(fault(&main, MATTER), "");
        assert_eq!(
            fault(&main, &both),
            "beside.toml:1:1: CGZF in departments, is described before: main.toml:2:1: CGZF in departments; leave one of \
             them out"
        );
        assert_eq!(
            fault(&main, &format!("\n{}", MATTER.replace("CGZF", "XFJY"))),
            "beside.toml:2:1: WM-0101 in matters, names department XFJY, which is not described"
        );
        assert_eq!(
            fault(&format!("{main}[[departments]]\ncode = \"SCJG\"\n"), &format!("{MATTER}assisting = [\"SCJG\"]\n")),
            "beside.toml:1:1: WM-0101 in matters, names department SCJG, which does not have it; add WM-0101 to its matters: \
             main.toml:5:1: SCJG in departments"
        );
        assert_eq!(
            fault(&main.replace("WM-0101", "ZZ-9999"), MATTER),
            "main.toml:2:1: CGZF in departments, has matters that are not in the catalogue: ZZ-9999"
        );
    }

    #[test]
    fn only_files_beside_or_below_are_included_and_each_once() {
        for outside in ["../beside.toml", "/etc/passwd", "./../x", "a/../../x"] {
            let said = fault(&format!("include = [\"{outside}\"]"), "");
            assert!(said.contains("it may only name files beside it or in folders below"), "{outside}: {said}");
        }
        let twice = fault("include = [\"beside.toml\", \"beside.toml\"]", "");
        assert_eq!(twice, "main.toml includes beside.toml twice");
        let nested = fault("include = [\"beside.toml\"]", "include = [\"main.toml\"]");
        assert_eq!(nested, "beside.toml includes other files; name them in main.toml");
    }

    #[test]
    fn a_refusal_is_followed_by_the_rows_it_names() {
        let row = |list: &str, name: &str, line| Row {
            list: list.into(),
            name: name.into(),
            spot: Spot { file: Path::new("a.toml").into(), line, column: 1 },
        };
        let rows = vec![row("grids", "JAS", 3), row("grids", "JAS-R03", 9)];
        let description = Description { table: Table::new(), rows, places: Places::default(), main: "a.toml".into() };
        assert_eq!(description.rows_named_in("grid JAS-R03 already exists"), "; see a.toml:9:1: JAS-R03 in grids");
        assert_eq!(description.rows_named_in("nothing of it"), "");
    }
}
