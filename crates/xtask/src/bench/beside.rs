//! `cargo xtask bench --beside`: another revision and this one, measured in turns in one run.
//!
//! The other revision is checked out into a worktree below `target/` and stays there, so that the next run need not build it
//! again. Each revision is measured by its own benchmarks. Nothing is asserted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use comfy_table::{CellAlignment, Table, presets};
use serde_json::json;
use testkit::sample::workspace_dir;
use testkit::tools;
use tokio::process::Command;

use super::{build, target_dir};
use crate::cargo::{output, run as run_command};

/// The revision before the kinds got one registry and the views one reader.
pub(super) const BEFORE: &str = "39d807a";
/// How often both are measured.
const PAIRS: usize = 3;
/// The variable that limits the benchmarks to parts.
const PARTS: &str = "DUALGRID_BENCH_PARTS";

/// What is measured at once.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    name: &'static str,
    /// The benchmark.
    only: &'static str,
    /// Its parts. A revision that does not know one of them leaves it out, or measures more than it.
    parts: &'static str,
}

const GROUPS: [Group; 3] = [
    Group {
        name: "append",
        only: "append",
        parts: "append_pg_1_vs_plain_insert,append_pg_64_vs_plain_insert,append_pg_64_vs_esrs_manager,\
                append_sqlite_64_vs_plain_insert",
    },
    Group { name: "http", only: "http", parts: "api,all,sqlite" },
    Group { name: "views-rebuild", only: "views", parts: "views-sqlite,views-pg,rebuild" },
];

/// The figures of one run, by key.
type Figures = BTreeMap<String, f64>;

/// One of the two revisions.
struct Side {
    name: String,
    /// Where it is checked out: its samples and golden files are read from there.
    checkout: PathBuf,
    bench: PathBuf,
    nats_server: PathBuf,
}

/// Measures both revisions and prints what both have, side by side.
pub(super) async fn run(
    revision: &str,
    only: Option<&str>,
    json: Option<&Path>,
    nats_server: &Path,
) -> anyhow::Result<()> {
    let groups = groups(only)?;
    let before = Side::built(checkout(revision).await?, revision, nats_server).await?;
    let now = Side::built(workspace_dir(), "now", nats_server).await?;
    let runs = groups.len() * PAIRS * 2;
    let (mut done, mut pairs) = (0, Vec::new());
    for group in groups {
        for pair in 0..PAIRS {
            let mut figures = [Figures::new(), Figures::new()];
            // Who begins changes, so that nobody always comes after the other.
            let order = if pair % 2 == 0 { [0, 1] } else { [1, 0] };
            for place in order {
                let side = [&before, &now][place];
                done += 1;
                eprintln!("[{done}/{runs}] {}: {}, pair {} of {PAIRS}", group.name, side.name, pair + 1);
                figures[place] = side.measure(group).await?;
            }
            pairs.push(figures);
        }
    }
    let rows = rows(&pairs);
    println!("{}", table(revision, &rows));
    if let Some(file) = json {
        let text = format!("{:#}\n", as_json(&rows));
        std::fs::write(file, text).with_context(|| format!("could not write {}", file.display()))?;
    }
    Ok(())
}

/// The groups that are asked for, or all.
fn groups(only: Option<&str>) -> anyhow::Result<Vec<&'static Group>> {
    let Some(only) = only else { return Ok(GROUPS.iter().collect()) };
    let found = |name: &str| {
        let group = GROUPS.iter().find(|group| group.name == name);
        group.with_context(|| {
            format!("`{name}` is not measured beside another revision; give append, http or views-rebuild")
        })
    };
    only.split(',').map(found).collect()
}

/// The worktree of a revision below `target/`, made where it is not there.
async fn checkout(revision: &str) -> anyhow::Result<PathBuf> {
    let commit = format!("{revision}^{{commit}}");
    let commit = output(git(&workspace_dir(), &["rev-parse", "--verify", "--quiet", &commit])).await;
    let commit = commit.with_context(|| format!("there is no revision {revision} here"))?;
    let commit = commit.trim();
    let folder = workspace_dir().join("target/beside").join(commit).join("checkout");
    if !folder.is_dir() {
        // One that was removed by hand is still known to git.
        run_command(git(&workspace_dir(), &["worktree", "prune"])).await?;
        let path = folder.to_str().context("the path of the worktree is not UTF-8")?;
        run_command(git(&workspace_dir(), &["worktree", "add", "--detach", path, commit])).await?;
    }
    let head = output(git(&folder, &["rev-parse", "HEAD"])).await?;
    ensure!(head.trim() == commit, "{} is at {}: remove it", folder.display(), head.trim());
    Ok(folder)
}

fn git(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder);
    command
}

