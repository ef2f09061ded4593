//! What goes into docs/performance: a table of all figures, and charts.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use testkit::process::run;
use testkit::tools;

use crate::chart::{Bar, Group, bars};
use crate::context::Context;
use crate::report::{Figure, Report, number};

/// The bars of a group: the label, the key in the report, and whether it is ours. `{}` is the number of writers.
type Bars = &'static [(&'static str, &'static str, bool)];

/// A chart with one group for each number of writers.
struct AppendChart {
    file: &'static str,
    title: &'static str,
    bars: Bars,
}

const APPEND_CHARTS: [AppendChart; 3] = [
    AppendChart {
        file: "append-postgresql.svg",
        title: "Appends per second on PostgreSQL, one event each",
        bars: &[
            ("dualgrid", "append_pg_{}_per_s", true),
            ("one INSERT per transaction", "append_pg_{}_plain_insert_per_s", false),
            ("esrs persist", "append_pg_{}_esrs_persist_per_s", false),
            ("message-db", "append_pg_{}_message_db_per_s", false),
        ],
    },
    AppendChart {
        file: "decide-postgresql.svg",
        title: "Load, decide, append: commands per second on PostgreSQL",
        bars: &[
            ("dualgrid", "append_pg_{}_decided_per_s", true),
            ("esrs AggregateManager", "append_pg_{}_esrs_manager_per_s", false),
        ],
    },
    AppendChart {
        file: "append-sqlite.svg",
        title: "Appends per second on SQLite, one event each",
        bars: &[
            ("dualgrid", "append_sqlite_{}_per_s", true),
            ("one INSERT per transaction", "append_sqlite_{}_plain_insert_per_s", false),
        ],
    },
];

const READ: Bars = &[
    ("PostgreSQL: typed events", "read_typed_pg_events_per_s", true),
    ("PostgreSQL: sqlx, raw rows", "read_raw_pg_events_per_s", false),
    ("SQLite: typed events", "read_typed_sqlite_events_per_s", true),
    ("SQLite: sqlx, raw rows", "read_raw_sqlite_events_per_s", false),
];

/// Writes `results.md` and the charts.
pub(crate) async fn write(context: &Context, report: &Report) -> anyhow::Result<()> {
    let folder = testkit::sample::workspace_dir().join("docs/performance");
    std::fs::create_dir_all(&folder).with_context(|| format!("could not create {}", folder.display()))?;
    let machine = machine(context).await?;
    write_file(&folder.join("results.md"), &markdown(&machine, report))?;
    for (file, svg) in charts(report) {
        write_file(&folder.join(file), &svg)?;
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}

/// What it ran on: nothing that names a machine.
async fn machine(context: &Context) -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let postgres = context.postgres().await?.query("postgres", "show server_version").await?;
    let postgres = postgres.split_whitespace().next().unwrap_or("?").to_owned();
    let mut nats = Command::new(tools::nats_server().await?);
    nats.arg("--version");
    let nats = run(nats).await?;
    Ok(format!("{cores} cores, PostgreSQL {postgres}, {}", nats.trim()))
}

/// File names and their charts, of what was measured.
fn charts(report: &Report) -> Vec<(&'static str, String)> {
    let mut charts = Vec::new();
    for chart in &APPEND_CHARTS {
        let group = |writers: u32| Group {
            label: if writers == 1 { "1 writer".to_owned() } else { format!("{writers} writers") },
            bars: measured(report, chart.bars, &writers.to_string()),
        };
        let groups: Vec<Group> = [1, 16, 64, 256].into_iter().map(group).collect();
        charts.push((chart.file, chart.title, groups));
    }
    let read = vec![Group { label: "The whole log, in order".to_owned(), bars: measured(report, READ, "") }];
    charts.push(("read.svg", "Events per second, read in order", read));
    for (_, _, groups) in &mut charts {
        groups.retain(|group| !group.bars.is_empty());
    }
    charts.retain(|(_, _, groups)| !groups.is_empty());
    charts.into_iter().map(|(file, title, groups)| (file, bars(title, "/s", &groups))).collect()
}

fn measured(report: &Report, bars: Bars, writers: &str) -> Vec<Bar> {
    let bar = |(label, key, ours): &(&str, &str, bool)| {
        let figure = report.figure(&key.replace("{}", writers))?;
        Some(Bar { label: (*label).to_owned(), value: figure.value, ours: *ours })
    };
    bars.iter().filter_map(bar).collect()
}

/// The table of all figures.
fn markdown(machine: &str, report: &Report) -> String {
    let mut text = format!(
        "# What the benchmarks measured\n\nWritten by `cargo xtask bench --docs` on {machine}; servers and clients \
         share the cores.\nA ratio is ours over theirs, the median of pairs that ran in turns.\n\n\
         | figure | what | value | least … most | target | |\n|---|---|--:|--:|--:|---|\n"
    );
    for figure in report.figures() {
        text.push_str(&row(figure));
    }
    text
}

fn row(figure: &Figure) -> String {
    let mut row = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        row,
        "| `{}` | {} | {} {} | {} | {} | {} |",
        figure.key,
        figure.what,
        number(figure.value),
        figure.unit,
        figure.range_text(),
        figure.target_text(),
        figure.verdict()
    );
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_row() {
        let mut report = Report::default();
        report.add(Figure::new("a_vs_b", "a over b", 5.5, "×").at_least(5.0).between(5.0, 6.0));
        let text = markdown("2 cores", &report);
        assert!(text.contains("| `a_vs_b` | a over b | 5.50 × | 5.00 … 6.00 | ≥ 5.00 | met |"), "{text}");
    }

    #[test]
    fn a_chart_shows_what_was_measured_and_nothing_else() {
        let mut report = Report::default();
        assert!(charts(&report).is_empty());
        report.add(Figure::new("append_pg_64_per_s", "", 40_000.0, "/s"));
        report.add(Figure::new("append_pg_64_esrs_persist_per_s", "", 6_000.0, "/s"));
        let charts = charts(&report);
        let [(file, svg)] = charts.as_slice() else { panic!("{charts:?}") };
        assert_eq!(*file, "append-postgresql.svg");
        assert!(svg.contains("64 writers") && !svg.contains("256 writers") && !svg.contains("message-db"), "{svg}");
    }
}