impl Side {
    /// Builds it, and keeps its programs: the next build has programs of the same names.
    async fn built(checkout: PathBuf, name: &str, nats_server: &Path) -> anyhow::Result<Self> {
        build(&checkout).await.with_context(|| format!("the benchmarks of {name} could not be built"))?;
        let folder = workspace_dir().join("target/beside/programs").join(name.replace('/', "-"));
        std::fs::create_dir_all(&folder).with_context(|| format!("could not create {}", folder.display()))?;
        for program in ["dualgrid-bench", "dualgrid"] {
            let (built, kept) = (target_dir().join("release").join(program), folder.join(program));
            std::fs::copy(&built, &kept).with_context(|| format!("could not copy {}", built.display()))?;
        }
        let bench = folder.join("dualgrid-bench");
        Ok(Self { name: name.to_owned(), checkout, bench, nats_server: nats_server.to_owned() })
    }

    /// Measures a group once. Where something fails, what was measured before it counts.
    async fn measure(&self, group: &Group) -> anyhow::Result<Figures> {
        let folder = tempfile::tempdir().context("could not create a folder")?;
        let file = folder.path().join("figures.json");
        let mut bench = Command::new(&self.bench);
        bench.args(["--quick", "--only", group.only, "--json"]).arg(&file);
        bench.current_dir(&self.checkout).env(tools::NATS_SERVER_VARIABLE, &self.nats_server);
        bench.stdout(std::process::Stdio::null());
        if std::env::var_os(PARTS).is_none() {
            bench.env(PARTS, group.parts);
        }
        if let Err(error) = run_command(bench).await {
            eprintln!("{}, {}: {error:#}", self.name, group.name);
        }
        let Ok(text) = std::fs::read_to_string(&file) else {
            bail!("{} measured nothing of {}", self.name, group.name)
        };
        serde_json::from_str(&text).context("the figures are no flat object of numbers")
    }
}

/// One figure that both revisions have.
#[derive(Debug, PartialEq)]
struct Row {
    key: String,
    before: f64,
    now: f64,
    /// The median of now over before, pair by pair; with the least and the most.
    ratio: f64,
    range: (f64, f64),
}

/// Every figure that both sides of some pair have.
fn rows(pairs: &[[Figures; 2]]) -> Vec<Row> {
    let mut measured: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
    for [before, now] in pairs {
        for (key, before) in before {
            if let Some(now) = now.get(key) {
                measured.entry(key).or_default().push((*before, *now));
            }
        }
    }
    let row = |(key, pairs): (&str, Vec<(f64, f64)>)| {
        let ratios = sorted(pairs.iter().map(|(before, now)| now / before));
        Row {
            key: key.to_owned(),
            before: median(&sorted(pairs.iter().map(|(before, _)| *before))),
            now: median(&sorted(pairs.iter().map(|(_, now)| *now))),
            ratio: median(&ratios),
            range: (ratios[0], ratios[ratios.len() - 1]),
        }
    };
    measured.into_iter().map(row).collect()
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle one of values in order; of an even number, the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn table(revision: &str, rows: &[Row]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(["figure", revision, "now", "now / before", "least … most"]);
    for row in rows {
        table.add_row([
            row.key.clone(),
            number(row.before),
            number(row.now),
            format!("{:.2}", row.ratio),
            format!("{:.2} … {:.2}", row.range.0, row.range.1),
        ]);
    }
    for column in 1..5 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Few enough digits to compare.
fn number(value: f64) -> String {
    if value.abs() < 100.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

fn as_json(rows: &[Row]) -> serde_json::Value {
    let row = |row: &Row| (row.key.clone(), json!({ "before": row.before, "now": row.now, "ratio": row.ratio }));
    serde_json::Value::Object(rows.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_measured_is_compared_pair_by_pair() {
        let figures = |rate: f64, other: &str| Figures::from([("rate".to_owned(), rate), (other.to_owned(), 1.0)]);
        let pair = |before, now| [figures(before, "old"), figures(now, "new")];
        let rows = rows(&[pair(10.0, 20.0), pair(100.0, 50.0), pair(40.0, 40.0)]);
        let expected = Row { key: "rate".to_owned(), before: 40.0, now: 40.0, ratio: 1.0, range: (0.5, 2.0) };
        assert_eq!(rows, [expected]);
    }

    #[test]
    fn groups_are_found_by_name() {
        assert_eq!(groups(None).unwrap().len(), GROUPS.len());
        let names = |only| groups(Some(only)).map(|groups| groups.iter().map(|group| group.name).collect::<Vec<_>>());
        assert_eq!(names("views-rebuild,append").unwrap(), ["views-rebuild", "append"]);
        assert!(names("views").unwrap_err().to_string().starts_with("`views` is not measured"));
    }
}
